//! Bytes as people compare them: two lower-case digits each.
//!
//! Refuses upper case: one value has one text.

/// The digits of some bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}

/// The bytes of some digits; `None` if the text is anything else.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?));
    bytes.collect::<Option<Vec<u8>>>().filter(|_| rest.is_empty())
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_that_of_its_bytes_only() {
        assert_eq!(encode(&[0, 0x1f, 0xa0, 0xff]), "001fa0ff");
        assert_eq!(decode("001fa0ff"), Some(vec![0, 0x1f, 0xa0, 0xff]));
        for other in ["0", "0G", "FF", "0x", " 0", "ä"] {
            assert_eq!(decode(other), None, "{other}");
        }
    }
}
