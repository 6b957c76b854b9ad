//! The configurations of an entity: parameters as JSON, blobs as bytes.
//!
//! Translates nothing: a parameter is not offered as bytes, nor a blob as JSON.

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{At, listed, text_of};
use crate::entity::configurations::{ConfigurationPlan, Content};
use crate::refusal::{Refusal, invalid_value};

const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

/// The body that writes a parameter.
#[derive(Deserialize)]
struct Write {
    data: Value,
}

/// Lists the configurations.
pub(super) async fn list(at: At) -> Json<Value> {
    listed(at.entity.plan.configurations.iter().map(entry))
}

/// Reads a configuration in its representation.
pub(super) async fn read(
    at: At,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let content = at.memory().configurations.read(&at.entity.plan.configurations, &id)?;
    match content {
        Content::Parameter(data) if accepts(&headers, JSON) => {
            Ok(Json(json!({"id": id, "data": data})).into_response())
        }
        Content::Bulk(blob) if accepts(&headers, BYTES) => {
            Ok(([(header::CONTENT_TYPE, BYTES)], blob).into_response())
        }
        Content::Parameter(_) | Content::Bulk(_) => Err(Refusal::NotAcceptable),
    }
}

/// Writes a configuration in its representation.
pub(super) async fn write(
    at: At,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let plans = &at.entity.plan.configurations;
    let mut memory = at.memory();
    if text_of(&headers, header::CONTENT_TYPE).is_some_and(|sent| sent.starts_with(JSON)) {
        let write: Write =
            serde_json::from_slice(&body).map_err(|cause| invalid_value(cause.to_string()))?;
        memory.configurations.write(plans, &id, write.data)?;
    } else {
        memory.configurations.write_blob(plans, &id, body)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

fn entry(plan: &ConfigurationPlan) -> Value {
    let (of, content_type) = if plan.is_bulk() { ("bulk", BYTES) } else { ("parameter", JSON) };
    json!({"id": plan.id, "name": plan.name, "type": of, "version": plan.version,
        "content_type": content_type})
}

/// No `Accept` accepts everything.
fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let Some(accepted) = text_of(headers, header::ACCEPT) else { return true };
    let group = wanted.split('/').next().map(|group| format!("{group}/*"));
    let mut types = accepted.split(',').filter_map(|each| each.split(';').next()).map(str::trim);
    types.any(|each| each == wanted || each == "*/*" || Some(each) == group.as_deref())
}
