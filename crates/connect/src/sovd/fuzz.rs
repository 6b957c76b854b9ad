//! What fuzz targets ask of the readers of this crate: what a vehicle said, and what key sources say.
//!
//! Refuses to be an interface: it is compiled for `fuzz/` and for the replay of its seeds only.

use serde_json::Value;
use serde_json::value::RawValue;

use super::unlock::Seed;
use super::{beside, ecu, pages};
use crate::keys::key_of;

#[cfg(test)]
#[path = "../../../../fuzz/replay.rs"]
mod replay;

/// What is decoded beside an answer: the answer stays, byte for byte, and is JSON with what was added.
///
/// # Panics
///
/// If it does not.
pub fn decoded(data: &[u8]) {
    let Some(raw) = raw(data) else { return };
    for with in [beside::faults, beside::fault, beside::value, beside::negative] {
        let Ok(more) = with(&raw) else { unreachable!("it cannot fail") };
        let kept = raw.get().trim_end().strip_suffix('}').unwrap_or(raw.get()).trim_end();
        assert!(more.get().starts_with(kept), "{} became {}", raw.get(), more.get());
    }
    let lines = str::from_utf8(data).unwrap_or_default().lines();
    let listed: Vec<_> = lines.filter_map(|line| self::raw(line.as_bytes())).collect();
    if let Ok(whole) = pages::joined(&listed) {
        assert!(whole.get().len() <= data.len() + 16);
        let read: Value = serde_json::from_str(whole.get()).unwrap_or_default();
        assert!(read.get("items").is_some_and(Value::is_array), "{}", whole.get());
    }
}

/// A seed of a vehicle, and after a line feed what a key source says of it.
///
/// # Panics
///
/// If a key has something that it was not told, or becomes no text and no object.
pub fn keys(data: &[u8]) {
    let mut halves = data.splitn(2, |byte| *byte == b'\n');
    let seed = halves.next().and_then(raw).and_then(|raw| Seed::of(&raw));
    let key = key_of(halves.next().unwrap_or_default());
    assert!(key.is_none_or(|key| !key.is_empty() && key.trim() == key));
    if let Some((seed, key)) = seed.zip(key) {
        seed.is_zero();
        let answer = seed.answered_by(&key.into());
        assert!(answer.is_string() || answer.is_object(), "{answer}");
    }
    ecu::number(str::from_utf8(data).unwrap_or_default());
}

/// As deep as the client of vehicles lets through.
fn raw(data: &[u8]) -> Option<Box<RawValue>> {
    let text = str::from_utf8(data).ok()?.trim();
    let is_read = serde_json::from_str::<Value>(text).is_ok();
    is_read.then(|| RawValue::from_string(text.to_owned()).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_survived() {
        replay::seeds("decoded", decoded);
        replay::seeds("keys", keys);
    }
}
