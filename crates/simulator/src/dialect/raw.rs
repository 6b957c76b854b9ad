//! Values as the bytes that a control unit would have sent for them.
//!
//! Imitates no particular coding: text is ASCII, a number is its IEEE 754 single, the first byte first.

use serde_json::Value;

/// The bytes of a value.
pub(super) fn bytes_of(value: &Value) -> Vec<u8> {
    match value {
        Value::Number(number) => {
            #[expect(clippy::cast_possible_truncation, reason = "that is the coding")]
            let single = number.as_f64().unwrap_or_default() as f32;
            single.to_be_bytes().to_vec()
        }
        Value::String(text) => text.as_bytes().to_vec(),
        Value::Bool(flag) => vec![u8::from(*flag)],
        Value::Null | Value::Array(_) | Value::Object(_) => value.to_string().into_bytes(),
    }
}

/// The value of bytes that were written: a number of four, text otherwise.
pub(super) fn value_of(bytes: &[u8]) -> Value {
    match <[u8; 4]>::try_from(bytes) {
        Ok(single) => f64::from(f32::from_be_bytes(single)).into(),
        Err(_) => String::from_utf8_lossy(bytes).into(),
    }
}

/// Two digits per byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_comes_back_from_its_bytes() {
        assert_eq!(hex(&bytes_of(&json!(780))), "44430000");
        assert_eq!(value_of(&bytes_of(&json!(780))), json!(780.0));
    }

    #[test]
    fn text_is_its_letters() {
        assert_eq!(hex(&bytes_of(&json!("1HG"))), "314847");
        assert_eq!(value_of(b"1HGCM"), json!("1HGCM"));
    }
}
