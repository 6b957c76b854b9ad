//! What watchers see: the hub of topics, the bus that feeds it, and the ways out of it.
//!
//! Refuses to know how commands move; `lib.rs` hands it what it needs of them.

mod audience;
mod bell;
pub(crate) mod bus;
pub(crate) mod channel;
mod crier;
pub(crate) mod cursor;
pub(crate) mod frame;
mod guard;
pub(crate) mod hub;
mod interest;
mod lane;
mod moves;
mod outlet;
mod pages;
pub(crate) mod redis;
mod rights;
pub(crate) mod ring;
mod run;
pub(crate) mod seats;
pub(crate) mod socket;
pub(crate) mod sse;
pub(crate) mod topic;
pub(crate) mod watch;
pub(crate) mod wire;

use crate::observe;
use channel::Channels;
use hub::Hub;
use model::id::CommandId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Head, Page, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use topic::Topic;
use watch::Watcher;

/// How many topics one question to the store asks about.
const HEADS: usize = 500;

/// How long a topic is kept at least; twice as long at most, unless somebody holds it.
const KEPT: Duration = Duration::from_millis(250);

/// The limits of live delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many bytes of frames a topic keeps in memory.
    pub(crate) ring_bytes: usize,
    /// How much of a log is read at once.
    pub(crate) page: Page,
}

/// The live side of a node.
pub(crate) struct Live {
    pub(crate) hub: Arc<Hub>,
    pub(crate) channels: Channels,
    pub(crate) store: Store,
    pub(crate) limits: Limits,
}

impl Live {
    pub(crate) fn new(store: Store, limits: Limits, tasks: TaskTracker) -> Self {
        let hub = Arc::new(Hub::new(limits, tasks));
        Self { hub, channels: Channels::new(store.clone()), store, limits }
    }

    /// Starts writing to those who have caught up.
    pub(crate) fn run(&self, tasks: &TaskTracker, shutdown: &CancellationToken) {
        self.hub.criers.run(tasks, shutdown);
    }

    /// A cursor into the log of a command that sees every event after `after`.
    pub(crate) fn watch(&self, command_id: CommandId, after: u64) -> Watcher {
        // The topic first, the store later: what is published in between is in the topic.
        Watcher::new(self.hub.topic(command_id), self.store.clone(), after)
    }

    /// The topics of commands, and the commands as the store has them, or had them a moment ago if
    /// nothing has been heard of them since; those that do not exist are left out.
    pub(crate) async fn heads(
        &self,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, (Arc<Topic>, Head)>, StoreError> {
        // The topics first, the store later: what is published in between is in the topics.
        let topics: Vec<_> =
            commands.iter().map(|&command_id| self.hub.topic(command_id)).collect();
        let is_stale = |topic: &&Arc<Topic>| topic.fresh_head().is_none();
        let stale: Vec<_> = topics.iter().filter(is_stale).cloned().collect();
        self.read_heads(&stale).await?;
        let known = |topic: Arc<Topic>| Some((topic.command_id(), (topic.last_head()?, topic)));
        let known = topics.into_iter().filter_map(known);
        Ok(known.map(|(command_id, (head, topic))| (command_id, (topic, head))).collect())
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

    /// Keeps topics for a moment after they were made.
    pub(crate) async fn let_go(&self, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(KEPT);
        while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
            self.hub.let_go();
        }
    }

    async fn look_for_losses(&self) {
        self.look_at(&self.hub.unfinished()).await;
    }

    async fn look_at(&self, commands: &[CommandId]) {
        let topics: Vec<_> = commands.iter().filter_map(|id| self.hub.watched(*id)).collect();
        if let Err(error) = self.read_heads(&topics).await {
            tracing::debug!(%error, "cannot look for lost events");
        }
    }

    /// Only of topics that are there before the store is asked: what is published meanwhile reaches
    /// them, and so what the store says is all there was before.
    async fn read_heads(&self, topics: &[Arc<Topic>]) -> Result<(), StoreError> {
        for topics in topics.chunks(HEADS) {
            let commands: Vec<_> = topics.iter().map(|topic| topic.command_id()).collect();
            observe::ends_read(commands.len());
            let heads = self.store.heads(&commands).await?.into_iter();
            let heads: HashMap<_, _> = heads.map(|head| (head.command_id, head)).collect();
            for topic in topics {
                heads.get(&topic.command_id()).inspect(|head| topic.confirm(head));
            }
        }
        Ok(())
    }
}

/// Locks for a moment. A panic elsewhere leaves what is locked whole: every change to it is one call.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
