//! The locks of an entity, and those of the vehicle as a whole.
//!
//! Whether a request respects them is decided before it comes to its handler.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::at::{LOCKABLE, client};
use super::{At, BASE, listed, located, parsed};
use crate::clock::Moment;
use crate::entity::locks::{Client, Lock, Locks};
use crate::refusal::Refusal;
use crate::vehicle::Simulated;

/// The body that renews a lock.
#[derive(Deserialize)]
struct Renewal {
    lock_expiration: u64,
}

/// What locks are on, who asks for them, and when.
pub(super) struct Locked {
    on: On,
    client: Client,
    now: Moment,
}

enum On {
    Entity(At),
    Vehicle(Arc<Simulated>),
}

/// Lists the locks in force.
pub(super) async fn list(locked: Locked) -> Json<Value> {
    locked.with(|locks| {
        let entry = |(id, lock): (&str, &Lock)| {
            scoped(lock, json!({"id": id, "owned": lock.is_owned_by(&locked.client)}))
        };
        listed(locks.list(locked.now).map(entry))
    })
}

/// Takes a lock.
pub(super) async fn acquire(locked: Locked, body: Bytes) -> Result<Response, Refusal> {
    let (wish, scopes) = (parsed(&body)?, locked.scopes());
    let id = locked.with(|locks| locks.acquire(&locked.client, wish, &scopes, locked.now))?;
    Ok(located(StatusCode::CREATED, locked.href(&id), json!({"id": id})))
}

/// Shows a lock.
pub(super) async fn show(locked: Locked, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    locked.with(|locks| {
        let lock = locks.show(&id, &locked.client, locked.now)?;
        let owned = lock.is_owned_by(&locked.client);
        let expires = locked.vehicle().clock.utc(lock.expires);
        Ok(Json(scoped(lock, json!({"lock_expiration": expires, "owned": owned}))))
    })
}

/// Lets a lock last longer.
pub(super) async fn renew(
    locked: Locked,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let Renewal { lock_expiration } = parsed(&body)?;
    locked.with(|locks| locks.renew(&id, &locked.client, lock_expiration, locked.now))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a lock back.
pub(super) async fn release(locked: Locked, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    locked.with(|locks| locks.release(&id, &locked.client, locked.now))?;
    Ok(StatusCode::NO_CONTENT)
}

impl Locked {
    fn with<T>(&self, act: impl FnOnce(&mut Locks) -> T) -> T {
        match &self.on {
            On::Entity(at) => act(&mut at.memory().locks),
            On::Vehicle(vehicle) => act(&mut vehicle.locks()),
        }
    }

    fn vehicle(&self) -> &Simulated {
        match &self.on {
            On::Entity(at) => &at.vehicle,
            On::Vehicle(vehicle) => vehicle,
        }
    }

    fn scopes(&self) -> Vec<&'static str> {
        match &self.on {
            On::Vehicle(_) => LOCKABLE.to_vec(),
            On::Entity(at) => {
                let mut offered = at.entity.plan.collections();
                offered.retain(|collection| LOCKABLE.contains(collection));
                offered
            }
        }
    }

    fn href(&self, id: &str) -> String {
        match &self.on {
            On::Entity(at) => at.href(&format!("locks/{id}")),
            On::Vehicle(_) => format!("{BASE}/locks/{id}"),
        }
    }
}

/// An entity has been located before, or it is the vehicle that is meant.
impl<S: Sync> FromRequestParts<S> for Locked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        if let Some(at) = parts.extensions.get::<At>() {
            let (client, now) = (at.client.clone(), at.now);
            return Ok(Self { on: On::Entity(at.clone()), client, now });
        }
        let vehicle = parts.extensions.get::<Arc<Simulated>>().ok_or(Refusal::NoSuchPath)?;
        let (client, now) = (client(&parts.headers), vehicle.clock.now());
        Ok(Self { on: On::Vehicle(Arc::clone(vehicle)), client, now })
    }
}

fn scoped(lock: &Lock, mut entry: Value) -> Value {
    if let (Some(fields), Some(scopes)) = (entry.as_object_mut(), &lock.scopes) {
        fields.insert("scopes".to_owned(), json!(scopes));
    }
    entry
}
