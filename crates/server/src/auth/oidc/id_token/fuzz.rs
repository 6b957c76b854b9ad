//! What a provider answers, read by a fuzz target: its set of keys, an ID token, and claims as if they were signed.
//!
//! Refuses to be an interface: it is compiled for `fuzz/` and for the replay of its seeds only.

use super::{Claims, Expected, Keys};
use model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// Who is meant by the seeds, and when they are good.
const EXPECTED: Expected<'static> =
    Expected { issuer: "https://id.example", client_id: "us", nonce: "n" };
const NOW: i64 = 1_800_000_000;

/// A set of keys, a token and claims, each in its line.
///
/// # Panics
///
/// If claims are believed that are not for us, or of this time.
pub fn id_tokens(data: &[u8]) {
    let now = Timestamp::from_second(NOW).unwrap_or(Timestamp::MAX);
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let keys = Keys::read(line()).unwrap_or_default();
    let said = keys.verify(&String::from_utf8_lossy(line()), &EXPECTED, now);
    drop(said.map(|said| said.at("/realm_access/roles").cloned()));
    let Ok(claims) = serde_json::from_slice::<Value>(line()) else { return };
    let Ok(read) = Claims::deserialize(&claims) else { return };
    let Ok(subject) = read.check(&EXPECTED, now) else { return };
    assert!((1..=255).contains(&subject.len()), "{claims}");
    let is_said = |name: &str, value: &str| claims.get(name).and_then(Value::as_str) == Some(value);
    assert!(is_said("iss", EXPECTED.issuer) && is_said("nonce", EXPECTED.nonce), "{claims}");
    let time = |name: &str| claims.get(name).and_then(Value::as_u64).unwrap_or_default();
    let present = NOW.unsigned_abs();
    assert!(time("exp") + 30 > present && time("iat") <= present + 30, "{claims}");
}
