//! JSON that is handed on undecoded, made good for whoever decodes it.
//! Refuses numbers that no decoder holds; where a text was cut amid a character, it is mended.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::Error;

/// The same with whole characters, unless it cannot be decoded.
pub(crate) fn readable(json: Box<RawValue>) -> Result<Box<RawValue>, Error> {
    let json = whole(json)?;
    match serde_json::from_str(json.get()) {
        Ok(Decoded) => Ok(json),
        Err(error) => Err(Error::malformed(format!("not JSON: {error}"))),
    }
}

/// The same text with U+FFFD for each half of a character, as it is left where a server cut a text.
fn whole(json: Box<RawValue>) -> Result<Box<RawValue>, Error> {
    let halves = halves(json.get());
    if halves.is_empty() {
        return Ok(json);
    }
    let mut text = json.get().to_owned();
    for place in halves {
        text.replace_range(place..place.saturating_add(4), "fffd");
    }
    RawValue::from_string(text).map_err(|error| Error::malformed(format!("not JSON: {error}")))
}

/// Where the digits of escapes are that stand for half a character: `\ud83d` without its other half.
fn halves(json: &str) -> Vec<usize> {
    /// From the digits of one escape to those of the next.
    const NEXT: usize = 6;
    let (mut halves, mut first, mut rest) = (Vec::new(), None::<usize>, json);
    // Nothing but an escape begins with a backslash, and whatever is escaped is one byte.
    while let Some((_, escaped)) = rest.split_once('\\') {
        rest = escaped.get(1..).unwrap_or_default();
        let place = json.len().saturating_sub(rest.len());
        let digits = rest.get(..4).filter(|_| escaped.starts_with('u'));
        match digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
            Some(0xd800..=0xdbff) => halves.extend(first.replace(place)),
            Some(0xdc00..=0xdfff) => match first.take() {
                Some(first) if first.saturating_add(NEXT) == place => {}
                alone => halves.extend(alone.into_iter().chain([place])),
            },
            Some(_) | None => {}
        }
    }
    halves.extend(first);
    halves
}

/// What has been decoded, of which nothing is kept.
struct Decoded;

impl<'de> Deserialize<'de> for Decoded {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Decoded {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while let Some(Self) = items.next_element()? {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while let Some((Self, Self)) = members.next_entry()? {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mended(json: &str) -> String {
        whole(RawValue::from_string(json.to_owned()).unwrap()).unwrap().get().to_owned()
    }

    #[test]
    fn half_a_character_becomes_a_replacement_and_nothing_else_is_touched() {
        for same in
            [r#"{"a":"\ud83d\ude97 \u00fc"}"#, r#""\\ud83d""#, r#"["\"\\\n","\u0041"]"#, "1"]
        {
            assert_eq!(mended(same), same);
        }
        for (cut, whole) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uD83D.\uDE97""#, r#""\ufffd.\ufffd""#),
            (r#""\ude97\ud83d\ude97""#, r#""\ufffd\ud83d\ude97""#),
            (r#""\ud83d\ud83d\ude97\ud83d\n""#, r#""\ufffd\ud83d\ude97\ufffd\n""#),
            (r#"{"\\\ud83d":"\\\\ud83d"}"#, r#"{"\\\ufffd":"\\\\ud83d"}"#),
        ] {
            assert_eq!(mended(cut), whole);
        }
    }

    #[test]
    fn a_number_that_nobody_can_hold_is_malformed() {
        let read = |json: &str| readable(RawValue::from_string(json.to_owned()).unwrap());
        assert!(read(r#"{"data":[1e999]}"#).is_err());
        assert!(read(r#"{"data":[1e300,-1,18446744073709551615,"1e999",null,true]}"#).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_is_escaped_can_be_decoded(text in r"(\\\\|\\n|\\u(d8|db|dc|df|00)[0-9a-f]{2}|[a-z]){0,12}") {
            let mended = mended(&format!("\"{text}\""));
            prop_assert!(serde_json::from_str::<String>(&mended).is_ok(), "{mended}");
        }
    }
}
