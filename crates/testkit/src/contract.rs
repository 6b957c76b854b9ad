//! The events of a socket against `docs/asyncapi.json`: what a test hears is what is documented.
//!
//! It knows no server: the document alone says what is right.

use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

const DOCUMENT: &str = include_str!("../../../docs/asyncapi.json");

/// The schema of each event that a server sends, by the event's name.
static EVENTS: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(DOCUMENT).expect("the document is JSON");
    let sent = document["operations"]["sessionEvents"]["messages"].as_array();
    let names = sent.into_iter().flatten().filter_map(|it| it["$ref"].as_str()?.rsplit('/').next());
    let schema = |name: &str| {
        let place = format!("#/components/messages/{name}/payload");
        let schema = json!({ "$ref": place, "components": document["components"] });
        jsonschema::options().should_validate_formats(true).build(&schema)
    };
    names.map(|name| (name.to_owned(), schema(name).expect("the schema is one"))).collect()
});

/// The names of the events that a server may send.
pub fn event_names() -> impl Iterator<Item = &'static str> {
    EVENTS.keys().map(String::as_str)
}

/// Fails the test if the event is not one of the document. Not in release builds: a bench measures
/// servers and no schemas.
pub(crate) fn check(event: &Value) {
    if !cfg!(debug_assertions) {
        return;
    }
    let name = event["event"].as_str().unwrap_or_default();
    let schema = EVENTS.get(name);
    let schema = schema.unwrap_or_else(|| panic!("not in docs/asyncapi.json: {event}"));
    if let Err(error) = schema.validate(event) {
        panic!("not as in docs/asyncapi.json: {error}: {event}");
    }
}
