//! What watchers see: the hub of topics, the bus that feeds it, and the ways out of it.
//!
//! Refuses to know how commands move; `lib.rs` hands it what it needs of them.

pub(crate) mod bus;
pub(crate) mod channel;
pub(crate) mod cursor;
mod guard;
pub(crate) mod hub;
mod interest;
pub(crate) mod redis;
mod rights;
pub(crate) mod ring;
pub(crate) mod seats;
pub(crate) mod socket;
pub(crate) mod sse;
pub(crate) mod watch;

use channel::Channels;
use hub::Hub;
use model::id::CommandId;
use std::sync::Arc;
use std::time::Duration;
use store::{Page, Store};
use tokio_util::sync::CancellationToken;
use watch::Watcher;

/// How many topics one question to the store asks about.
const HEADS: usize = 500;

/// The limits of live delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many bytes of frames a topic keeps in memory.
    pub(crate) ring_bytes: usize,
    /// How much of a log is read, or written to a socket, at once.
    pub(crate) page: Page,
}

/// The live side of a node; cheap to clone.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) hub: Arc<Hub>,
    pub(crate) channels: Channels,
    pub(crate) store: Store,
    pub(crate) limits: Limits,
}

impl Live {
    pub(crate) fn new(store: Store, limits: Limits) -> Self {
        let hub = Arc::new(Hub::new(limits));
        Self { hub, channels: Channels::new(), store, limits }
    }

    /// A cursor into the log of a command that sees every event after `after`.
    pub(crate) fn watch(&self, command_id: CommandId, after: u64) -> Watcher {
        // The topic first, the store later: what is published in between is in the topic.
        Watcher::new(self.hub.topic(command_id), self.store.clone(), after, self.limits.page)
    }

    /// Finds what the bus lost: asks the store where the watched logs end.
    pub(crate) async fn detect_losses(&self, every: Duration, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(every);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let watch = async {
            loop {
                tokio::select! {
                    _ = tick.tick() => self.look_for_losses().await,
                    doubts = self.hub.doubts() => self.look_at(&doubts).await,
                }
            }
        };
        shutdown.run_until_cancelled(watch).await;
    }

    async fn look_for_losses(&self) {
        self.look_at(&self.hub.unfinished()).await;
    }

    async fn look_at(&self, commands: &[CommandId]) {
        for topics in commands.chunks(HEADS) {
            match self.store.heads(topics).await {
                Ok(heads) => heads.iter().for_each(|head| self.hub.raise(head)),
                Err(error) => tracing::debug!(%error, "cannot look for lost events"),
            }
        }
    }
}

#[cfg(test)]
mod tests;
