//! What was learned a short time ago and need not be asked again.
//!
//! Remembers no failure, nothing for longer than [`LIFETIME`], and nothing that is too large.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long an answer may be used again.
const LIFETIME: Duration = Duration::from_secs(30);
/// How many answers are kept, and how many bytes; beyond that the oldest go.
const MAX_KEPT: usize = 4096;
const MAX_BYTES: usize = 16 << 20;

/// What takes up room as long as it is kept.
pub(super) trait Weigh {
    /// About how many bytes.
    fn bytes(&self) -> usize;
}

/// Answers by what was asked.
#[derive(Debug)]
pub(super) struct Fresh<V>(Mutex<BTreeMap<String, Known<V>>>);

#[derive(Debug)]
struct Known<V> {
    learned: Instant,
    bytes: usize,
    answer: V,
}

impl<V> Default for Fresh<V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<V: Clone + Weigh> Fresh<V> {
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
        let known = kept.get(key)?;
        known.is_fresh().then(|| known.answer.clone())
    }

    fn keep(&self, key: String, answer: V) {
        let known = Known { learned: Instant::now(), bytes: answer.bytes(), answer };
        let mut kept = self.kept();
        kept.retain(|_, known| known.is_fresh());
        kept.insert(key, known);
        while kept.len() > MAX_KEPT || kept.values().map(|it| it.bytes).sum::<usize>() > MAX_BYTES {
            let oldest = kept.iter().min_by_key(|(_, known)| known.learned);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return };
            kept.remove(&oldest);
        }
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, Known<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Known<V> {
    fn is_fresh(&self) -> bool {
        self.learned.elapsed() < LIFETIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number is as large as it says.
    impl Weigh for usize {
        fn bytes(&self) -> usize {
            *self
        }
    }

    async fn ask(fresh: &Fresh<usize>, answer: Result<usize, ()>) -> Result<usize, ()> {
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

    #[tokio::test(start_paused = true)]
    async fn the_oldest_makes_room() {
        let fresh = Fresh::default();
        for number in 0..=MAX_KEPT {
            fresh.keep(number.to_string(), 1);
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(fresh.kept().len(), MAX_KEPT);
        assert!(fresh.known("0").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_large_leaves_less_room() {
        let fresh = Fresh::default();
        for (key, bytes) in [("a", MAX_BYTES / 2), ("b", MAX_BYTES / 2), ("c", 1)] {
            fresh.keep(key.to_owned(), bytes);
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(["a", "b", "c"].map(|key| fresh.known(key).is_some()), [false, true, true]);
        fresh.keep("d".to_owned(), MAX_BYTES + 1);
        assert!(fresh.kept().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_old_goes_when_something_new_comes() {
        let fresh = Fresh::default();
        fresh.keep("a".to_owned(), 1);
        tokio::time::advance(LIFETIME).await;
        fresh.keep("b".to_owned(), 1);
        assert_eq!(fresh.kept().len(), 1);
    }
}
