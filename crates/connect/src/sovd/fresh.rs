//! What was learned a short time ago and need not be asked again.
//!
//! Remembers no failure, and nothing for longer than [`LIFETIME`].

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long an answer may be used again.
const LIFETIME: Duration = Duration::from_secs(30);
/// How many answers are kept; beyond that the oldest goes.
const MAX_KEPT: usize = 4096;

/// Answers by what was asked.
#[derive(Debug)]
pub(super) struct Fresh<V>(Mutex<BTreeMap<String, (Instant, V)>>);

impl<V> Default for Fresh<V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<V: Clone> Fresh<V> {
    /// The answer of a short time ago, or else the one that `ask` gives.
    pub(super) async fn get<E>(
        &self,
        key: String,
        ask: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        if let Some(known) = self.known(&key) {
            return Ok(known);
        }
        let answer = ask.await?;
        self.keep(key, answer.clone());
        Ok(answer)
    }

    /// Forgets all whose key begins with `prefix`.
    pub(super) fn forget(&self, prefix: &str) {
        self.kept().retain(|key, _| !key.starts_with(prefix));
    }

    fn known(&self, key: &str) -> Option<V> {
        let kept = self.kept();
        let (learned, answer) = kept.get(key)?;
        (learned.elapsed() < LIFETIME).then(|| answer.clone())
    }

    fn keep(&self, key: String, answer: V) {
        let mut kept = self.kept();
        if kept.len() >= MAX_KEPT {
            kept.retain(|_, (learned, _)| learned.elapsed() < LIFETIME);
        }
        if kept.len() >= MAX_KEPT {
            let oldest = kept.iter().min_by_key(|(_, (learned, _))| *learned);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                kept.remove(&oldest);
            }
        }
        kept.insert(key, (Instant::now(), answer));
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, (Instant, V)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(fresh: &Fresh<u8>, answer: Result<u8, ()>) -> Result<u8, ()> {
        fresh.get("vehicle /v1".to_owned(), async { answer }).await
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_used_again_for_a_while() {
        let fresh = Fresh::default();
        assert_eq!(ask(&fresh, Ok(1)).await, Ok(1));
        assert_eq!(ask(&fresh, Ok(2)).await, Ok(1));
        tokio::time::advance(LIFETIME).await;
        assert_eq!(ask(&fresh, Ok(3)).await, Ok(3));
    }

    #[tokio::test]
    async fn a_failure_is_not_remembered() {
        let fresh = Fresh::default();
        assert_eq!(ask(&fresh, Err(())).await, Err(()));
        assert_eq!(ask(&fresh, Ok(1)).await, Ok(1));
    }

    #[tokio::test]
    async fn one_vehicle_is_forgotten_without_the_others() {
        let fresh = Fresh::default();
        assert_eq!(ask(&fresh, Ok(1)).await, Ok(1));
        fresh.forget("other ");
        assert_eq!(ask(&fresh, Ok(2)).await, Ok(1));
        fresh.forget("vehicle ");
        assert_eq!(ask(&fresh, Ok(2)).await, Ok(2));
    }

    #[test]
    fn the_oldest_makes_room() {
        let fresh = Fresh::default();
        for number in 0..=MAX_KEPT {
            fresh.keep(number.to_string(), number);
        }
        assert_eq!(fresh.kept().len(), MAX_KEPT);
        assert!(fresh.known("0").is_none());
    }
}
