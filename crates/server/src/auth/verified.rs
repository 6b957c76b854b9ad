//! Tokens that have been checked, so that a busy client's signature is computed once.
//!
//! Refuses to answer for the session: whether that is alive is asked every time.

use super::VerifyError;
use super::keyring::{Keyring, Verified};
use super::opaque::sha256;
use model::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many tokens a generation holds; there are two.
const GENERATION: usize = 5_000;

/// The tokens of late, by their hash.
pub(super) struct VerifiedTokens {
    generations: Mutex<Generations>,
}

/// What was asked for since the last turn, and what was asked for before: when the young generation
/// is full, the old one goes.
#[derive(Default)]
struct Generations {
    young: HashMap<[u8; 32], Verified>,
    old: HashMap<[u8; 32], Verified>,
}

impl VerifiedTokens {
    pub(super) fn new() -> Self {
        Self { generations: Mutex::default() }
    }

    /// What a token says, checked now or before.
    pub(super) fn check(
        &self,
        token: &str,
        now: Timestamp,
        keys: &Keyring,
    ) -> Result<Verified, VerifyError> {
        let hash = sha256(token.as_bytes());
        if let Some(verified) = self.recall(&hash) {
            return verified.alive(now);
        }
        let verified = keys.verify(token, now)?;
        self.remember(hash, verified);
        Ok(verified)
    }

    /// What is remembered of the token with that hash; it may have expired since.
    pub(super) fn recall(&self, hash: &[u8; 32]) -> Option<Verified> {
        self.generations().recall(hash)
    }

    /// Remembers what the token with that hash says.
    pub(super) fn remember(&self, hash: [u8; 32], verified: Verified) {
        self.generations().remember(hash, verified);
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verified {
    /// The same, if it has not expired.
    pub(super) fn alive(self, now: Timestamp) -> Result<Self, VerifyError> {
        if self.expires_at <= now { Err(VerifyError::Expired) } else { Ok(self) }
    }
}

impl Generations {
    fn recall(&mut self, hash: &[u8; 32]) -> Option<Verified> {
        if let Some(verified) = self.young.get(hash) {
            return Some(*verified);
        }
        let verified = self.old.remove(hash)?;
        self.remember(*hash, verified);
        Some(verified)
    }

    fn remember(&mut self, hash: [u8; 32], verified: Verified) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, verified);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::session::Basis;
    use model::id::UserId;

    fn verified() -> Verified {
        let user_id = UserId::new();
        Verified { basis: Basis::User(user_id), user_id, expires_at: Timestamp::MAX }
    }

    fn hash(number: usize) -> [u8; 32] {
        sha256(&number.to_be_bytes())
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let mut generations = Generations::default();
        let used = verified();
        generations.remember(hash(0), used);
        for number in 1..=4 * GENERATION {
            generations.remember(hash(number), verified());
            assert_eq!(generations.recall(&hash(0)), Some(used));
        }
        assert_eq!(generations.recall(&hash(1)), None);
        assert!(generations.young.len() + generations.old.len() <= 2 * GENERATION);
    }
}
