//! Exports of the audit log, and keys that somebody brought, read by a fuzz target.
//!
//! Refuses to be an interface: it is compiled for `fuzz/` and for the replay of its seeds only.

use super::export::verify;
use super::key::PublicKeys;
use std::sync::LazyLock;

/// The export that the key has signed.
const WHOLE: &[u8] = include_bytes!("../../../../fuzz/seeds/exports/whole.jsonl");
const KEY: &str = include_str!("../../../../fuzz/seeds/exports/key.pem");

static KEYS: LazyLock<PublicKeys> = LazyLock::new(|| match PublicKeys::from_pem(KEY) {
    Ok(keys) => keys,
    Err(error) => unreachable!("{error}"),
});

/// A file that is said to be an export, or a key.
///
/// # Panics
///
/// If something is believed that was not signed.
pub fn exports(data: &[u8]) {
    drop(PublicKeys::from_pem(&String::from_utf8_lossy(data)));
    let Ok(verdict) = verify(data, &KEYS) else { unreachable!("it can be read") };
    let is_sound = verdict.finding.is_none();
    assert!(!is_sound || verdict.rows == 0 || data == WHOLE, "{verdict:?}");
}
