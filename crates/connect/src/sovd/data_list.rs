//! Reading many values by one list that the vehicle's server keeps for the moment.
//!
//! Leaves no list behind: it is deleted before the values are handed on, and whenever it is dropped.

use std::collections::BTreeMap;

use ::sovd::{Client, DataItem, Error};
use serde_json::value::RawValue;

use super::attempt::{Attempt, Target};
use super::failure;
use crate::order::End;

impl Attempt<'_> {
    /// The values in the order of the items; `None` if the server does not give them together.
    pub(super) async fn read_together(
        &self,
        target: &Target<'_>,
        items: &[DataItem],
        with_schema: bool,
    ) -> Result<Option<Vec<Box<RawValue>>>, End> {
        if !target.entity.links.contains_key("data-lists") {
            return Ok(None);
        }
        let ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
        // Not in the name of the command: it only reads.
        let made = target.vehicle.client.create_data_list(&target.entity, &ids).await;
        let list = match made {
            Ok(list) => list,
            Err(Error::Refused { .. } | Error::Unsupported { .. } | Error::Malformed { .. }) => {
                return Ok(None);
            }
            Err(error) => return Err(failure::of_read(error)),
        };
        let kept = self.keep(target, list.href.clone(), Client::delete_data_list);
        let call = target.client.read_data_list(&list.href);
        let read = if with_schema { call.with_schema() } else { call }.await;
        kept.removed().await;
        let values = match read {
            Ok(values) => values.into_iter().map(|value| (value.id, value.reading.raw)),
            Err(Error::Refused { .. } | Error::Unsupported { .. } | Error::Malformed { .. }) => {
                return Ok(None);
            }
            Err(error) => return Err(failure::of_read(error)),
        };
        let mut values: BTreeMap<String, Box<RawValue>> = values.collect();
        // One that is missing is asked for by itself, and all others with it.
        Ok(items.iter().map(|item| values.remove(&item.id)).collect())
    }
}
