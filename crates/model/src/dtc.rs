//! Diagnostic trouble codes in every notation that testers and servers use.
//!
//! Refuses descriptions: what a code means is the vehicle's to say.
//!
//! The printed notation is that of SAE J2012 (ISO 15031-6), the three bytes are those of ISO 14229-1.

use std::fmt;
use std::str::FromStr;

/// A trouble code: two bytes as SAE J2012 prints them (`P0420`), and the failure type byte that
/// ISO 14229-1 adds (`P0420-00`), when it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dtc {
    code: u16,
    failure_type: Option<u8>,
}

/// Why a text is no trouble code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a trouble code such as P0420, U0100-87 or 0x042000")]
pub struct NotADtc;

impl Dtc {
    /// A code from its two bytes and, if known, its failure type byte.
    pub fn new(code: u16, failure_type: Option<u8>) -> Self {
        Self { code, failure_type }
    }

    /// The letter of the system: P powertrain, C chassis, B body, U network (bits 15 and 14).
    pub fn system(self) -> char {
        match self.code >> 14 {
            0 => 'P',
            1 => 'C',
            2 => 'B',
            _ => 'U',
        }
    }

    /// The name of the system: `powertrain`, `chassis`, `body` or `network`.
    pub fn system_name(self) -> &'static str {
        match self.code >> 14 {
            0 => "powertrain",
            1 => "chassis",
            2 => "body",
            _ => "network",
        }
    }

    /// The same code with its failure type left out.
    #[must_use]
    pub fn without_failure_type(self) -> Self {
        Self { failure_type: None, ..self }
    }

    /// The failure type byte; `None` if the notation had none.
    pub fn failure_type(self) -> Option<u8> {
        self.failure_type
    }

    /// Whether both name the same fault; a missing failure type byte matches any.
    pub fn matches(self, other: Self) -> bool {
        let types_agree = match (self.failure_type, other.failure_type) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => true,
        };
        self.code == other.code && types_agree
    }

    /// The three bytes in hex, as classic ECUs name a fault: `042000`.
    pub fn hex(self) -> String {
        format!("{:04X}{:02X}", self.code, self.failure_type.unwrap_or(0))
    }
}

/// The three bytes of ISO 14229-1: two of the code, then the failure type.
impl From<[u8; 3]> for Dtc {
    fn from([high, low, failure_type]: [u8; 3]) -> Self {
        Self { code: u16::from_be_bytes([high, low]), failure_type: Some(failure_type) }
    }
}

impl fmt::Display for Dtc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:04X}", self.system(), self.code & 0x3FFF)?;
        self.failure_type.map_or(Ok(()), |byte| write!(f, "-{byte:02X}"))
    }
}

impl FromStr for Dtc {
    type Err = NotADtc;

    fn from_str(text: &str) -> Result<Self, NotADtc> {
        let upper = text.to_ascii_uppercase();
        // Six hex digits may begin with a letter of a system too; no notation with one is as long.
        from_letter(&upper)
            .or_else(|_| from_hex(upper.strip_prefix("0X").unwrap_or(&upper)))
            .or_else(|_| from_bytes(&upper))
    }
}

/// `P0420`, `P0420-13`, and as some testers write it, `P042013`.
fn from_letter(text: &str) -> Result<Dtc, NotADtc> {
    let (letter, rest) = text.split_at_checked(1).ok_or(NotADtc)?;
    let system: u32 = match letter {
        "P" => 0,
        "C" => 1,
        "B" => 2,
        "U" => 3,
        _ => return Err(NotADtc),
    };
    let (digits, byte) = rest.split_at_checked(4).ok_or(NotADtc)?;
    let digits = hex::<4>(digits)?;
    if digits > 0x3FFF {
        return Err(NotADtc);
    }
    let byte = Some(byte).filter(|byte| !byte.is_empty());
    let failure_type = byte.map(|byte| hex::<2>(byte.strip_prefix('-').unwrap_or(byte)));
    dtc(system << 14 | digits, failure_type.transpose()?)
}

/// `04 20 13`.
fn from_bytes(text: &str) -> Result<Dtc, NotADtc> {
    let bytes: Vec<u32> = text.split(' ').map(hex::<2>).collect::<Result<_, _>>()?;
    match bytes.as_slice() {
        [high, low, failure_type] => dtc(high << 8 | low, Some(*failure_type)),
        _ => Err(NotADtc),
    }
}

/// `042013`, as classic ECUs name a fault.
fn from_hex(digits: &str) -> Result<Dtc, NotADtc> {
    let all = hex::<6>(digits)?;
    dtc(all >> 8, Some(all & 0xFF))
}

fn dtc(code: u32, failure_type: Option<u32>) -> Result<Dtc, NotADtc> {
    let code = u16::try_from(code).map_err(|_| NotADtc)?;
    let failure_type = failure_type.map(u8::try_from).transpose().map_err(|_| NotADtc)?;
    Ok(Dtc { code, failure_type })
}

/// Exactly `N` hex digits; `from_str_radix` alone would take a sign and any length.
fn hex<const N: usize>(digits: &str) -> Result<u32, NotADtc> {
    if digits.len() != N || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(NotADtc);
    }
    u32::from_str_radix(digits, 16).map_err(|_| NotADtc)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_letters_and_notations_are_read() {
        for (text, printed) in [
            ("P0420", "P0420"),
            ("c0031-23", "C0031-23"),
            ("B1A2F", "B1A2F"),
            ("U0100-87", "U0100-87"),
            ("0x042000", "P0420-00"),
            ("9A2F11", "B1A2F-11"),
            ("P042013", "P0420-13"),
            ("04 20 13", "P0420-13"),
            ("C10087", "U0100-87"),
            ("0xC10087", "U0100-87"),
            ("b00013", "B3000-13"),
        ] {
            assert_eq!(text.parse::<Dtc>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "P",
            "P042",
            "P04200",
            "X0420",
            "P4420",
            "0x0420",
            "P0420-",
            "P+420",
            "é",
            "04 20",
            "04 20 1",
            "04 20 13 0",
            "Péééé",
            "Pé20aé",
        ] {
            assert_eq!(text.parse::<Dtc>(), Err(NotADtc), "{text}");
        }
    }

    #[test]
    fn a_missing_failure_type_matches_any() {
        let code = |text: &str| text.parse::<Dtc>().unwrap();
        assert!(code("P0420").matches(code("042013")));
        assert!(!code("P0420-00").matches(code("042013")));
        assert!(!code("P0421").matches(code("042000")));
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(code: u16, failure_type: Option<u8>) {
            let dtc = Dtc::new(code, failure_type);
            prop_assert_eq!(dtc.to_string().parse(), Ok(dtc));
        }

        #[test]
        fn three_bytes_and_their_notations_are_inverse(bytes: [u8; 3]) {
            let dtc = Dtc::from(bytes);
            let [high, low, failure_type] = bytes;
            let spaced = format!("{high:02x} {low:02x} {failure_type:02x}");
            let joined = dtc.to_string().replace('-', "");
            for text in [dtc.hex(), format!("0x{}", dtc.hex()), spaced, joined] {
                prop_assert_eq!(text.parse(), Ok(dtc), "{}", text);
            }
        }

        #[test]
        fn what_is_read_can_be_printed_and_no_text_panics(text: String) {
            if let Ok(dtc) = text.parse::<Dtc>() {
                prop_assert_eq!(dtc.to_string().parse(), Ok(dtc));
            }
        }
    }
}
