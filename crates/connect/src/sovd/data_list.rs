//! Reading many values by one list that the vehicle's server keeps for the moment.
//!
//! Leaves no list behind: it is deleted before the values are handed on, and whenever it is dropped.

use std::collections::BTreeMap;

use ::sovd::{Client, DataItem};
use serde_json::value::RawValue;

use super::attempt::{Attempt, Target};
use super::kept::Kept;
use super::vehicle::Vehicle;

impl Attempt<'_> {
    /// The values in the order of the items; `None` if the server does not give them together, for
    /// whatever reason: whoever asks for each then learns it.
    pub(super) async fn read_together(
        &self,
        target: &Target<'_>,
        items: &[DataItem],
        with_schema: bool,
    ) -> Option<Vec<Box<RawValue>>> {
        if !target.entity.links.contains_key("data-lists") {
            return None;
        }
        let ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
        // Not in the name of the command: it only reads.
        let Target { vehicle: Vehicle { client, .. }, entity, .. } = target;
        let (call, tasks) = (client.create_data_list(entity, &ids), self.reach.farewells);
        let made = Kept::make(client, tasks, call, |list| &list.href, Client::delete_data_list);
        let Ok((list, kept)) = made.await else { return None };
        let call = target.client.read_data_list(&list.href);
        let read = if with_schema { call.with_schema() } else { call }.await;
        kept.removed().await;
        let Ok(values) = read else { return None };
        let values = values.into_iter().map(|value| (value.id, value.reading.raw));
        let mut values: BTreeMap<String, Box<RawValue>> = values.collect();
        // One that is missing is asked for by itself, and all others with it.
        items.iter().map(|item| values.remove(&item.id)).collect()
    }
}
