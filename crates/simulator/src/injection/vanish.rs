//! Control units that are not there for a while: no answer of their own, no entry in a list.
//!
//! They keep what they remember, and come back with it.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Injector;
use crate::behaviour::Stage;
use crate::sovd::BASE;

const MAX_LIST_BYTES: usize = 8 * 1024 * 1024;

/// Hides the control units that have vanished; stands before the standard, behind every dialect.
pub(crate) async fn hide(State(stage): State<Stage>, request: Request, next: Next) -> Response {
    let injector = stage.vehicle.injector();
    if injector.is_complete() {
        return next.run(request).await;
    }
    let path = request.uri().path().strip_prefix(BASE).unwrap_or_default();
    let component = component_of(path).map(str::to_owned);
    match component.and_then(|component| Some((injector.is_gone(&component)?, component))) {
        Some((status, component)) => absent(status, &component),
        None => listed(&injector, next.run(request).await).await,
    }
}

/// The control unit that a path below the base belongs to.
pub(super) fn component_of(path: &str) -> Option<&str> {
    path.strip_prefix("/components/")?.split('/').next().filter(|component| !component.is_empty())
}

fn absent(status: StatusCode, component: &str) -> Response {
    let body = if status == StatusCode::NOT_FOUND {
        let message = format!("there is no component `{component}`");
        json!({"error_code": "vendor-specific", "vendor_code": "unknown-resource", "message": message})
    } else {
        let message = format!("the component `{component}` does not answer");
        json!({"error_code": "not-responding", "message": message})
    };
    (status, Json(body)).into_response()
}

/// The answer without entries that lead to something that has vanished.
async fn listed(injector: &Injector, answer: Response) -> Response {
    let said = answer.headers().get(header::CONTENT_TYPE);
    if said.is_none_or(|said| said != "application/json") {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_LIST_BYTES).await else {
        return StatusCode::INSUFFICIENT_STORAGE.into_response();
    };
    let mut document: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let Some(items) = document.get_mut("items").and_then(Value::as_array_mut) else {
        return Response::from_parts(head, bytes.into());
    };
    items.retain(|item| !leads_nowhere(injector, item));
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(document.to_string()))
}

fn leads_nowhere(injector: &Injector, item: &Value) -> bool {
    let href = item.get("href").and_then(Value::as_str).unwrap_or_default();
    let component = href.strip_prefix(BASE).and_then(component_of);
    component.is_some_and(|component| injector.is_gone(component).is_some())
}
