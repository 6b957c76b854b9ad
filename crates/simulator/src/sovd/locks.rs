//! The locks of an entity.
//!
//! Whether a request respects them is decided before it comes to its handler.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::at::LOCKABLE;
use super::{At, listed, located, parsed};
use crate::entity::locks::Lock;
use crate::refusal::Refusal;

/// The body that renews a lock.
#[derive(Deserialize)]
struct Renewal {
    lock_expiration: u64,
}

/// Lists the locks in force.
pub(super) async fn list(at: At) -> Json<Value> {
    let mut memory = at.memory();
    let entry =
        |(id, lock): (&str, &Lock)| scoped(lock, json!({"id": id, "owned": owned(&at, lock)}));
    listed(memory.locks.list(at.now).map(entry))
}

/// Takes a lock.
pub(super) async fn acquire(at: At, body: Bytes) -> Result<Response, Refusal> {
    let wish = parsed(&body)?;
    let mut known = at.entity.plan.collections();
    known.retain(|collection| LOCKABLE.contains(collection));
    let id = at.memory().locks.acquire(&at.client, wish, &known, at.now)?;
    let location = at.href(&format!("locks/{id}"));
    Ok(located(StatusCode::CREATED, location, json!({"id": id})))
}

/// Shows a lock.
pub(super) async fn show(at: At, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let mut memory = at.memory();
    let lock = memory.locks.show(&id, &at.client, at.now)?;
    let expires = at.utc(lock.expires);
    Ok(Json(scoped(lock, json!({"lock_expiration": expires, "owned": owned(&at, lock)}))))
}

/// Lets a lock last longer.
pub(super) async fn renew(
    at: At,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let Renewal { lock_expiration } = parsed(&body)?;
    at.memory().locks.renew(&id, &at.client, lock_expiration, at.now)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a lock back.
pub(super) async fn release(at: At, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    at.memory().locks.release(&id, &at.client, at.now)?;
    Ok(StatusCode::NO_CONTENT)
}

fn owned(at: &At, lock: &Lock) -> bool {
    lock.is_owned_by(&at.client)
}

fn scoped(lock: &Lock, mut entry: Value) -> Value {
    if let (Some(fields), Some(scopes)) = (entry.as_object_mut(), &lock.scopes) {
        fields.insert("scopes".to_owned(), json!(scopes));
    }
    entry
}
