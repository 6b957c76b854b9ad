//! Why a simulated vehicle refuses a request, and how SOVD says so.
//!
//! Decides nothing: the entities and the routes do.

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
    #[error("invalid value: {fault}")]
    InvalidValue { path: String, fault: String },
    #[error("the data item `{0}` cannot be written")]
    ReadOnly(String),
    #[error("this control unit can only clear all faults together")]
    ClearsOnlyAll,
    #[error("the operation is already running")]
    Busy,
    #[error("the request is larger than {limit} bytes, or ended too early")]
    Unreadable { limit: usize },
    /// Nothing is wrong with the request; it comes at the wrong time.
    #[error("{0}")]
    Precondition(String),
    #[error("{0}")]
    Denied(&'static str),
    #[error("somebody else has broken the lock")]
    LockBroken,
    #[error("{0} keeps the entity locked")]
    Locked(&'static str),
    #[error("there are too many of this kind already: {0}")]
    TooMany(&'static str),
    #[error("the representation is not offered")]
    NotAcceptable,
    #[error("the content type is not accepted")]
    UnsupportedContent,
    #[error("the entity does not respond")]
    NotResponding,
    #[error("the control unit answered service {service} with {nrc}")]
    Negative { service: &'static str, nrc: &'static str },
    /// An update is in the way; the word is SOVD's.
    #[error("the update cannot begin: {0}")]
    Update(&'static str),
}

/// Exhaustive on purpose: a new variant does not compile until someone has chosen its status.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), Json(self.body())).into_response()
    }
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unknown { .. } | Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::NoSuchMethod | Self::ReadOnly(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::InvalidQuery(_)
            | Self::InvalidParameters(_)
            | Self::InvalidValue { .. }
            | Self::Unreadable { .. } => StatusCode::BAD_REQUEST,
            Self::ClearsOnlyAll => StatusCode::NOT_IMPLEMENTED,
            Self::Busy
            | Self::Precondition(_)
            | Self::LockBroken
            | Self::Locked(_)
            | Self::Update(_) => StatusCode::CONFLICT,
            Self::Denied(_) => StatusCode::FORBIDDEN,
            Self::TooMany(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::UnsupportedContent => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotResponding => StatusCode::GATEWAY_TIMEOUT,
            Self::Negative { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The `GenericError` or `DataError` that says so.
    pub(crate) fn body(&self) -> Value {
        let message = self.to_string();
        match self {
            Self::Unknown { .. } | Self::NoSuchPath => vendor("unknown-resource", &message),
            Self::NoSuchMethod | Self::ReadOnly(_) => vendor("not-allowed", &message),
            Self::InvalidQuery(_) | Self::InvalidParameters(_) | Self::Unreadable { .. } => {
                generic("incomplete-request", &message)
            }
            Self::InvalidValue { path, .. } => {
                json!({"path": path, "error": generic("incomplete-request", &message)})
            }
            Self::ClearsOnlyAll => vendor("not-supported", &message),
            Self::Busy | Self::Precondition(_) | Self::Locked(_) => {
                generic("precondition-not-fulfilled", &message)
            }
            Self::Denied(_) => generic("insufficient-access-rights", &message),
            Self::LockBroken => generic("lock-broken", &message),
            Self::TooMany(_) => vendor("too-many", &message),
            Self::NotAcceptable | Self::UnsupportedContent => vendor("media-type", &message),
            Self::NotResponding => generic("not-responding", &message),
            Self::Negative { service, nrc } => {
                let mut body = generic("error-response", &message);
                merge(&mut body, "parameters", json!({"service": service, "nrc": nrc}));
                body
            }
            Self::Update(word) => generic(word, &message),
        }
    }
}

/// The refusal for an id that means nothing here.
pub(crate) fn unknown(kind: &'static str, id: &str) -> Refusal {
    Refusal::Unknown { kind, id: id.to_owned() }
}

/// A value that the item does not take.
pub(crate) fn invalid_value(fault: impl Into<String>) -> Refusal {
    Refusal::InvalidValue { path: "/data".to_owned(), fault: fault.into() }
}

fn generic(error_code: &str, message: &str) -> Value {
    json!({"error_code": error_code, "message": message})
}

fn vendor(vendor_code: &str, message: &str) -> Value {
    json!({"error_code": "vendor-specific", "vendor_code": vendor_code, "message": message})
}

fn merge(body: &mut Value, key: &str, value: Value) {
    if let Some(fields) = body.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}
