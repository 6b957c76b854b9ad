//! Commands about the values of an entity.
//!
//! Converts nothing: a value goes and comes in the vehicle's own JSON, with its unit beside it.

use std::time::Duration;

use ::sovd::{Call, ClearState, ClearStatus, Client, DataItem, Envelope, Error, Link};
use model::catalog::data::{Kind, Question};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing, reading};
use super::catalog::read_back;
use super::live::Span;
use super::lock::Last;
use super::vehicle::not_offered;
use super::{beside, failure};
use crate::order::End;

/// From this many values on they are read together, where the vehicle's server can do that.
const TOGETHER: usize = 4;
const PAUSE: Duration = Duration::from_millis(500);
/// How many times in a row the vehicle may fail to say how far a clearing is.
const MAX_MISSES: u32 = 5;

/// What is to be written where.
struct Written<'a> {
    place: Link,
    envelope: Envelope,
    value: &'a Value,
    signature: Option<&'a str>,
}

impl Attempt<'_> {
    pub(super) async fn about_data(
        &mut self,
        question: &Question,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        use Question as Q;
        match question {
            Q::List { .. } => reading(stop, self.list_data(question)).await,
            Q::Categories { entity } => reading(stop, self.list_categories(entity)).await,
            Q::Groups { entity, category } => {
                reading(stop, self.list_groups(entity, category.as_deref())).await
            }
            Q::Read { entity, ids, include_schema } => {
                reading(stop, self.read_data(entity, ids, *include_schema)).await
            }
            Q::Write { .. } => self.write_data(stop, question).await,
            Q::Clear { entity, kind } => self.clear_data(stop, entity, *kind).await,
            Q::Watch { entity, ids, interval, duration } => {
                let span = Span { stop, duration: (*duration).into() };
                self.watch_data(span, entity, ids, *interval).await
            }
        }
    }

    async fn list_data(&mut self, question: &Question) -> Result<(), End> {
        let Question::List { entity, category, group, tags } = question else { return Ok(()) };
        let Target { client, entity, .. } = self.entity(entity).await?;
        let mut call: Call<Vec<DataItem>> = client.data_items(&entity);
        if let Some(category) = category {
            call = call.categories(&[category]);
        }
        if let Some(group) = group {
            call = call.group(group);
        }
        let call = tags.iter().fold(call, |call, tag| call.tag(tag));
        self.hand_on(call).await
    }

    async fn list_categories(&mut self, entity: &str) -> Result<(), End> {
        let Target { client, entity, .. } = self.entity(entity).await?;
        self.hand_on(client.data_categories(&entity)).await
    }

    async fn list_groups(&mut self, entity: &str, category: Option<&str>) -> Result<(), End> {
        let Target { client, entity, .. } = self.entity(entity).await?;
        let call = client.data_groups(&entity);
        let call = match category {
            Some(category) => call.query("category", category),
            None => call,
        };
        self.hand_on(call).await
    }

    /// One part per value; all ids are known before the first is read.
    async fn read_data(
        &mut self,
        entity: &str,
        ids: &[String],
        with_schema: bool,
    ) -> Result<(), End> {
        let target = self.entity(entity).await?;
        let mut items = Vec::with_capacity(ids.len());
        for id in ids {
            items.push(target.vehicle.item(&target.entity, id).await?);
        }
        // Only the answer to a single question can stand for the whole.
        if let [item] = items.as_slice() {
            return self
                .hand_on_with(value_of(&target.client, item, with_schema), beside::value)
                .await;
        }
        let together = if items.len() >= TOGETHER {
            self.read_together(&target, &items, with_schema).await
        } else {
            None
        };
        match together {
            Some(values) => self.tell_values(values).await,
            None => self.read_each(&target, &items, with_schema).await,
        }
    }

    async fn read_each(
        &mut self,
        target: &Target<'_>,
        items: &[DataItem],
        with_schema: bool,
    ) -> Result<(), End> {
        for (number, item) in (1..).zip(items) {
            let value = value_of(&target.client, item, with_schema).await;
            let value = value.map_err(|error| self.failed(error))?;
            self.outbox.answer(number == items.len(), &beside::value(&value)?).await?;
        }
        Ok(())
    }

    async fn tell_values(&mut self, values: Vec<Box<RawValue>>) -> Result<(), End> {
        for (number, value) in (1..).zip(&values) {
            self.outbox.answer(number == values.len(), &beside::value(value)?).await?;
        }
        Ok(())
    }

    /// Writes a value, then reads it back.
    async fn write_data(
        &mut self,
        stop: &CancellationToken,
        question: &Question,
    ) -> Result<(), End> {
        let Question::Write { entity, id, value, signature } = question else { return Ok(()) };
        let (target, place, envelope) = preparing(stop, async {
            let target = self.entity(entity).await?;
            let place = target.vehicle.item(&target.entity, id).await?.href;
            let envelope = target.vehicle.envelope(&place).await?;
            Ok((target, place, envelope))
        })
        .await?;
        let written = Written { place, envelope, value, signature: signature.as_deref() };
        let hold = self.hold(stop, &target, "data.write").await?;
        let worked = hold.during(self.write_and_read_back(&target.client, written)).await;
        self.conclude(hold, worked).await
    }

    async fn write_and_read_back(
        &mut self,
        client: &Client,
        written: Written<'_>,
    ) -> Result<Last, End> {
        let Written { place, envelope, value, signature } = written;
        let call = match signature {
            Some(signature) => client.write_signed(&place, value.clone(), envelope, signature),
            None => client.write(&place, value.clone(), envelope),
        };
        if self.change(call).await?.is_none() {
            return Ok(None);
        }
        read_back(client.read(&place).raw().await)
    }

    /// Makes an entity forget, and tells how far it is.
    async fn clear_data(
        &mut self,
        stop: &CancellationToken,
        entity: &str,
        kind: Kind,
    ) -> Result<(), End> {
        let (target, place, status) = preparing(stop, async {
            let target = self.entity(entity).await?;
            let known = target.vehicle.client.clearable(&target.entity).await;
            let known = known.map_err(failure::of_read)?;
            let Some(place) = known.kinds.get(kind.word()) else {
                return Err(not_offered("clearing of", kind.word(), known.kinds.into_keys()));
            };
            Ok((target, place.clone(), known.status))
        })
        .await?;
        let hold = self.hold(stop, &target, "data.clear").await?;
        let worked = hold.during(self.clear_and_follow(&target.client, &place, &status)).await;
        self.conclude(hold, worked).await
    }

    async fn clear_and_follow(
        &mut self,
        client: &Client,
        place: &Link,
        status: &Link,
    ) -> Result<Last, End> {
        let Some(begun) = self.change(client.clear(place)).await? else { return Ok(None) };
        let status = begun.location.unwrap_or_else(|| status.clone());
        let mut shown = String::new();
        loop {
            let now = match clear_status(client, &status).await {
                Ok(now) => now,
                Err(error) => return read_back(Err(error)),
            };
            match now.state {
                ClearState::Completed => return Ok(Some(now.raw)),
                ClearState::Failed => {
                    let words = failure::all_words(&now.errors, "the clearing failed");
                    return Err(End::VehicleError(words));
                }
                ClearState::Running | ClearState::NotRequested | ClearState::Other(_) => {}
            }
            if shown != now.raw.get() {
                self.outbox.part(&now.raw).await?;
                now.raw.get().clone_into(&mut shown);
            }
            sleep(PAUSE).await;
        }
    }
}

/// How far a clearing is, asked again while the vehicle is silent.
async fn clear_status(client: &Client, place: &Link) -> Result<ClearStatus, Error> {
    let mut misses = 0_u32;
    loop {
        match client.clear_status(place).await {
            Err(error) if misses < MAX_MISSES && error.status().is_none_or(|it| it >= 500) => {
                tracing::debug!(%error, "how far a clearing is was not told");
                misses = misses.saturating_add(1);
                sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

fn value_of(client: &Client, item: &DataItem, with_schema: bool) -> Call<Box<RawValue>> {
    let call = client.read(&item.href);
    if with_schema { call.with_schema().raw() } else { call.raw() }
}
