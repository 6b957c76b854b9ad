//! As the Eclipse OpenSOVD gateway speaks in its mock mode: topology and data to read.
//!
//! Has no faults, no operations and nothing that changes; wraps every scalar, and says little.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::asked::{Asked, Need};
use super::place::Kind;
use super::told::Told;
use super::tongue::{Tongue, announcing, each_item, set, text};
use crate::sovd::BASE;

const OFFERED: [&str; 8] = [
    "data",
    "hosts",
    "belongs-to",
    "is-located-on",
    "contains",
    "depends-on",
    "subareas",
    "subcomponents",
];
/// Collections that are there without being announced.
const UNANNOUNCED: [&str; 2] = ["data-categories", "data-groups"];
const NO_FLAG: &str =
    "Failed to deserialize query string: include-schema: provided string was not `true` or `false`";
const NO_JSON: &str = "Expected request with `Content-Type: application/json`";
const NO_DATA: &str =
    "Failed to deserialize the JSON body into the target type: missing field `data`";

/// The dialect.
#[derive(Debug)]
pub(super) struct Opensovd;

impl Tongue for Opensovd {
    fn base(&self) -> &'static str {
        BASE
    }

    fn version_info(&self) -> &'static str {
        "/sovd/version-info"
    }

    fn origin(&self, host: &str) -> String {
        format!("http://{host}")
    }

    fn needs(&self, asked: &Asked) -> Vec<Need> {
        let is_below = !matches!(asked.kind(), Kind::Root | Kind::VersionInfo | Kind::Outside);
        if !is_below || asked.place.segments().len() < 2 {
            return Vec::new();
        }
        let is_app = asked.kind() == Kind::Entity && asked.place.segment(0) == "apps";
        [Need::Entity].into_iter().chain(is_app.then_some(Need::Host)).collect()
    }

    fn hear(&self, asked: &mut Asked) -> Result<(), Told> {
        if !is_there(asked) {
            return Err(Told::empty(StatusCode::NOT_FOUND));
        }
        if asked.known.iter().any(|(_, entity)| entity.is_null()) {
            return Err(no_entity(asked));
        }
        if !matches!(asked.parameter("include-schema"), None | Some("true" | "false")) {
            return Err(Told::text(StatusCode::BAD_REQUEST, NO_FLAG));
        }
        match asked.kind() {
            Kind::DataItems => take_filters(asked),
            Kind::Value if asked.method == "PUT" => Err(read_only(asked)),
            _ => Ok(()),
        }
    }

    fn tell(&self, asked: &Asked, told: Told) -> Told {
        if told.status == StatusCode::METHOD_NOT_ALLOWED {
            return Told::empty(told.status).allowing("GET,HEAD");
        }
        if !told.status.is_success() {
            return refused(asked, &told);
        }
        told.map(|document| match asked.kind() {
            Kind::VersionInfo => versions(document),
            Kind::Root => root(document),
            Kind::Entity => hosted(asked, announcing(document, &OFFERED)),
            Kind::DataItems => each_item(document, bare),
            Kind::Value => wrapped(document),
            _ => document,
        })
    }
}

fn is_there(asked: &Asked) -> bool {
    match asked.kind() {
        Kind::Root | Kind::VersionInfo | Kind::Entity => true,
        Kind::Entities => asked.place.id() != "functions",
        Kind::Outside => false,
        _ => {
            let resource = asked.place.resource();
            let first = resource.first().copied().unwrap_or_default();
            asked.place.segments().len() > resource.len()
                && resource.last() != Some(&"docs")
                && (OFFERED.contains(&first) || UNANNOUNCED.contains(&first))
        }
    }
}

fn no_entity(asked: &Asked) -> Told {
    let message = format!("Entity not found: {}", asked.place.segment(1));
    let error = json!({
        "error_code": "vendor-specific",
        "vendor_code": "entity-not-found",
        "message": message,
    });
    Told::document(StatusCode::NOT_FOUND, error)
}

/// The one filter that is understood is not obeyed.
fn take_filters(asked: &mut Asked) -> Result<(), Told> {
    asked.drop_parameter("category");
    let understood = |pair: &String| pair.starts_with("include-schema=");
    if asked.query.iter().all(understood) {
        return Ok(());
    }
    Err(Told::error(StatusCode::BAD_REQUEST, "incomplete-request", "Bad request"))
}

fn read_only(asked: &Asked) -> Told {
    if !asked.says_json() {
        return Told::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, NO_JSON);
    }
    if asked.json().is_none_or(|body| body.get("data").is_none()) {
        return Told::text(StatusCode::UNPROCESSABLE_ENTITY, NO_DATA);
    }
    Told::error(StatusCode::BAD_REQUEST, "error-response", "read only")
}

fn refused(asked: &Asked, told: &Told) -> Told {
    match (told.status, asked.kind()) {
        (StatusCode::NOT_FOUND, Kind::Value) => {
            let message = format!("not found: {}", asked.place.id());
            Told::error(StatusCode::NOT_FOUND, "error-response", &message)
        }
        (StatusCode::NOT_FOUND, Kind::Entity) => no_entity(asked),
        (StatusCode::NOT_FOUND, _) => Told::empty(StatusCode::NOT_FOUND),
        (status, _) => Told::error(status, told.complaint().0, told.complaint().1),
    }
}

fn versions(mut document: Value) -> Value {
    let vendor = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "sha1": "0000000",
        "build_date": "2026-01-01",
        "name": "OpenSOVD",
    });
    let entries = document.get_mut("sovd_info").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        set(entry, "vendor_info", vendor.clone());
    }
    document
}

fn root(mut document: Value) -> Value {
    set(&mut document, "id", "");
    set(&mut document, "name", "");
    if let Some(fields) = document.as_object_mut() {
        fields.retain(|key, _| {
            matches!(key.as_str(), "id" | "name" | "areas" | "components" | "apps")
        });
    }
    document
}

/// An app leads to its host itself, not to a list of one.
fn hosted(asked: &Asked, mut app: Value) -> Value {
    if let Some(host) = asked.known(Need::Host).pointer("/items/0/href") {
        set(&mut app, "is-located-on", host.clone());
    }
    app
}

/// An item as the standard has it, without our own fields.
fn bare(mut item: Value) -> Value {
    if let Some(fields) = item.as_object_mut() {
        fields.remove("did");
        fields.remove("href");
    }
    item
}

/// Scalars go into an object, and so do their schemas.
fn wrapped(mut document: Value) -> Value {
    let Some(data) = document.get("data").filter(|data| !data.is_object()).cloned() else {
        return document;
    };
    let schema = document.get("schema").map(|schema| {
        let properties = json!({"value": schema});
        json!({"title": "Value", "type": "object", "properties": properties, "required": ["value"]})
    });
    let mut told = json!({"id": text(&document, "id"), "data": {"value": data}});
    if let Some(schema) = schema {
        set(&mut told, "schema", schema);
    }
    if let Some(errors) = document.get_mut("errors") {
        set(&mut told, "errors", errors.take());
    }
    told
}
