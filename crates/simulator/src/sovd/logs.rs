//! The log of an entity.
//!
//! Has no pages: the standard has none, and the log is short.

use axum::Json;
use axum::http::{StatusCode, Uri};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{At, Query, listed, parsed};
use crate::entity::logs::{Entry, Severity, Verbosity};
use crate::refusal::Refusal;

/// The body that says how much is logged.
#[derive(Deserialize)]
struct Config {
    items: Vec<Verbosity>,
}

/// Where the entries and the configuration are.
pub(super) async fn links(at: At) -> Json<Value> {
    Json(json!({"entries": at.href("logs/entries"), "config": at.href("logs/config")}))
}

/// Lists the entries that are at least as grave as asked for.
pub(super) async fn entries(at: At, uri: Uri) -> Result<Json<Value>, Refusal> {
    let query = Query::of(&uri)?;
    let least = query.first("severity").map(severity).transpose()?.unwrap_or(Severity::Debug);
    let entries = at.memory().logs.entries(least, at.now);
    Ok(listed(entries.iter().map(|entry| shown(&at, entry))))
}

/// How much is logged.
pub(super) async fn config(at: At) -> Json<Value> {
    Json(json!({"contexts": at.memory().logs.contexts()}))
}

/// Sets how much is logged.
pub(super) async fn set(at: At, body: Bytes) -> Result<StatusCode, Refusal> {
    let Config { items } = parsed(&body)?;
    at.memory().logs.set(items)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Logs everything again.
pub(super) async fn reset(at: At) -> StatusCode {
    at.memory().logs.reset();
    StatusCode::NO_CONTENT
}

fn severity(word: &str) -> Result<Severity, Refusal> {
    let parsed = serde_json::from_value(word.into());
    parsed.map_err(|cause| Refusal::InvalidQuery(format!("`severity`: {cause}")))
}

fn shown(at: &At, entry: &Entry) -> Value {
    let context = json!({"type": "RFC5424", "host": at.entity.plan.id, "process": entry.process});
    json!({"timestamp": at.utc(entry.at), "context": context, "severity": entry.severity,
        "msg": entry.message})
}
