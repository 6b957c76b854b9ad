//! The entity that a request is about, and whether the request may reach it.
//!
//! Knows what is locked and what is down; what a request then does is for the handlers.

use std::sync::{Arc, MutexGuard};

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::{BASE, text_of};
use crate::clock::Moment;
use crate::entity::locks::Client;
use crate::entity::{Entity, Memory};
use crate::refusal::Refusal;
use crate::vehicle::Simulated;

/// Where a change is the business of whoever holds the lock; each is a scope of locks.
pub(super) const LOCKABLE: [&str; 8] =
    ["data", "faults", "operations", "modes", "configurations", "scripts", "status", "clear-data"];
const RELATIONS: [&str; 7] =
    ["subareas", "subcomponents", "contains", "hosts", "is-located-on", "belongs-to", "depends-on"];

/// An entity, who asks it, and when.
#[derive(Debug, Clone)]
pub(super) struct At {
    pub(super) vehicle: Arc<Simulated>,
    pub(super) entity: Arc<Entity>,
    pub(super) client: Client,
    pub(super) now: Moment,
}

/// The part of an access token that says whose it is.
#[derive(Deserialize)]
struct Claims {
    sub: String,
}

impl At {
    /// Lets a request through to the entity; `rest` is the path below it.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchPath`] for a collection that it lacks, [`Refusal::NotResponding`] while it
    /// is down, and what the locks say to a change.
    pub(super) fn admit(
        vehicle: Arc<Simulated>,
        entity: Arc<Entity>,
        rest: &str,
        request: &Request,
    ) -> Result<Self, Refusal> {
        let (now, client) = (vehicle.clock.now(), client(request.headers()));
        let at = Self { vehicle, entity, client, now };
        let Some(collection) = rest.split('/').nth(1) else { return Ok(at) };
        at.check(collection, request.method().is_safe())?;
        Ok(at)
    }

    /// The same, later.
    pub(super) fn at_present(&self) -> Self {
        Self { now: self.vehicle.clock.now(), ..self.clone() }
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.entity.memory()
    }

    /// The address of something below the entity.
    pub(super) fn href(&self, below: &str) -> String {
        format!("{}/{below}", href(&self.entity))
    }

    /// A moment as SOVD writes it.
    pub(super) fn utc(&self, moment: Moment) -> String {
        self.vehicle.clock.utc(moment)
    }

    fn check(&self, collection: &str, is_safe: bool) -> Result<(), Refusal> {
        if RELATIONS.contains(&collection) {
            return Ok(());
        }
        let offered = match collection {
            "data-categories" | "data-groups" => "data",
            other => other,
        };
        if !self.entity.plan.collections().contains(&offered) {
            return Err(Refusal::NoSuchPath);
        }
        let mut memory = self.memory();
        if collection != "status" && !memory.power.is_up(self.now) {
            return Err(Refusal::NotResponding);
        }
        if !is_safe && LOCKABLE.contains(&collection) {
            let mut whole = self.vehicle.locks();
            whole.permit(&self.client, collection, false, self.now)?;
            let holds_whole = whole.are_held_by(&self.client, collection, self.now);
            let needs_lock = self.vehicle.plan.needs_lock && !holds_whole;
            memory.locks.permit(&self.client, collection, needs_lock, self.now)?;
        }
        Ok(())
    }
}

/// Where an entity is found.
pub(super) fn href(entity: &Entity) -> String {
    format!("{BASE}/{}", entity.path)
}

/// The subject of a bearer token, else the client that the request names, else nobody.
pub(super) fn client(headers: &HeaderMap) -> Client {
    let token = text_of(headers, header::AUTHORIZATION)
        .and_then(|credentials| credentials.strip_prefix("Bearer "));
    let named = headers.get("x-client-id").and_then(|name| name.to_str().ok());
    let name = token.map(subject).or_else(|| named.map(str::to_owned));
    Client(name.unwrap_or_default())
}

/// A token that is no JWT stands for itself.
fn subject(token: &str) -> String {
    let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims = claims.and_then(|json| serde_json::from_slice::<Claims>(&json).ok());
    claims.map_or_else(|| token.to_owned(), |claims| claims.sub)
}

/// Set by whoever located the entity: an entity's routes are reached no other way.
impl<S: Sync> FromRequestParts<S> for At {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get::<Self>().cloned().ok_or(Refusal::NoSuchPath)
    }
}
