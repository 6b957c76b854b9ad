//! Clearing what an entity has gathered.
//!
//! Clears one kind at a time.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{At, located};
use crate::entity::clearing::KINDS;
use crate::refusal::Refusal;

/// Where each kind is cleared, and where it is told how far that is.
pub(super) async fn links(at: At) -> Json<Value> {
    let all = KINDS.into_iter().chain(["status"]);
    let link = |name: &str| (name.to_owned(), at.href(&format!("clear-data/{name}")).into());
    Json(Value::Object(all.map(link).collect::<Map<_, _>>()))
}

/// Begins to clear.
pub(super) async fn begin(at: At, Path(kind): Path<String>) -> Result<Response, Refusal> {
    let mut memory = at.memory();
    memory.clearing.begin(&kind, at.now)?;
    if kind == "client-defined-resources" {
        memory.lists.clear();
        memory.subscriptions.clear();
        memory.triggers.clear();
    }
    Ok(located(StatusCode::ACCEPTED, at.href("clear-data/status"), json!({"type": kind})))
}

/// Tells how far it is.
pub(super) async fn status(at: At) -> Json<Value> {
    let memory = at.memory();
    let (Some((kind, began)), Some(progress)) =
        (memory.clearing.last(), memory.clearing.progress_percent(at.now))
    else {
        return Json(json!({"status": "notRequested"}));
    };
    let status = if progress < 100 { "running" } else { "completed" };
    Json(json!({"status": status, "type": kind, "last_started": at.utc(began),
        "progress": progress}))
}
