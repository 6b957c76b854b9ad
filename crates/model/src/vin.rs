//! The vehicle identification number of ISO 3779.
//!
//! Refuses wrong letters and lengths, and nothing else: the check digit is compulsory in North
//! America and China only, so a wrong one is worth a warning, never a refusal.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// 17 characters of A–Z and 0–9 without I, O and Q, in capitals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Vin(String);

/// Why a text is no VIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 17 letters and digits without I, O and Q")]
pub struct NotAVin;

/// What the ninth character says about the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckDigit {
    /// It is the weighted sum of the others.
    Ok,
    /// It could be a check digit (0–9 or X) and is another one.
    Mismatch,
    /// It is a letter that no check digit can be.
    NotApplicable,
}

impl Vin {
    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number with its middle hidden: a VIN is personal data.
    pub fn masked(&self) -> String {
        let head: String = self.0.chars().take(3).collect();
        let tail: String = self.0.chars().skip(13).collect();
        format!("{head}**********{tail}")
    }

    /// What the check digit says.
    pub fn check_digit(&self) -> CheckDigit {
        const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
        let sum: u32 =
            self.0.chars().zip(WEIGHTS).map(|(symbol, weight)| value(symbol) * weight).sum();
        let expected = char::from_digit(sum % 11, 10).unwrap_or('X');
        match self.0.chars().nth(8) {
            Some(found) if found == expected => CheckDigit::Ok,
            Some('0'..='9' | 'X') => CheckDigit::Mismatch,
            Some(_) | None => CheckDigit::NotApplicable,
        }
    }
}

/// The value of a character in the sum.
fn value(symbol: char) -> u32 {
    match symbol {
        'A' | 'J' => 1,
        'B' | 'K' | 'S' => 2,
        'C' | 'L' | 'T' => 3,
        'D' | 'M' | 'U' => 4,
        'E' | 'N' | 'V' => 5,
        'F' | 'W' => 6,
        'G' | 'P' | 'X' => 7,
        'H' | 'Y' => 8,
        'R' | 'Z' => 9,
        digit => digit.to_digit(10).unwrap_or(0),
    }
}

impl fmt::Display for Vin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Vin> for String {
    fn from(vin: Vin) -> Self {
        vin.0
    }
}

impl TryFrom<String> for Vin {
    type Error = NotAVin;

    fn try_from(text: String) -> Result<Self, NotAVin> {
        text.parse()
    }
}

impl FromStr for Vin {
    type Err = NotAVin;

    fn from_str(text: &str) -> Result<Self, NotAVin> {
        let vin = text.to_ascii_uppercase();
        let allowed = |symbol: u8| matches!(symbol, b'A'..=b'H' | b'J'..=b'N' | b'P' | b'R'..=b'Z' | b'0'..=b'9');
        if vin.len() == 17 && vin.bytes().all(allowed) { Ok(Self(vin)) } else { Err(NotAVin) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_warns_and_never_refuses() {
        let check = |text: &str| text.parse::<Vin>().unwrap().check_digit();
        assert_eq!(check("1M8GDM9AXKP042788"), CheckDigit::Ok);
        assert_eq!(check("1M8GDM9A1KP042788"), CheckDigit::Mismatch);
        assert_eq!(check("WVWZZZ1JZXW000001"), CheckDigit::NotApplicable);
    }

    #[test]
    fn letters_that_look_like_digits_are_refused() {
        for text in ["1M8GDM9AXKP04278", "IM8GDM9AXKP042788", "1M8GDM9AXKP0427880", ""] {
            assert_eq!(text.parse::<Vin>(), Err(NotAVin));
        }
    }

    #[test]
    fn the_middle_is_hidden() {
        let vin: Vin = "1M8GDM9AXKP042788".parse().unwrap();
        assert_eq!(vin.masked(), "1M8**********2788");
    }
}
