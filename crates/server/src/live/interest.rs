//! Which topics a node is interested in, for a bus that has to subscribe to each.
//!
//! Refuses to remember anything while nobody follows it: whoever begins to follow asks the hub.

use super::lock;
use crate::observe;
use model::id::CommandId;
use std::collections::HashSet;
use std::mem::take;
use std::sync::Mutex;
use tokio::sync::{Notify, watch};

/// Topics that came or went, and those that the bus is subscribed to.
#[derive(Default)]
pub(crate) struct Interest {
    state: Mutex<State>,
    news: Notify,
    /// Counts confirmations.
    confirmed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    is_followed: bool,
    changed: HashSet<CommandId>,
    subscribed: HashSet<CommandId>,
}

impl Interest {
    /// A topic came or went.
    pub(crate) fn changed(&self, command_id: CommandId) {
        let mut state = lock(&self.state);
        if state.is_followed {
            state.changed.insert(command_id);
            drop(state);
            self.news.notify_one();
        }
    }

    /// From here on changes are kept, until [`forget`](Self::forget).
    pub(crate) fn follow(&self) {
        lock(&self.state).is_followed = true;
    }

    /// The bus is gone, and its subscriptions with it.
    pub(crate) fn forget(&self) {
        *lock(&self.state) = State::default();
        observe::bus_subscriptions(0);
    }

    /// Waits for topics that came or went.
    pub(crate) async fn changes(&self) -> Vec<CommandId> {
        loop {
            let changed = take(&mut lock(&self.state).changed);
            if !changed.is_empty() {
                return changed.into_iter().collect();
            }
            self.news.notified().await;
        }
    }

    /// Whether the bus is subscribed to it.
    pub(crate) fn is_subscribed(&self, command_id: CommandId) -> bool {
        lock(&self.state).subscribed.contains(&command_id)
    }

    /// The bus has subscribed to these.
    pub(crate) fn confirm(&self, commands: &[CommandId]) {
        let mut state = lock(&self.state);
        state.subscribed.extend(commands);
        observe::bus_subscriptions(state.subscribed.len());
        drop(state);
        self.confirmed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The bus has unsubscribed from these.
    pub(crate) fn revoke(&self, commands: &[CommandId]) {
        let mut state = lock(&self.state);
        for command_id in commands {
            state.subscribed.remove(command_id);
        }
        observe::bus_subscriptions(state.subscribed.len());
    }

    /// Waits until the bus is subscribed to it.
    pub(crate) async fn subscribed(&self, command_id: CommandId) {
        let mut confirmed = self.confirmed.subscribe();
        while !self.is_subscribed(command_id) {
            // The sender lives in `self`.
            drop(confirmed.changed().await);
        }
    }
}
