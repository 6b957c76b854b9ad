//! An answer as a dialect words it, before it is bytes.
//!
//! Decides nothing about its content.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) status: StatusCode,
    /// `Location`, in the paths of the standard until the last moment.
    pub(super) location: Option<String>,
    /// `Allow`, of a method that is refused.
    pub(super) allow: Option<&'static str>,
    pub(super) content: Content,
    /// Every other header of the answer that was translated.
    pub(super) headers: Box<HeaderMap>,
}

/// What an answer carries.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Nothing,
    Text(String),
    Document(Value),
}

impl Told {
    fn new(status: StatusCode, content: Content) -> Self {
        Self { status, location: None, allow: None, content, headers: Box::default() }
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self::new(status, Content::Nothing)
    }

    pub(super) fn text(status: StatusCode, text: &str) -> Self {
        Self::new(status, Content::Text(text.to_owned()))
    }

    pub(super) fn document(status: StatusCode, document: Value) -> Self {
        Self::new(status, Content::Document(document))
    }

    /// An error as the standard words it.
    pub(super) fn error(status: StatusCode, error_code: &str, message: &str) -> Self {
        Self::document(status, json!({"error_code": error_code, "message": message}))
    }

    pub(super) fn allowing(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }

    /// The document; `Null` if it is none.
    pub(super) fn json(&self) -> &Value {
        if let Content::Document(document) = &self.content { document } else { &Value::Null }
    }

    /// The same answer with another document, if it has one.
    pub(super) fn map(mut self, word: impl FnOnce(Value) -> Value) -> Self {
        if let Content::Document(document) = self.content {
            self.content = Content::Document(word(document));
        }
        self
    }

    /// The code and message of an error document, also of a `DataError`.
    pub(super) fn complaint(&self) -> (&str, &str) {
        let document = self.json();
        let error = document.get("error").filter(|error| error.is_object()).unwrap_or(document);
        let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
        (text("error_code"), text("message"))
    }
}

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        let mut answer = match self.content {
            Content::Nothing => self.status.into_response(),
            Content::Text(text) => (self.status, text).into_response(),
            Content::Document(document) => (self.status, Json(document)).into_response(),
        };
        let described = [header::CONTENT_TYPE, header::CONTENT_LENGTH];
        let others = (*self.headers).into_iter().filter_map(|(name, value)| Some((name?, value)));
        answer.headers_mut().extend(others.filter(|(name, _)| !described.contains(name)));
        let location = self.location.and_then(|location| HeaderValue::from_str(&location).ok());
        if let Some(location) = location {
            answer.headers_mut().insert(header::LOCATION, location);
        }
        if let Some(methods) = self.allow {
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        answer
    }
}
