//! Triggers of an entity.
//!
//! Writes nothing to the log: `log_settings` are taken and not acted on.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::observed::below;
use super::subscriptions::{observable, speaks};
use super::{At, events, listed, located, parsed};
use crate::entity::subscriptions::end;
use crate::entity::triggers::{Condition, Trigger};
use crate::refusal::Refusal;

const DEFAULT_LIFETIME_S: u64 = 3600;

/// The body that sets a trigger.
#[derive(Deserialize)]
struct Draft {
    resource: String,
    trigger_condition: Condition,
    path: Option<String>,
    protocol: Option<String>,
    #[serde(default)]
    multishot: bool,
    #[serde(default)]
    persistent: bool,
    lifetime: Option<u64>,
}

/// The body that lets a trigger live longer.
#[derive(Deserialize)]
struct Prolongation {
    lifetime: u64,
}

/// Lists the triggers, those that are over included.
pub(super) async fn list(at: At) -> Json<Value> {
    let memory = at.memory();
    listed(memory.triggers.iter().map(|(id, trigger)| shown(&at, id, trigger)))
}

/// Sets a trigger; what the resource is now is what it is compared with first.
pub(super) async fn create(at: At, body: Bytes) -> Result<Response, Refusal> {
    let draft: Draft = parsed(&body)?;
    speaks(draft.protocol.as_deref())?;
    let resource = below(&at, &draft.resource)?;
    let now = observable(&at, &resource)?;
    let mut trigger = Trigger {
        resource,
        condition: draft.trigger_condition,
        path: draft.path,
        is_multishot: draft.multishot,
        is_persistent: draft.persistent,
        expires: end(draft.lifetime.unwrap_or(DEFAULT_LIFETIME_S), at.now)?,
        seen: Value::Null,
        has_fired: false,
    };
    trigger.seen = trigger.watched(&now);
    let mut memory = at.memory();
    memory.triggers.retain(|other| other.is_active(at.now));
    let id = memory.triggers.add(trigger.clone())?;
    let location = at.href(&format!("triggers/{id}"));
    Ok(located(StatusCode::CREATED, location, shown(&at, &id, &trigger)))
}

/// Shows a trigger.
pub(super) async fn show(at: At, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(shown(&at, &id, at.memory().triggers.get(&id)?)))
}

/// Lets a trigger live longer.
pub(super) async fn prolong(
    at: At,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let Prolongation { lifetime } = parsed(&body)?;
    let expires = end(lifetime, at.now)?;
    at.memory().triggers.get_mut(&id)?.expires = expires;
    Ok(Json(json!({"expires": at.utc(expires)})))
}

/// Takes a trigger away.
pub(super) async fn delete(at: At, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    at.memory().triggers.take(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Streams an event each time that it fires.
pub(super) async fn events(at: At, Path(id): Path<String>) -> Result<Response, Refusal> {
    at.memory().triggers.get(&id)?;
    Ok(events::firings(at, id))
}

fn shown(at: &At, id: &str, trigger: &Trigger) -> Value {
    let mut body = json!({
        "id": id,
        "observed_resource": at.href(&trigger.resource),
        "event_source": at.href(&format!("triggers/{id}/events")),
        "protocol": "sse",
        "expires": at.utc(trigger.expires),
        "status": trigger.status(at.now),
        "trigger_condition": trigger.condition,
        "multishot": trigger.is_multishot,
        "persistent": trigger.is_persistent,
    });
    if let (Some(fields), Some(path)) = (body.as_object_mut(), &trigger.path) {
        fields.insert("path".to_owned(), json!(path));
    }
    body
}
