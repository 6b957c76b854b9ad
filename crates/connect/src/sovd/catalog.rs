//! The commands of the catalogue that answer in the vehicle's own JSON.
//!
//! Reshapes nothing: what a vehicle says is handed on as it is.

use ::sovd::{Call, Client, Collection, EntityRef, Error};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing};
use super::failure;
use crate::order::End;

/// How many entities are asked at once.
const IN_FLIGHT: usize = 4;

/// A change that the vehicle confirmed and whose result could not be read afterwards.
#[derive(Debug, Serialize)]
pub(super) struct Confirmed {
    confirmed: bool,
    pub(super) message: String,
}

impl Confirmed {
    pub(super) fn unread(error: &Error) -> Self {
        tracing::warn!(error = error as &dyn std::error::Error, "a change was not read back");
        let message = format!("the vehicle confirmed it, but reading back failed: {error}");
        Self { confirmed: true, message }
    }
}

impl Attempt<'_> {
    /// One part per entity.
    pub(super) async fn discover(&mut self) -> Result<(), End> {
        let client = self.tagged(&self.vehicle().await?.client);
        let entities = entities(&client).await?;
        let count = entities.len();
        if count == 0 {
            return self.outbox.last(&json!({ "items": [] })).await;
        }
        let asked = entities.into_iter().map(|entity| description(client.clone(), entity));
        let mut answers = stream::iter(asked).buffered(IN_FLIGHT).zip(stream::iter(1..));
        while let Some((answer, number)) = answers.next().await {
            let entity = answer.map_err(failure::after_begin)?;
            self.outbox.answer(number == count, &entity).await?;
        }
        Ok(())
    }

    pub(super) async fn list_data(&mut self, entity: &str) -> Result<(), End> {
        let Target { client, entity, .. } = self.entity(entity).await?;
        self.hand_on(client.data_items(&entity)).await
    }

    pub(super) async fn list_faults(&mut self, entity: &str) -> Result<(), End> {
        let Target { client, entity, .. } = self.entity(entity).await?;
        self.hand_on(client.faults(&entity)).await
    }

    pub(super) async fn list_operations(&mut self, entity: &str) -> Result<(), End> {
        let Target { client, entity, .. } = self.entity(entity).await?;
        self.hand_on(client.operations(&entity)).await
    }

    /// One part per value; all ids are known before the first is read.
    pub(super) async fn read_data(&mut self, entity: &str, ids: &[String]) -> Result<(), End> {
        let target = self.entity(entity).await?;
        let mut places = Vec::with_capacity(ids.len());
        for id in ids {
            places.push(target.vehicle.item(&target.entity, id).await?.href);
        }
        // Only the answer to a single question can stand for the whole.
        if let [place] = places.as_slice() {
            return self.hand_on(target.client.read(place)).await;
        }
        for (number, place) in (1..).zip(&places) {
            let value = target.client.read(place).raw().await;
            let value = value.map_err(|error| self.failed(error))?;
            self.outbox.answer(number == places.len(), &value).await?;
        }
        Ok(())
    }

    /// Writes a value, then reads it back.
    pub(super) async fn write_data(
        &mut self,
        stop: &CancellationToken,
        entity: &str,
        id: &str,
        value: &Value,
    ) -> Result<(), End> {
        let (target, place, envelope) = preparing(stop, async {
            let target = self.entity(entity).await?;
            let place = target.vehicle.item(&target.entity, id).await?.href;
            let envelope = target.vehicle.envelope(&place).await?;
            Ok((target, place, envelope))
        })
        .await?;
        let call = target.client.write(&place, value.clone(), envelope);
        if self.change(call).await?.is_none() {
            return Ok(());
        }
        match target.client.read(&place).raw().await {
            Ok(reading) => self.outbox.last(&reading).await,
            Err(error) => self.outbox.last(&Confirmed::unread(&error)).await,
        }
    }

    /// Answers with what the vehicle says, as it is.
    pub(super) async fn hand_on<T>(&mut self, call: Call<T>) -> Result<(), End> {
        match self.read(call.raw()).await? {
            Some(answer) => self.outbox.last(&answer).await,
            None => Ok(()),
        }
    }

    /// A request of a read failed that may have been answered in part.
    pub(super) fn failed(&self, error: Error) -> End {
        let end = failure::of_read(error);
        if self.outbox.has_sent() { failure::after_begin(end) } else { end }
    }
}

/// The entities of all collections that the vehicle has.
async fn entities(client: &Client) -> Result<Vec<EntityRef>, End> {
    let mut entities = Vec::new();
    for collection in Collection::ALL {
        match client.entities(collection).await {
            Ok(listed) => entities.extend(listed),
            Err(Error::Unsupported { .. }) => {}
            Err(error) => return Err(failure::of_read(error)),
        }
    }
    Ok(entities)
}

/// What an entity says about itself, or else what its collection says about it.
async fn description(client: Client, entity: EntityRef) -> Result<Box<RawValue>, End> {
    match client.entity(&entity.href).await {
        Ok(described) => Ok(described.raw),
        Err(Error::Refused { .. } | Error::Unsupported { .. }) => Ok(entity.raw),
        Err(error) => Err(failure::of_read(error)),
    }
}
