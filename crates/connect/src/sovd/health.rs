//! Faults, status and identification of every entity in one report.
//!
//! Judges nothing: what an entity does not have is absent, and what it refuses is told.

use std::collections::BTreeMap;

use ::sovd::{Call, Client, Error};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::attempt::Attempt;
use super::faults::{Asked, IN_FLIGHT};
use super::{beside, failure, outbox, pages};
use crate::order::End;

/// The category of what identifies an entity.
const IDENTIFICATION: &str = "identData";
/// How many identifying values are read of one entity at most.
const MAX_VALUES: usize = 64;

/// What is said about one entity.
#[derive(Debug, Serialize)]
struct Report {
    entity: String,
    #[serde(flatten)]
    members: BTreeMap<&'static str, Box<RawValue>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    errors: BTreeMap<&'static str, Box<RawValue>>,
}

impl Attempt<'_> {
    /// One part per entity.
    pub(super) async fn report_health(&mut self, wanted: Option<&[String]>) -> Result<(), End> {
        let entities = self.entities(wanted).await?;
        let client = self.tagged(&self.vehicle().await?.client);
        let count = entities.len();
        if count == 0 {
            return self.outbox.last(&json!({ "items": [] })).await;
        }
        let limit = self.outbox.max_part_bytes();
        let reports = entities.into_iter().map(|asked| report(client.clone(), asked, limit));
        let asked: Vec<_> = reports.collect();
        let mut parts = stream::iter(asked).buffered(IN_FLIGHT).zip(stream::iter(1..));
        while let Some((part, number)) = parts.next().await {
            let part = part.map_err(|end| self.amid(end))?;
            self.outbox.answer(number == count, &part).await?;
        }
        Ok(())
    }
}

async fn report(client: Client, asked: Asked, limit: usize) -> Result<Report, End> {
    let Asked { path, entity } = asked;
    let (members, errors) = (BTreeMap::new(), BTreeMap::new());
    let mut report = Report { entity: path, members, errors };
    if entity.links.contains_key("status") {
        report.tell("status", ask(client.entity_status(&entity)).await)?;
    }
    if entity.links.contains_key("faults") {
        let faults = pages::whole(|| client.faults(&entity)).await;
        report.tell("faults", faults)?;
        if let Some(faults) = report.members.get_mut("faults") {
            *faults = beside::faults(faults)?;
        }
    }
    if entity.links.contains_key("data") {
        let identification = identification(&client, &entity, limit).await;
        report.tell("identification", identification)?;
    }
    Ok(report)
}

async fn ask<T>(call: Call<T>) -> Result<Box<RawValue>, Error> {
    call.raw().await
}

/// The identifying values, each as the vehicle gives it, together no larger than a part may be.
async fn identification(
    client: &Client,
    entity: &::sovd::Entity,
    limit: usize,
) -> Result<Box<RawValue>, Error> {
    let items = pages::all(|| client.data_items(entity).categories(&[IDENTIFICATION])).await?;
    let (mut values, mut bytes): (Vec<Box<RawValue>>, usize) = (Vec::new(), 0);
    let named = items.iter().filter(|item| item.category.as_deref() == Some(IDENTIFICATION));
    for item in named.take(MAX_VALUES) {
        match client.read(&item.href).raw().await {
            Ok(value) => {
                bytes = value.get().len().saturating_add(bytes);
                values.push(value);
            }
            Err(Error::Refused { .. } | Error::Unsupported { .. }) => {}
            Err(error) => return Err(error),
        }
        if bytes > limit {
            return Err(Error::TooLarge { limit });
        }
    }
    outbox::json(&values).map_err(|_| Error::Truncated)
}

impl Report {
    fn tell(
        &mut self,
        name: &'static str,
        answer: Result<Box<RawValue>, Error>,
    ) -> Result<(), End> {
        match answer {
            Ok(raw) => self.members.insert(name, raw),
            Err(Error::Refused { error, .. } | Error::Unsupported { error, .. }) => {
                self.errors.insert(name, beside::negative(&outbox::json(&error)?)?)
            }
            Err(error) => return Err(failure::of_read(error)),
        };
        Ok(())
    }
}
