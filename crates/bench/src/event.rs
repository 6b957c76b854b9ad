//! The event that every contender sends: its text, and how its number is found.
//!
//! Refuses to parse JSON: what counts stands at a fixed place, as in the events of the product.

const HEAD: &str = r#"{"event":"response","command_id":""#;
const ID_BYTES: usize = 36;
const KEY: &str = r#"","sequence_number":"#;

const RESPONSE_ID: &str = "019ab3c4-5d6e-7f80-9123-456789abcdef";
const RECEIVED_AT: &str = "2026-11-22T10:00:01.123456Z";

/// A number as long as most of those that a measurement reaches.
const COMMON: u32 = 10_000;

/// An event as the product makes it, with the payload twice in it.
pub(crate) fn text(command_id: &str, number: u32, offset: u32, payload: &str) -> String {
    let answer = format!(r#""response_id":"{RESPONSE_ID}","response_payload":{payload},"#);
    let rest = format!(r#"{number},"is_final":false,"received_at":"{RECEIVED_AT}""#);
    let head = format!(r#"{HEAD}{command_id}{KEY}{number},"offset":{offset},"response""#);
    format!(r#"{head}:{{{answer}"sequence_number":{rest}}},{answer}"is_final":false}}"#)
}

/// The payload with which an event is about so many bytes long.
pub(crate) fn payload(bytes: usize) -> String {
    let of = |padding| format!(r#"{{"data":"{}"}}"#, "x".repeat(padding));
    let envelope = text(&id(0), COMMON, COMMON, &of(0)).len();
    of(bytes.saturating_sub(envelope) / 2)
}

/// The command that stands for a topic where there are no commands.
pub(crate) fn id(topic: u32) -> String {
    format!("{topic:0ID_BYTES$}")
}

/// Which event of its topic it is, from 1; `None` for a text that is no such event.
pub(crate) fn number(text: &[u8]) -> Option<u32> {
    let after_id = text.strip_prefix(HEAD.as_bytes())?.get(ID_BYTES..)?;
    let digits = after_id.strip_prefix(KEY.as_bytes())?.iter().take_while(|it| it.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_as_long_as_wanted_and_carries_its_number() {
        let text = text(&id(7), 12_345, 12_347, &payload(512));
        assert!((511..=512).contains(&text.len()), "{}", text.len());
        assert_eq!(number(text.as_bytes()), Some(12_345));
        assert_eq!(number(br#"{"event":"status","command_id":"0"}"#), None);
    }
}
