//! How events reach the hubs of all nodes.
//!
//! Refuses to be the truth: an event that is lost here is found in the store.

use super::hub::Hub;
use model::event::Event;
use model::id::CommandId;
use std::sync::Arc;

/// The way from a commit to the watchers.
#[derive(Clone)]
pub(crate) enum Bus {
    /// One node: straight into its hub.
    Local(Arc<Hub>),
}

impl Bus {
    /// Publishes stored events. Never waits for a watcher.
    pub(crate) fn publish(&self, command_id: CommandId, events: Vec<Event>) {
        match self {
            Self::Local(hub) => hub.publish(command_id, events),
        }
    }
}
