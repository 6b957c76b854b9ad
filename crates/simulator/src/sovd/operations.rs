//! Operations of a control unit and their executions.
//!
//! Asks for no proof of proximity: none of these operations moves anything dangerous.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Query, href};
use crate::ecu::{Ecu, unknown};
use crate::execution::{Operation, Range, Sweep, self_test};
use crate::refusal::Refusal;
use crate::vehicle::Simulated;

/// The body that starts an execution.
#[derive(Default, Deserialize)]
struct Start {
    #[serde(default)]
    parameters: Value,
}

/// The body that controls an execution.
#[derive(Deserialize)]
struct Control {
    capability: String,
}

/// Lists the operations; a control unit without any does not have the collection.
pub(super) async fn list(
    State(vehicle): State<Arc<Simulated>>,
    Path(ecu): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let operations = &vehicle.ecu(&ecu)?.plan.operations;
    if operations.is_empty() {
        return Err(Refusal::NoSuchPath);
    }
    Ok(Json(json!({"items": operations.iter().map(|each| entry(*each)).collect::<Vec<_>>()})))
}

/// Shows one operation, with the schema of its parameters if asked for.
pub(super) async fn show(
    State(vehicle): State<Arc<Simulated>>,
    Path((ecu, operation)): Path<(String, String)>,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    let operation = vehicle.ecu(&ecu)?.operation(&operation)?;
    if Query::of(&uri)?.flag("include-schema")? {
        return Ok(Json(json!({"item": entry(operation), "schema": operation.schema()})));
    }
    Ok(Json(json!({"item": entry(operation)})))
}

/// Lists the ids of the executions that are kept.
pub(super) async fn executions(
    State(vehicle): State<Arc<Simulated>>,
    Path((ecu, operation)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let ecu = vehicle.ecu(&ecu)?;
    let kept = if ecu.operation(&operation)?.is_asynchronous() { ecu.sweeps() } else { Vec::new() };
    Ok(Json(json!({"items": kept.iter().map(|sweep| &sweep.id).collect::<Vec<_>>()})))
}

/// Starts an execution: its result at once, or where to ask for it.
pub(super) async fn start(
    State(vehicle): State<Arc<Simulated>>,
    Path((ecu, operation)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let ecu = vehicle.ecu(&ecu)?;
    let operation = ecu.operation(&operation)?;
    let start: Start = if body.is_empty() { Start::default() } else { parsed(&body)? };
    match operation {
        Operation::SelfTest => {
            Ok(Json(json!({"parameters": self_test(start.parameters)?})).into_response())
        }
        Operation::ActuatorSweep => {
            let now = Instant::now();
            let sweep = ecu.start(Range::from_parameters(start.parameters)?, now)?;
            Ok(accepted(ecu, &sweep, now))
        }
    }
}

/// Tells where an execution stands.
pub(super) async fn poll(
    State(vehicle): State<Arc<Simulated>>,
    Path((ecu, operation, id)): Path<(String, String, String)>,
) -> Result<Json<Value>, Refusal> {
    let sweep = asynchronous(vehicle.ecu(&ecu)?, &operation, &id)?.sweep(&id)?;
    Ok(Json(sweep.report(Instant::now())))
}

/// Stops an execution and keeps it.
pub(super) async fn control(
    State(vehicle): State<Arc<Simulated>>,
    Path((ecu, operation, id)): Path<(String, String, String)>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let ecu = asynchronous(vehicle.ecu(&ecu)?, &operation, &id)?;
    let Control { capability } = parsed(&body)?;
    if capability != "stop" {
        let message = format!("the capability `{capability}` is not offered, only `stop` is");
        return Err(Refusal::InvalidParameters(message));
    }
    let now = Instant::now();
    Ok(accepted(ecu, &ecu.stop(&id, now)?, now))
}

/// Stops an execution and forgets it.
pub(super) async fn forget(
    State(vehicle): State<Arc<Simulated>>,
    Path((ecu, operation, id)): Path<(String, String, String)>,
) -> Result<StatusCode, Refusal> {
    asynchronous(vehicle.ecu(&ecu)?, &operation, &id)?.forget(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Synchronous operations have no executions to ask for.
fn asynchronous<'a>(ecu: &'a Ecu, operation: &str, execution: &str) -> Result<&'a Ecu, Refusal> {
    if ecu.operation(operation)?.is_asynchronous() {
        Ok(ecu)
    } else {
        Err(unknown("execution", execution))
    }
}

fn accepted(ecu: &Ecu, sweep: &Sweep, now: Instant) -> Response {
    let operation = Operation::ActuatorSweep.id();
    let location = format!("{}/operations/{operation}/executions/{}", href(ecu), sweep.id);
    let body = json!({"id": sweep.id, "status": sweep.status(now)});
    (StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(body)).into_response()
}

fn entry(operation: Operation) -> Value {
    json!({
        "id": operation.id(),
        "name": operation.name(),
        "proximity_proof_required": false,
        "asynchronous_execution": operation.is_asynchronous(),
    })
}

fn parsed<B: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<B, Refusal> {
    serde_json::from_slice(body).map_err(|cause| Refusal::InvalidParameters(cause.to_string()))
}
