//! Trouble codes in the two notations that dialects use, and names in the manner of ODX.
//!
//! Knows no meaning of any code.

use serde_json::Value;

/// Words that ODX writes in capitals.
const ABBREVIATIONS: [&str; 5] = ["vin", "ecu", "abs", "sw", "hw"];
const LETTERS: [char; 4] = ['P', 'C', 'B', 'U'];

/// The three bytes of a fault as six digits; the code itself if it is of no known notation.
pub(super) fn six_digits(fault: &Value) -> String {
    let code = text(fault, "code");
    let bytes = is_six_digits(code).then(|| code.to_ascii_uppercase());
    bytes.or_else(|| of_letters(code)).unwrap_or_else(|| code.to_owned())
}

/// The code for people.
pub(super) fn for_people(fault: &Value) -> &str {
    let shown = text(fault, "display_code");
    if shown.is_empty() { text(fault, "code") } else { shown }
}

/// `engine_speed` as `EngineSpeed`, `vin` as `VIN`.
pub(super) fn odx_name(id: &str) -> String {
    id.split(['_', '.', '-']).map(capitalised).collect()
}

fn capitalised(word: &str) -> String {
    if ABBREVIATIONS.contains(&word) {
        return word.to_ascii_uppercase();
    }
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// `P0420` as `042000`: two bits for the letter, two for the first digit, no failure type.
fn of_letters(code: &str) -> Option<String> {
    let mut letters = code.chars();
    let first = letters.next()?;
    let system = LETTERS.iter().position(|letter| *letter == first)?;
    let digits = letters.as_str();
    let value = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 4)?;
    let system = u32::try_from(system).ok()?;
    (value < 0x4000).then(|| format!("{:04X}00", system << 14 | value))
}

fn is_six_digits(code: &str) -> bool {
    code.len() == 6 && code.chars().all(|digit| digit.is_ascii_hexdigit())
}

fn text<'a>(fault: &'a Value, key: &str) -> &'a str {
    fault.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_code_has_six_digits_whatever_its_letter() {
        let pairs =
            [("P0420", "042000"), ("C0035", "403500"), ("B1318", "931800"), ("U3FFF", "FFFF00")];
        for (code, digits) in pairs {
            assert_eq!(six_digits(&json!({"code": code})), digits);
        }
        assert_eq!(six_digits(&json!({"code": "42a511"})), "42A511");
        assert_eq!(six_digits(&json!({"code": "LIDAR"})), "LIDAR");
    }

    #[test]
    fn names_are_written_together() {
        assert_eq!(odx_name("vin"), "VIN");
        assert_eq!(odx_name("oil_temperature"), "OilTemperature");
        assert_eq!(odx_name("idle_speed_target"), "IdleSpeedTarget");
    }
}
