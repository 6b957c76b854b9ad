//! Scripts of an entity and their executions.
//!
//! Gives no script back: its size is all that is kept.

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{At, listed, located, parsed, text_of};
use crate::entity::scripts::{Ending, MAX_SCRIPT_BYTES, Occasion, Script};
use crate::refusal::Refusal;

const MAX_NAME_CHARS: usize = 128;

/// The body that starts an execution.
#[derive(Deserialize)]
struct Start {
    execution_type: Occasion,
}

/// The body that ends an execution.
#[derive(Deserialize)]
struct End {
    action: Ending,
}

/// Lists the scripts.
pub(super) async fn list(at: At) -> Json<Value> {
    listed(at.memory().scripts.iter().map(|(id, script)| shown(id, script)))
}

/// Brings a script.
pub(super) async fn upload(at: At, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    if body.is_empty() || body.len() > MAX_SCRIPT_BYTES {
        return Err(Refusal::Unreadable { limit: MAX_SCRIPT_BYTES });
    }
    let disposition = text_of(&headers, header::CONTENT_DISPOSITION);
    let name = disposition.and_then(|it| it.split_once("filename=")).map(|(_, name)| name);
    let name = name.map(|name| name.trim_matches('"').chars().take(MAX_NAME_CHARS).collect());
    let script = Script { name, size: body.len(), ..Script::default() };
    let id = at.memory().scripts.add(script)?;
    let location = at.href(&format!("scripts/{id}"));
    Ok(located(StatusCode::CREATED, location, json!({"id": id})))
}

/// Shows a script.
pub(super) async fn show(at: At, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(shown(&id, at.memory().scripts.get(&id)?)))
}

/// Takes a script away that does not run.
pub(super) async fn delete(at: At, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    let mut memory = at.memory();
    memory.scripts.get(&id)?.is_idle(at.now)?;
    memory.scripts.take(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts a script, or prepares it for a restart.
pub(super) async fn start(
    at: At,
    Path(script): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let Start { execution_type } = parsed(&body)?;
    let mut memory = at.memory();
    let kept = memory.scripts.get_mut(&script)?;
    let id = kept.run(execution_type, at.now);
    let status = kept.runs.get(&id)?.status(at.now);
    let location = at.href(&format!("scripts/{script}/executions/{id}"));
    Ok(located(StatusCode::ACCEPTED, location, json!({"id": id, "status": status})))
}

/// Lists the ids of the executions that are kept.
pub(super) async fn executions(at: At, Path(script): Path<String>) -> Result<Json<Value>, Refusal> {
    let memory = at.memory();
    Ok(listed(memory.scripts.get(&script)?.runs.iter().map(|(id, _)| id.into())))
}

/// Tells where an execution stands.
pub(super) async fn poll(
    at: At,
    Path((script, id)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let run = *at.memory().scripts.get(&script)?.runs.get(&id)?;
    Ok(Json(run.report(at.now, |moment| at.utc(moment))))
}

/// Ends an execution.
pub(super) async fn end(
    at: At,
    Path((script, id)): Path<(String, String)>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    // Both endings are one here: nothing resists.
    let End { action: Ending::Stop | Ending::ForcedTermination } = parsed(&body)?;
    at.memory().scripts.get_mut(&script)?.runs.get_mut(&id)?.end(at.now);
    Ok(StatusCode::NO_CONTENT)
}

/// Ends an execution and forgets it.
pub(super) async fn forget(
    at: At,
    Path((script, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    at.memory().scripts.get_mut(&script)?.runs.take(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(id: &str, script: &Script) -> Value {
    json!({"id": id, "name": script.name.as_deref().unwrap_or(id), "size": script.size})
}
