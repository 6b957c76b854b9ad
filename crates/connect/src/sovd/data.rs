//! Commands about the values of an entity.
//!
//! Converts nothing: a value goes and comes in the vehicle's own JSON, with its unit beside it.

use std::time::Duration;

use ::sovd::{Call, ClearState, ClearStatus, Client, DataItem, Envelope, Link};
use model::catalog::data::{Kind, Question};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing, reading};
use super::catalog::{plain, read_back, read_before};
use super::live::Span;
use super::lock::Last;
use super::patience::Patience;
use super::vehicle::not_offered;
use super::{beside, failure};
use crate::order::End;

/// From this many values on they are read together, where the vehicle's server can do that.
const TOGETHER: usize = 4;
/// How many times in a row the vehicle may fail to say how far a clearing is.
const MAX_MISSES: u32 = 5;
/// How long a clearing may still look as the one before, until that is how it is.
const SETTLING: Duration = Duration::from_secs(3);

/// What is to be written where.
struct Written<'a> {
    place: Link,
    envelope: Envelope,
    value: &'a Value,
    signature: Option<&'a str>,
}

/// What is to be cleared, and how the clearing before it ended.
struct Clearing {
    kind: Kind,
    place: Link,
    status: Link,
    /// `None` if there was none.
    before: Option<ClearStatus>,
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
        let call = || {
            let mut call: Call<Vec<DataItem>> = client.data_items(&entity);
            if let Some(category) = category {
                call = call.categories(&[category]);
            }
            if let Some(group) = group {
                call = call.group(group);
            }
            tags.iter().fold(call, |call, tag| call.tag(tag))
        };
        self.hand_on_list(call, plain).await
    }

    async fn list_categories(&mut self, entity: &str) -> Result<(), End> {
        let Target { client, entity, .. } = self.entity(entity).await?;
        self.hand_on_list(|| client.data_categories(&entity), plain).await
    }

    async fn list_groups(&mut self, entity: &str, category: Option<&str>) -> Result<(), End> {
        let Target { client, entity, .. } = self.entity(entity).await?;
        let call = || {
            let call = client.data_groups(&entity);
            match category {
                Some(category) => call.query("category", category),
                None => call,
            }
        };
        self.hand_on_list(call, plain).await
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
        let (target, clearing) = preparing(stop, async {
            let target = self.entity(entity).await?;
            let client = &target.vehicle.client;
            let known = client.clearable(&target.entity).await.map_err(failure::of_read)?;
            let Some(place) = known.kinds.get(kind.word()).cloned() else {
                return Err(not_offered("clearing of", kind.word(), known.kinds.into_keys()));
            };
            let before = read_before(client.clear_status(&known.status).await)?;
            Ok((target, Clearing { kind, place, status: known.status, before }))
        })
        .await?;
        let hold = self.hold(stop, &target, "data.clear").await?;
        let worked = hold.during(self.clear_and_follow(&target.client, &clearing)).await;
        self.conclude(hold, worked).await
    }

    async fn clear_and_follow(
        &mut self,
        client: &Client,
        clearing: &Clearing,
    ) -> Result<Last, End> {
        let call = client.clear(&clearing.place);
        let Some(begun) = self.change(call).await? else { return Ok(None) };
        let place = begun.location.as_ref().unwrap_or(&clearing.status);
        let (begun, mut is_another, mut shown) = (Instant::now(), false, String::new());
        let mut patience = Patience::new(MAX_MISSES);
        loop {
            let now = patience.answer(|| client.clear_status(place)).await?;
            is_another |= clearing.is_another(&now, begun.elapsed());
            let is_ours = is_another && clearing.is_of_kind(&now);
            match now.state {
                ClearState::Completed if is_ours => return Ok(Some(now.raw)),
                ClearState::Failed if is_ours => {
                    let words = failure::all_words(&now.errors, "the clearing failed");
                    return Err(End::VehicleError(words));
                }
                ClearState::Completed
                | ClearState::Failed
                | ClearState::Running
                | ClearState::NotRequested
                | ClearState::Other(_) => {}
            }
            if is_ours && shown != now.raw.get() {
                self.outbox.part(&now.raw).await?;
                now.raw.get().clone_into(&mut shown);
            }
        }
    }
}

impl Clearing {
    /// Whether this is not the clearing before any more, which a vehicle may still speak of just after
    /// it has accepted one. Where it does not date them, time alone can tell two that look the same.
    fn is_another(&self, now: &ClearStatus, waited: Duration) -> bool {
        let looks = |it: &ClearStatus| (it.state.clone(), it.kind.clone(), it.last_started.clone());
        self.before.as_ref().is_none_or(|before| looks(before) != looks(now))
            || now.last_started.is_none() && waited >= SETTLING
    }

    /// Whether this is about what is to be cleared, however the vehicle spells that.
    fn is_of_kind(&self, now: &ClearStatus) -> bool {
        let letters = |word: &str| word.replace(['-', '_'], "").to_ascii_lowercase();
        now.kind.as_deref().is_none_or(|kind| letters(kind) == letters(self.kind.word()))
    }
}

fn value_of(client: &Client, item: &DataItem, with_schema: bool) -> Call<Box<RawValue>> {
    let call = client.read(&item.href);
    if with_schema { call.with_schema().raw() } else { call.raw() }
}
