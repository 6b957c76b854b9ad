//! The modes of an entity.
//!
//! Keeps none alive: who wants a mode to last sets it again before it expires.

use axum::Json;
use axum::extract::Path;
use axum::http::Uri;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{At, Query, listed, parsed};
use crate::entity::modes::{MODES, mode_of};
use crate::refusal::Refusal;

/// Lists the modes.
pub(super) async fn list(_: At) -> Json<Value> {
    listed(MODES.iter().map(|mode| json!({"id": mode.id, "name": mode.name})))
}

/// Shows the value of a mode.
pub(super) async fn show(at: At, Path(id): Path<String>, uri: Uri) -> Result<Json<Value>, Refusal> {
    let (mode, value) = (mode_of(&id)?, at.memory().modes.value(&id, at.now)?);
    if Query::of(&uri)?.flag("include-schema")? {
        return Ok(Json(json!({"name": mode.name, "value": value, "schema": mode.schema()})));
    }
    Ok(Json(json!({"name": mode.name, "value": value})))
}

/// Sets a mode.
pub(super) async fn change(
    at: At,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let change = parsed(&body)?;
    at.memory().modes.change(&id, &change, at.now).map(Json)
}
