//! What a passed timer means: expiry, run timeout, and the end of a dead node's claims.
//!
//! Refuses to keep timers in memory: they are columns, and a crash loses none.

use super::Commands;
use crate::observe;
use model::id::NodeId;
use std::time::Duration;
use store::{Applied, StoreError};
use tokio_util::sync::CancellationToken;

/// How often the timers are looked at.
const EVERY: Duration = Duration::from_millis(250);

impl Commands {
    /// Ends, or puts back into the queue, what an earlier process was driving when it died, without
    /// waiting for its leases to end.
    pub(crate) async fn recover(&self, dead: NodeId) -> Result<usize, StoreError> {
        let mut recovered = 0;
        loop {
            let moved = self.store.take_over(Some(dead)).await?;
            if moved.is_empty() {
                return Ok(recovered);
            }
            observe::taken_over(moved.len());
            recovered += self.announce_all(moved);
        }
    }

    /// Applies timers until `shutdown`.
    pub(crate) async fn keep_time(&self, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
            let moved = async {
                // Each is told of before the next is asked for: it stands, whatever becomes of that.
                let due = self.announce_all(self.store.due().await?);
                let lapsed = self.store.take_over(None).await?;
                observe::taken_over(lapsed.len());
                Ok::<_, StoreError>(due + self.announce_all(lapsed))
            };
            if let Err(error) = moved.await {
                tracing::warn!(%error, "cannot apply timers");
            }
        }
    }

    fn announce_all(&self, moved: Vec<Applied>) -> usize {
        let count = moved.len();
        for applied in moved {
            self.announce(applied);
        }
        count
    }
}
