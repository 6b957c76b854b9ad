//! A sign-in that has begun: what we have to remember of it until the browser comes back.
//!
//! Refuses to remember anything: it goes with the browser, sealed, so that any server can go on.

use super::MintError;
use crate::auth::MasterKey;
use crate::auth::opaque::sha256;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long somebody may take at the provider.
pub(crate) const LIFE: Duration = Duration::from_mins(10);
/// Bytes of the longest path that somebody is sent back to.
const LONGEST_PATH: usize = 1024;
/// Bytes of the longest sealed attempt.
const LONGEST: usize = 4096;
/// What it is sealed as.
const NAME: &str = "oidc sign-in";

/// A sign-in that has begun. No `Debug`: it holds secrets.
#[derive(Serialize, Deserialize)]
pub(super) struct Attempt {
    /// What the browser has to bring back.
    pub(super) state: String,
    /// What the ID token has to say.
    pub(super) nonce: String,
    /// What proves to the provider that who has the code is who asked for it.
    pub(super) verifier: String,
    /// Where to go then, in the console.
    pub(super) next: Option<String>,
    /// When it is too late.
    until: Timestamp,
}

impl Attempt {
    pub(super) fn begin(next: Option<String>, now: Timestamp) -> Result<Self, MintError> {
        Ok(Self {
            state: random()?,
            nonce: random()?,
            verifier: random()?,
            next: next.filter(|path| is_of_console(path)),
            until: now.checked_add(LIFE).unwrap_or(now),
        })
    }

    /// What the provider is told of the verifier before.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(sha256(self.verifier.as_bytes()))
    }

    pub(super) fn seal(&self, key: &MasterKey) -> Result<String, MintError> {
        let text = serde_json::to_vec(self).map_err(|_| MintError::Random)?;
        let sealed = key.seal(NAME, &text).map_err(|_| MintError::Random)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// `None` if it is none of ours, or too old.
    pub(super) fn open(sealed: &str, key: &MasterKey, now: Timestamp) -> Option<Self> {
        if sealed.len() > LONGEST {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let text = key.open(NAME, &sealed).ok()?;
        let attempt: Self = serde_json::from_slice(&text).ok()?;
        (now < attempt.until).then_some(attempt)
    }

    /// Whether an answer belongs to it.
    pub(super) fn is_of(&self, state: Option<&str>) -> bool {
        let same = |state: &str| verify_slices_are_equal(state.as_bytes(), self.state.as_bytes());
        state.is_some_and(|state| same(state).is_ok())
    }
}

/// 256 random bits as text.
fn random() -> Result<String, MintError> {
    let mut bits = [0; 32];
    rand::fill(&mut bits).map_err(|_| MintError::Random)?;
    Ok(URL_SAFE_NO_PAD.encode(bits))
}

/// Whether a path leads nowhere but to a page of ours: browsers read `//` and `/\` as another host.
fn is_of_console(path: &str) -> bool {
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    path.len() <= LONGEST_PATH && is_plain && path.starts_with('/') && !path.starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGUN: Timestamp = Timestamp::UNIX_EPOCH;

    fn begun() -> (Attempt, MasterKey, String) {
        let key = MasterKey::from([1; 32]);
        let attempt = Attempt::begin(Some("/runs?x=1".into()), BEGUN).unwrap();
        let sealed = attempt.seal(&key).unwrap();
        (attempt, key, sealed)
    }

    #[test]
    fn what_was_sealed_opens_for_ten_minutes_with_our_key_alone() {
        let (attempt, key, sealed) = begun();
        let opened = Attempt::open(&sealed, &key, BEGUN).unwrap();
        assert_eq!((&opened.nonce, &opened.next), (&attempt.nonce, &attempt.next));
        let late = BEGUN.checked_add(LIFE).unwrap();
        assert!(Attempt::open(&sealed, &key, late).is_none());
        assert!(Attempt::open(&sealed, &MasterKey::from([2; 32]), BEGUN).is_none());
        for broken in ["", "x", sealed.get(4..).unwrap(), &"A".repeat(LONGEST + 1)] {
            assert!(Attempt::open(broken, &key, BEGUN).is_none());
        }
    }

    #[test]
    fn what_is_sealed_for_something_else_is_no_attempt() {
        let (attempt, key, _) = begun();
        let other = key.seal("another", &serde_json::to_vec(&attempt).unwrap()).unwrap();
        assert!(Attempt::open(&URL_SAFE_NO_PAD.encode(other), &key, BEGUN).is_none());
    }

    #[test]
    fn an_answer_has_to_bring_the_state_of_its_own_attempt() {
        let ((one, ..), (other, ..)) = (begun(), begun());
        assert!(one.is_of(Some(&one.state)));
        assert!(!one.is_of(Some(&other.state)) && !one.is_of(Some("")) && !one.is_of(None));
    }

    #[test]
    fn nobody_is_sent_to_another_site() {
        for path in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\tb"] {
            let attempt = Attempt::begin(Some(path.into()), BEGUN).unwrap();
            assert_eq!(attempt.next, None, "{path:?}");
        }
    }
}
