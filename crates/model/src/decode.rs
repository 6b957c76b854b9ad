//! What the codes in a vehicle's answer mean: trouble codes, status bytes, negative responses, units.
//!
//! Refuses to replace what the vehicle said, and to fail: what is absent or odd is simply not decoded,
//! and a decoded value stands beside the raw one.

mod failure_type;
mod fault;
mod nrc;
mod status;
mod unit;

pub use failure_type::FailureType;
pub use fault::{DecodedDtc, DecodedFault, NamedFault, Severity, fault, named};
pub use nrc::{DecodedNrc, Nrc, nrcs};
pub use status::{Class, Status, StatusBit};
pub use unit::{Unit, units};

use serde_json::{Map, Value};

/// A key as it is compared: servers differ in case and in what stands between its words.
fn folded(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|it| it.to_ascii_lowercase()).collect()
}

/// The first of these members that is there; the names are folded.
fn member<'a>(members: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| {
        let mut all = members.iter();
        all.find(|(key, value)| folded(key) == *name && !value.is_null()).map(|(_, value)| value)
    })
}

/// A byte that came as a number, or as hex digits with or without `0x`.
fn byte(value: &Value) -> Option<u8> {
    match value {
        Value::Number(number) => number.as_u64()?.try_into().ok(),
        Value::String(text) => hex_byte(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn hex_byte(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let is_hex = digits.len() <= 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    // Alone `from_str_radix` would take a sign.
    if is_hex { u8::from_str_radix(digits, 16).ok() } else { None }
}
