//! Operations of an entity and their executions.
//!
//! Runs nothing by itself: how far an execution is, is asked of the entity.

use axum::Json;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{At, Query, listed, located, parsed};
use crate::entity::Memory;
use crate::entity::executions::Execution;
use crate::operation::{Operation, Started};
use crate::refusal::{Refusal, unknown};

/// The body that starts an execution.
#[derive(Default, Deserialize)]
struct Start {
    #[serde(default)]
    parameters: Value,
    timeout: Option<u64>,
    proximity_response: Option<String>,
}

/// The body that controls an execution.
#[derive(Deserialize)]
struct Control {
    capability: String,
    #[serde(default)]
    parameters: Value,
    timeout: Option<u64>,
}

/// Lists the operations.
pub(super) async fn list(at: At) -> Json<Value> {
    listed(at.entity.plan.operations.iter().map(|operation| entry(*operation)))
}

/// Shows one operation, with the schema of its parameters if asked for.
pub(super) async fn show(at: At, Path(id): Path<String>, uri: Uri) -> Result<Json<Value>, Refusal> {
    let operation = at.entity.operation(&id)?;
    let mut body = serde_json::Map::from_iter([("item".to_owned(), entry(operation))]);
    if Query::of(&uri)?.flag("include-schema")? {
        body.insert("schema".to_owned(), operation.schema());
    }
    if operation.needs_proximity() {
        let challenge = at.memory().challenge(at.now);
        let valid_until = at.utc(challenge.valid_until);
        let challenge = json!({"challenge": challenge.text, "valid_until": valid_until});
        body.insert("proximity_challenge".to_owned(), challenge);
    }
    if let Some(session) = operation.session() {
        body.insert("modes".to_owned(), json!({"session": [session]}));
    }
    Ok(Json(Value::Object(body)))
}

/// Lists the ids of the executions that are kept.
pub(super) async fn executions(at: At, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let operation = at.entity.operation(&id)?;
    let memory = at.memory();
    let of = memory.executions.iter().filter(|(_, execution)| execution.operation == operation);
    Ok(listed(of.map(|(id, _)| id.into())))
}

/// Starts an execution: its result at once, or where to ask for it.
pub(super) async fn start(
    at: At,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let operation = at.entity.operation(&id)?;
    let start: Start = if body.is_empty() { Start::default() } else { parsed(&body)? };
    let started = operation.start(start.parameters)?;
    let mut memory = at.memory();
    memory.admit(operation, start.proximity_response.as_deref(), at.now)?;
    match started {
        Started::Done(result) => Ok(Json(json!({"parameters": result})).into_response()),
        Started::Begun(work) => {
            let id = memory.begin(operation, work, start.timeout, at.now)?;
            accepted(&at, &memory, operation, &id)
        }
    }
}

/// Tells where an execution stands.
pub(super) async fn poll(
    at: At,
    Path((operation, id)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    report(&at, &operation, &id).map(Json)
}

/// Tells an execution what to do; stopped it is kept.
pub(super) async fn control(
    at: At,
    Path((operation, id)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let operation = at.entity.operation(&operation)?;
    let Control { capability, parameters, timeout } = parsed(&body)?;
    let mut memory = at.memory();
    let execution = memory.executions.get_mut(&id)?;
    of(operation, execution, &id)?;
    execution.control(&capability, parameters, timeout, at.now)?;
    accepted(&at, &memory, operation, &id)
}

/// Stops an execution and forgets it.
pub(super) async fn forget(
    at: At,
    Path((operation, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let operation = at.entity.operation(&operation)?;
    let mut memory = at.memory();
    of(operation, memory.executions.get(&id)?, &id)?;
    memory.executions.take(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// An execution as a poll gives it.
///
/// # Errors
///
/// [`Refusal::Unknown`].
pub(super) fn report(at: &At, operation: &str, id: &str) -> Result<Value, Refusal> {
    let operation = at.entity.operation(operation)?;
    let memory = at.memory();
    let execution = memory.executions.get(id)?;
    of(operation, execution, id)?;
    Ok(execution.report(at.now))
}

/// An execution is found below its own operation only.
fn of(operation: Operation, execution: &Execution, id: &str) -> Result<(), Refusal> {
    if execution.operation == operation { Ok(()) } else { Err(unknown("execution", id)) }
}

fn accepted(at: &At, memory: &Memory, operation: Operation, id: &str) -> Result<Response, Refusal> {
    let status = memory.executions.get(id)?.status(at.now);
    let location = at.href(&format!("operations/{}/executions/{id}", operation.id()));
    Ok(located(StatusCode::ACCEPTED, location, json!({"id": id, "status": status})))
}

fn entry(operation: Operation) -> Value {
    json!({
        "id": operation.id(),
        "name": operation.name(),
        "proximity_proof_required": operation.needs_proximity(),
        "asynchronous_execution": operation.is_asynchronous(),
    })
}
