//! What a discovery of a whole vehicle finds is kept before its command is completed.
//!
//! Refuses to keep half a tree, or one beyond all measure.

use super::{Commands, insist};
use model::catalog::{Question, vehicles};
use model::command::Command;
use serde_json::value::RawValue;

/// Bytes of the largest tree that is kept.
const MAX_BYTES: usize = 16 << 20;

/// The entities that have been found so far.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    entities: Vec<Box<RawValue>>,
    bytes: usize,
}

impl Discovery {
    /// One that is yet to find anything; `None` if the question is another, or for a part of the tree.
    pub(super) fn of(question: &Question) -> Option<Self> {
        let whole = Question::Vehicle(vehicles::Question::Discover { depth: None });
        (*question == whole).then(Self::default)
    }

    pub(super) fn add(&mut self, entity: &RawValue) {
        self.bytes = self.bytes.saturating_add(entity.get().len());
        if self.bytes <= MAX_BYTES {
            self.entities.push(entity.to_owned());
        }
    }
}

impl Commands {
    /// Keeps the tree.
    pub(super) async fn keep(&self, command: &Command, found: Discovery) {
        let (vehicle, id) = (command.order.vehicle_id, command.order.command_id);
        if found.bytes > MAX_BYTES {
            tracing::warn!(command_id = %id, bytes = found.bytes, "a tree is too large to be kept");
            return;
        }
        let keep = || self.store.keep_capabilities(vehicle, id, &found.entities);
        if let Some(revision) = insist(id, "what a vehicle offers", keep).await {
            tracing::debug!(vehicle_id = %vehicle, revision, "keeps what a vehicle offers");
        }
    }
}
