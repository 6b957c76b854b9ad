//! Whether an entity is up, and switching it.
//!
//! Forces nothing: what is possible needs no force.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::{At, located};
use crate::entity::power::Turn;
use crate::refusal::Refusal;

/// Shows the status, and where it is changed.
pub(super) async fn show(at: At) -> Json<Value> {
    let memory = at.memory();
    let status = if memory.power.is_up(at.now) { "ready" } else { "notReady" };
    let href = |turn| at.href(&format!("status/{turn}"));
    Json(if memory.power.is_off() {
        json!({"status": status, "start": href("start")})
    } else {
        json!({"status": status, "restart": href("restart"), "shutdown": href("shutdown")})
    })
}

/// Starts, restarts or shuts down.
pub(super) async fn turn(at: At, Path(turn): Path<String>) -> Result<Response, Refusal> {
    let turn = match turn.as_str() {
        "start" => Turn::Start,
        "restart" => Turn::Restart,
        "shutdown" => Turn::Shutdown,
        _ => return Err(Refusal::NoSuchPath),
    };
    at.memory().turn(turn, at.now)?;
    Ok(located(StatusCode::ACCEPTED, at.href("status"), json!({"status": "notReady"})))
}
