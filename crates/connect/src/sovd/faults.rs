//! Commands about the faults that entities remember.
//!
//! Judges none: each is decoded beside what the vehicle says, and nothing is left out.

use ::sovd::{Call, Client, Entity, Error, Fault};
use futures_util::{StreamExt, stream};
use model::catalog::Whole;
use model::catalog::faults::Question;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, reading};
use super::live::Span;
use super::vehicle::not_offered;
use super::{beside, clearing, failure, outbox, pages};
use crate::order::End;

/// How many entities are asked at once.
pub(super) const IN_FLIGHT: usize = 4;

/// Which faults are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter<'a> {
    status: &'a Map<String, Value>,
    severity: Option<Whole>,
    scope: Option<&'a str>,
}

/// An entity with the path by which users know it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) entity: Arc<Entity>,
}

impl Attempt<'_> {
    pub(super) async fn about_faults(
        &mut self,
        question: &Question,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        use Question as Q;
        match question {
            Q::List { entity, status, severity, scope } => {
                let filter = Filter { status, severity: *severity, scope: scope.as_deref() };
                reading(stop, self.list_faults(entity, filter)).await
            }
            Q::Scan { entities, status, severity, scope } => {
                let filter = Filter { status, severity: *severity, scope: scope.as_deref() };
                reading(stop, self.scan_faults(entities.as_deref(), filter)).await
            }
            Q::Get { entity, code, snapshot, extended } => {
                reading(stop, self.get_fault(entity, code, (*snapshot, *extended))).await
            }
            Q::Clear { entity, code, scope } => {
                self.clear_faults(stop, entity, (code.as_deref(), scope.as_deref())).await
            }
            Q::Watch { entity, status, duration } => {
                let span = Span { stop, duration: (*duration).into() };
                self.watch_faults(span, entity, status).await
            }
        }
    }

    async fn list_faults(&mut self, entity: &str, filter: Filter<'_>) -> Result<(), End> {
        let Target { client, entity, .. } = self.entity(entity).await?;
        self.hand_on_list(|| filter.ask(&client, &entity), beside::faults).await
    }

    /// One part per entity, in the order of the vehicle; a refusal of one is told in its part.
    async fn scan_faults(
        &mut self,
        wanted: Option<&[String]>,
        filter: Filter<'_>,
    ) -> Result<(), End> {
        let mut entities = self.entities(wanted).await?;
        if wanted.is_none() {
            entities.retain(|asked| asked.entity.links.contains_key("faults"));
        }
        let client = self.tagged(&self.vehicle().await?.client);
        let count = entities.len();
        if count == 0 {
            return self.outbox.last(&json!({ "items": [] })).await;
        }
        // Collected, because a stream over borrowing closures could not move between threads.
        let asked: Vec<_> =
            entities.into_iter().map(|asked| scanned(client.clone(), asked, filter)).collect();
        let mut parts = stream::iter(asked).buffered(IN_FLIGHT).zip(stream::iter(1..));
        while let Some((part, number)) = parts.next().await {
            let part =
                part.map_err(|end| if number == 1 { end } else { failure::after_begin(end) })?;
            self.outbox.answer(number == count, &part).await?;
        }
        Ok(())
    }

    async fn get_fault(
        &mut self,
        entity: &str,
        code: &str,
        (snapshot, extended): (bool, bool),
    ) -> Result<(), End> {
        let Target { client, entity, .. } = self.entity(entity).await?;
        let faults = pages::all(|| client.faults(&entity)).await.map_err(failure::of_read)?;
        let Some(fault) = clearing::find(&faults, code)? else {
            return Err(not_offered("fault", code, faults.into_iter().map(|fault| fault.code)));
        };
        let mut call = client.fault(&fault.href);
        if snapshot {
            call = call.with_snapshots();
        }
        if extended {
            call = call.with_extended_data();
        }
        self.hand_on_with(call, beside::fault).await
    }
}

impl<'a> Filter<'a> {
    /// Faults by their status alone.
    pub(super) fn by_status(status: &'a Map<String, Value>) -> Self {
        Self { status, severity: None, scope: None }
    }

    pub(super) fn ask(&self, client: &Client, entity: &Entity) -> Call<Vec<Fault>> {
        let mut call = client.faults(entity);
        for (key, value) in self.status {
            call = call.status(key, &text(value));
        }
        if let Some(severity) = self.severity {
            // The schema allows no more.
            call = call.more_severe_than(u8::try_from(severity.get()).unwrap_or(u8::MAX));
        }
        match self.scope {
            Some(scope) => call.scope(scope),
            None => call,
        }
    }
}

/// A value of a status as it stands in a query.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

async fn scanned(
    client: Client,
    Asked { path, entity }: Asked,
    filter: Filter<'_>,
) -> Result<Box<RawValue>, End> {
    match pages::whole(|| filter.ask(&client, &entity)).await {
        Ok(raw) => beside::with(&beside::faults(&raw)?, "entity", &path),
        Err(error) => refusal(&path, error),
    }
}

/// What one of several entities said no with; anything worse is the end for all.
fn refusal(path: &str, error: Error) -> Result<Box<RawValue>, End> {
    let (Error::Refused { error, .. } | Error::Unsupported { error, .. }) = error else {
        return Err(failure::of_read(error));
    };
    beside::negative(&outbox::json(&json!({ "entity": path, "error": error }))?)
}
