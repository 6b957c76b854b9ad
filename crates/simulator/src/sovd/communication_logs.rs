//! Recordings of the communication of an entity.
//!
//! What is recorded is bulk data, and there from the start.

use axum::Json;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{At, Query, listed, located, parsed};
use crate::entity::recordings::Recording;
use crate::refusal::Refusal;

/// The body that switches a recording.
#[derive(Deserialize)]
struct Switch {
    action: Action,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Action {
    Activate,
    Deactivate,
}

/// Lists the recordings.
pub(super) async fn list(at: At) -> Json<Value> {
    let memory = at.memory();
    listed(memory.recordings.iter().map(|(id, recording)| shown(&at, id, recording)))
}

/// Sets up a recording; its configuration is the manufacturer's, and read by nobody.
pub(super) async fn create(at: At, uri: Uri) -> Result<Response, Refusal> {
    let is_stream = Query::of(&uri)?.flag("stream")?;
    let id = at.memory().recordings.add(Recording { is_active: false, is_stream })?;
    let body = shown(&at, &id, at.memory().recordings.get(&id)?);
    Ok(located(StatusCode::CREATED, at.href(&format!("communication-logs/{id}")), body))
}

/// Shows a recording.
pub(super) async fn show(at: At, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(shown(&at, &id, at.memory().recordings.get(&id)?)))
}

/// Switches a recording on or off.
pub(super) async fn switch(
    at: At,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let Switch { action } = parsed(&body)?;
    let mut memory = at.memory();
    let recording = memory.recordings.get_mut(&id)?;
    let activates = action == Action::Activate;
    if recording.is_active == activates {
        return Err(Refusal::Precondition("it is already switched so".to_owned()));
    }
    recording.is_active = activates;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a recording away.
pub(super) async fn delete(at: At, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    at.memory().recordings.take(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(at: &At, id: &str, recording: &Recording) -> Value {
    let status = if recording.is_active { "active" } else { "inactive" };
    json!({"id": id, "status": status, "stream": recording.is_stream,
        "log": at.href("bulk-data/logs/trace")})
}
