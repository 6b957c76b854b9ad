//! A request on its way from a dialect to the standard.
//!
//! Keeps what it does not understand as it came.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value;

use super::place::{Kind, Place};
use super::told::Told;
use super::tongue::Tongue;
use super::uris;

/// A body that is read as a document.
const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;

/// What a client asks for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) place: Place,
    /// The pairs of the query, as they came.
    pub(super) query: Vec<String>,
    pub(super) headers: HeaderMap,
    pub(super) payload: Payload,
    /// What the standard says about things around the request.
    pub(super) known: Vec<(Need, Value)>,
}

/// The body of a request.
#[derive(Debug)]
pub(super) enum Payload {
    Whole(Bytes),
    /// Is handed on as it comes: files, mostly.
    Passing(Body),
}

/// A document of the standard without which a request cannot be translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Entity,
    DataItems,
    Faults,
    Locks,
    VehicleLocks,
    /// On what an app runs.
    Host,
    /// What the request itself is about.
    Itself,
}

impl Asked {
    /// Reads a request as one of a dialect.
    pub(super) async fn of(request: Request, tongue: &dyn Tongue) -> Result<Self, Told> {
        let (head, body) = request.into_parts();
        let place = Place::parse(head.uri.path(), tongue.base(), tongue.version_info());
        let query = head.uri.query().unwrap_or_default().split('&');
        let query = query.filter(|pair| !pair.is_empty()).map(readable).collect();
        let is_whole = is_json(&head.headers) || place.kind() != Kind::Other;
        let payload = if is_whole { whole(body).await? } else { Payload::Passing(body) };
        let headers = head.headers;
        let mut asked =
            Self { method: head.method, place, query, headers, payload, known: Vec::new() };
        if let Some(mut document) = asked.json() {
            uris::inward(&mut document, tongue.base());
            asked.set_json(&document);
        }
        Ok(asked)
    }

    pub(super) fn kind(&self) -> Kind {
        self.place.kind()
    }

    pub(super) fn is_get(&self) -> bool {
        self.method.is_safe()
    }

    /// Whether the client said that its body is JSON.
    pub(super) fn says_json(&self) -> bool {
        is_json(&self.headers)
    }

    pub(super) fn wants_stream(&self) -> bool {
        self.header(header::ACCEPT.as_str()).contains("text/event-stream")
    }

    /// A header as text, or nothing.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.iter().filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.parameter(name) == Some("true")
    }

    /// Replaces a query parameter.
    pub(super) fn set_parameter(&mut self, name: &str, value: &str) {
        self.drop_parameter(name);
        self.query.push(format!("{name}={value}"));
    }

    pub(super) fn drop_parameter(&mut self, name: &str) {
        self.query.retain(|pair| pair.split('=').next() != Some(name));
    }

    /// The body as JSON, if it is.
    pub(super) fn json(&self) -> Option<Value> {
        match &self.payload {
            Payload::Whole(bytes) => serde_json::from_slice(bytes).ok(),
            Payload::Passing(_) => None,
        }
    }

    /// Replaces the body.
    pub(super) fn set_json(&mut self, document: &Value) {
        self.payload = Payload::Whole(document.to_string().into());
        self.headers.remove(header::CONTENT_LENGTH);
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }

    /// What is known for a need; `Null` if the standard refused.
    pub(super) fn known(&self, need: Need) -> &Value {
        let found = self.known.iter().find(|(known, _)| *known == need);
        found.map_or(&Value::Null, |(_, document)| document)
    }

    /// The item of a known list for which something holds.
    pub(super) fn listed(&self, need: Need, holds: impl Fn(&Value) -> bool) -> Option<&Value> {
        let items = self.known(need).get("items").and_then(Value::as_array)?;
        items.iter().find(|item| holds(item))
    }

    /// Path and query at a server that speaks as the standard does.
    pub(super) fn target(&self) -> String {
        let path = self.place.path();
        if self.query.is_empty() { path } else { format!("{path}?{}", self.query.join("&")) }
    }
}

impl Payload {
    pub(super) fn into_body(self) -> Body {
        match self {
            Self::Whole(bytes) => bytes.into(),
            Self::Passing(body) => body,
        }
    }
}

/// Brackets are what clients encode in the names of status filters.
fn readable(pair: &str) -> String {
    pair.replace("%5B", "[").replace("%5D", "]").replace("%5b", "[").replace("%5d", "]")
}

fn is_json(headers: &HeaderMap) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    said.is_some_and(|said| said.contains("json"))
}

async fn whole(body: Body) -> Result<Payload, Told> {
    let too_large = |_| Told::empty(StatusCode::PAYLOAD_TOO_LARGE);
    to_bytes(body, MAX_DOCUMENT_BYTES).await.map(Payload::Whole).map_err(too_large)
}
