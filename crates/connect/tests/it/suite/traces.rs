//! What commands may leave at a vehicle, and that they leave nothing.
//! Removes nothing: what is found was to be removed by the command that made it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::reads::ids_in;
use super::subject::{Place, Subject};

/// Where something may stay.
const COLLECTIONS: [&str; 4] = ["locks", "cyclic-subscriptions", "triggers", "data-lists"];

/// What clients have made at a vehicle, by its collection; what cannot be listed is left out.
#[derive(Debug, Default)]
pub(super) struct Traces(BTreeMap<String, BTreeSet<String>>);

impl Traces {
    pub(super) async fn of(subject: &Subject, place: &Place) -> Self {
        let listing = subject.ask("operations.list", place.params(json!({}))).await;
        let executions = |id| format!("operations/{id}/executions");
        let operations = ids_in(listing.ok(), usize::MAX).into_iter().map(executions);
        let mut traces = Self::default();
        for collection in COLLECTIONS.map(str::to_owned).into_iter().chain(operations) {
            let path = format!("/{}/{collection}", place.path);
            let listing = subject.ask("http.raw", json!({ "path": path })).await;
            if let Ok(listing) = listing {
                let ids = ids_in(Some(listing), usize::MAX).into_iter().collect();
                traces.0.insert(collection, ids);
            }
        }
        traces
    }

    /// What has come since, in words.
    pub(super) fn since(&self, before: &Self) -> Option<String> {
        let nothing = BTreeSet::new();
        let more = self.0.iter().filter_map(|(collection, ids)| {
            let count = ids.difference(before.0.get(collection).unwrap_or(&nothing)).count();
            (count > 0).then(|| format!("{count} in {collection}"))
        });
        let more: Vec<String> = more.collect();
        (!more.is_empty()).then(|| format!("left at the vehicle: {}", more.join(", ")))
    }
}
