//! Cyclic subscriptions of an entity.
//!
//! Speaks server-sent events only.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::observed::{below, observe};
use super::{At, events, listed, located, parsed};
use crate::entity::subscriptions::{Interval, Subscription, end};
use crate::refusal::Refusal;

/// The body that subscribes.
#[derive(Deserialize)]
struct Draft {
    resource: String,
    interval: Interval,
    duration: u64,
    protocol: Option<String>,
}

/// The body that changes a subscription; what is absent stays.
#[derive(Deserialize)]
struct Change {
    interval: Option<Interval>,
    duration: Option<u64>,
}

/// Lists the subscriptions.
pub(super) async fn list(at: At) -> Json<Value> {
    let mut memory = at.memory();
    memory.subscriptions.forget_expired(at.now);
    listed(memory.subscriptions.iter().map(|(id, subscription)| shown(&at, id, subscription)))
}

/// Subscribes to a resource.
pub(super) async fn create(at: At, body: Bytes) -> Result<Response, Refusal> {
    let draft: Draft = parsed(&body)?;
    speaks(draft.protocol.as_deref())?;
    let resource = below(&at, &draft.resource)?;
    observable(&at, &resource)?;
    let expires = end(draft.duration, at.now)?;
    let subscription = Subscription { resource, interval: draft.interval, expires };
    let mut memory = at.memory();
    memory.subscriptions.forget_expired(at.now);
    let id = memory.subscriptions.add(subscription.clone())?;
    let location = at.href(&format!("cyclic-subscriptions/{id}"));
    Ok(located(StatusCode::CREATED, location, shown(&at, &id, &subscription)))
}

/// Shows a subscription.
pub(super) async fn show(at: At, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let mut memory = at.memory();
    memory.subscriptions.forget_expired(at.now);
    Ok(Json(shown(&at, &id, memory.subscriptions.get(&id)?)))
}

/// Changes the pace of a subscription, or its end.
pub(super) async fn change(
    at: At,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let Change { interval, duration } = parsed(&body)?;
    let expires = duration.map(|duration_s| end(duration_s, at.now)).transpose()?;
    let mut memory = at.memory();
    memory.subscriptions.forget_expired(at.now);
    let subscription = memory.subscriptions.get_mut(&id)?;
    subscription.interval = interval.unwrap_or(subscription.interval);
    subscription.expires = expires.unwrap_or(subscription.expires);
    Ok(Json(shown(&at, &id, subscription)))
}

/// Ends a subscription.
pub(super) async fn delete(at: At, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    at.memory().subscriptions.take(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Streams the samples.
pub(super) async fn events(at: At, Path(id): Path<String>) -> Result<Response, Refusal> {
    at.memory().subscriptions.get(&id)?;
    Ok(events::samples(at, id))
}

/// # Errors
///
/// [`Refusal::InvalidParameters`] for another protocol than server-sent events.
pub(super) fn speaks(protocol: Option<&str>) -> Result<(), Refusal> {
    match protocol {
        None | Some("sse") => Ok(()),
        Some(other) => {
            Err(Refusal::InvalidParameters(format!("`{other}` is not spoken, `sse` is")))
        }
    }
}

/// Reads a resource to see whether that can be done.
///
/// # Errors
///
/// [`Refusal::InvalidParameters`] in the words of the read.
pub(super) fn observable(at: &At, resource: &str) -> Result<Value, Refusal> {
    observe(at, resource).map_err(|refusal| Refusal::InvalidParameters(refusal.to_string()))
}

fn shown(at: &At, id: &str, subscription: &Subscription) -> Value {
    json!({
        "id": id,
        "observed_resource": at.href(&subscription.resource),
        "event_source": at.href(&format!("cyclic-subscriptions/{id}/events")),
        "protocol": "sse",
        "interval": subscription.interval,
        "expires": at.utc(subscription.expires),
    })
}
