//! The vehicles whose commands have moved of late: told together, and not each time.
//!
//! Refuses to say what has moved: whoever hears of it asks the store.

use super::lock;
use model::id::VehicleId;
use std::collections::HashSet;
use std::sync::Mutex;
use tokio::sync::Notify;

/// What has not been told yet.
#[derive(Default)]
pub(crate) struct Moves {
    moved: Mutex<HashSet<VehicleId>>,
    news: Notify,
}

impl Moves {
    /// A command of the vehicle was submitted, or is in another state. Never waits.
    pub(crate) fn note(&self, vehicle_id: VehicleId) {
        if lock(&self.moved).insert(vehicle_id) {
            self.news.notify_one();
        }
    }

    /// Waits for vehicles whose commands have moved, and takes them.
    pub(super) async fn next(&self) -> Vec<VehicleId> {
        loop {
            let moved = std::mem::take(&mut *lock(&self.moved));
            if !moved.is_empty() {
                return moved.into_iter().collect();
            }
            self.news.notified().await;
        }
    }
}
