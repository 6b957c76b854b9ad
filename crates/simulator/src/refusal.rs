//! Why a simulated vehicle refuses a request, and how SOVD says so.
//!
//! Decides nothing: the control units and the routes do.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refusal, from the resource's point of view.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no {kind} `{id}`")]
    Unknown { kind: &'static str, id: String },
    #[error("there is no such resource")]
    NoSuchPath,
    #[error("the resource does not have this method")]
    NoSuchMethod,
    #[error("invalid query: {0}")]
    InvalidQuery(String),
    #[error("invalid parameters: {0}")]
    InvalidParameters(String),
    /// Unlike invalid parameters this is a `DataError`, which points into the body.
    #[error("invalid value: {0}")]
    InvalidValue(String),
    #[error("the data item `{0}` cannot be written")]
    ReadOnly(String),
    #[error("this control unit can only clear all faults together")]
    ClearsOnlyAll,
    #[error("the operation is already running")]
    Busy,
    #[error("the request is larger than {limit} bytes, or ended too early")]
    Unreadable { limit: usize },
}

/// Exhaustive on purpose: a new variant does not compile until someone has chosen its status.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let message = self.to_string();
        let (status, body) = match self {
            Self::Unknown { .. } | Self::NoSuchPath => {
                (StatusCode::NOT_FOUND, vendor_specific("unknown-resource", &message))
            }
            Self::NoSuchMethod | Self::ReadOnly(_) => {
                (StatusCode::METHOD_NOT_ALLOWED, vendor_specific("not-allowed", &message))
            }
            Self::InvalidQuery(_) | Self::InvalidParameters(_) | Self::Unreadable { .. } => {
                (StatusCode::BAD_REQUEST, generic("incomplete-request", &message))
            }
            Self::InvalidValue(_) => {
                let error = generic("incomplete-request", &message);
                (StatusCode::BAD_REQUEST, json!({"path": "/data", "error": error}))
            }
            Self::ClearsOnlyAll => {
                (StatusCode::NOT_IMPLEMENTED, vendor_specific("not-supported", &message))
            }
            Self::Busy => (StatusCode::CONFLICT, generic("precondition-not-fulfilled", &message)),
        };
        (status, Json(body)).into_response()
    }
}

fn generic(error_code: &str, message: &str) -> Value {
    json!({"error_code": error_code, "message": message})
}

fn vendor_specific(vendor_code: &str, message: &str) -> Value {
    json!({"error_code": "vendor-specific", "vendor_code": vendor_code, "message": message})
}
