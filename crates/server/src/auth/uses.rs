//! When the tokens of machines were used, for their owners to see.
//!
//! Refuses to let a request wait: uses are collected here, and a task writes them.

use super::Auth;
use crate::clock;
use model::Timestamp;
use model::command::later;
use model::id::SessionId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often uses are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// The time from one write about a token to the next.
const WRITTEN_EVERY: Duration = Duration::from_mins(1);

/// The uses of late.
pub(super) struct Uses {
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    tokens: HashMap<SessionId, Use>,
}

struct Use {
    at: Timestamp,
    /// The use that was written last; `None` = none was.
    written: Option<Timestamp>,
}

impl Use {
    fn is_due(&self) -> bool {
        self.written.is_none_or(|written| later(written, WRITTEN_EVERY) <= self.at)
    }
}

impl Uses {
    pub(super) fn new() -> Self {
        Self { used: Mutex::default() }
    }

    pub(super) fn note(&self, token: SessionId, at: Timestamp) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.tokens.entry(token).or_insert(Use { at, written: None }).at = at;
    }

    /// What is to be written now. Forgets tokens that were not used for a while.
    fn due(&self, now: Timestamp) -> Vec<(SessionId, Timestamp)> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let due: Vec<_> = used.tokens.iter_mut().filter(|(_, it)| it.is_due()).collect();
        let written = due.into_iter().map(|(token, it)| {
            it.written = Some(it.at);
            (*token, it.at)
        });
        let written = written.collect();
        used.tokens.retain(|_, it| later(it.at, WRITTEN_EVERY) > now);
        written
    }
}

impl Auth {
    /// Writes when the tokens of machines were used, until `shutdown`.
    pub async fn write_uses(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            let due = self.inner.uses.due(clock::now());
            if due.is_empty() {
                continue;
            }
            if let Err(error) = self.inner.store.note_uses(due).await {
                tracing::debug!(%error, "uses of tokens are not noted");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_written_at_once_and_then_once_a_minute() {
        let (uses, token) = (Uses::new(), SessionId::new());
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        uses.note(token, at(0));
        uses.note(token, at(1));
        assert_eq!(uses.due(at(1)), [(token, at(1))]);
        assert!(uses.due(at(2)).is_empty());
        uses.note(token, at(60));
        assert!(uses.due(at(60)).is_empty());
        uses.note(token, at(61));
        assert_eq!(uses.due(at(61)), [(token, at(61))]);
        assert!(uses.due(at(500)).is_empty());
        assert!(uses.used.lock().unwrap().tokens.is_empty(), "what is not used is forgotten");
    }
}
