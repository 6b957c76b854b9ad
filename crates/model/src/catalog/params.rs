//! Building the JSON Schema of a command's parameters.
//!
//! Refuses members that a schema does not name, and a schema without an example.

use super::Seconds;
use serde_json::{Map, Value, json};

/// No name begins with a dot: `..` would be another place.
const ENTITY: &str = "^(areas|components|apps|functions)/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}\
    (/sub(areas|components)/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}){0,7}$";
const EXAMPLE: &str = "components/engine_ecu";

/// Leaves an hour of the longest run timeout for all that is not watching.
const LONGEST_WATCH: u32 = 23 * 3600;

/// What the format leaves open: UTC, microseconds, and years that every clock knows.
const INSTANT: &str = r"^(19|20)[0-9-]{8}T[0-9:]{8}(\.[0-9]{1,6})?Z$";

/// Characters of base64 that fit into a command beside the rest of it.
const MAX_BLOB: u32 = 700_000;

/// The parameters of a command.
#[derive(Debug, Default)]
pub(super) struct Params {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
    alternatives: Vec<&'static str>,
    examples: Vec<Value>,
}

impl Params {
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// Parameters that name an entity beside what follows; its examples name one by themselves.
    pub(super) fn of_entity() -> Self {
        Self::none().need("entity", entity())
    }

    pub(super) fn need(mut self, name: &'static str, schema: Value) -> Self {
        self.required.push(name);
        self.may(name, schema)
    }

    pub(super) fn may(mut self, name: &'static str, schema: Value) -> Self {
        self.properties.insert(name.to_owned(), schema);
        self
    }

    /// Exactly one of these must be there.
    pub(super) fn one_of(mut self, names: &[&'static str]) -> Self {
        self.alternatives.extend(names);
        self
    }

    pub(super) fn example(mut self, mut params: Value) -> Self {
        if self.required.contains(&"entity")
            && let Some(members) = params.as_object_mut()
        {
            members.entry("entity").or_insert_with(|| EXAMPLE.into());
        }
        self.examples.push(params);
        self
    }

    /// Without an example it has the one that names nothing but the entity.
    pub(super) fn schema(self) -> Value {
        let Self { properties, required, alternatives, examples } =
            if self.examples.is_empty() { self.example(json!({})) } else { self };
        let schema = json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
            "examples": examples,
        });
        if alternatives.is_empty() {
            return schema;
        }
        let each = alternatives.iter().map(|name| json!({ "required": [name] }));
        with(schema, "oneOf", each.collect::<Value>())
    }
}

pub(super) fn entity() -> Value {
    let example = "An entity of the vehicle: components/engine_ecu, or the whole path of a part.";
    json!({ "type": "string", "pattern": ENTITY, "description": example })
}

pub(super) fn entities(description: &str) -> Value {
    json!({ "type": "array", "items": entity(), "minItems": 1, "maxItems": 256,
        "description": description })
}

/// What a vehicle calls one of its things; a step to another place is no name.
pub(super) fn id() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 256, "not": { "enum": [".", ".."] } })
}

pub(super) fn ids() -> Value {
    json!({ "type": "array", "items": id(), "minItems": 1, "maxItems": 64 })
}

pub(super) fn text(description: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 1024, "description": description })
}

pub(super) fn texts(description: &str) -> Value {
    json!({ "type": "array", "items": id(), "minItems": 1, "maxItems": 32,
        "description": description })
}

/// One of these words.
pub(super) fn word(words: &[&str], description: &str) -> Value {
    json!({ "enum": words, "description": description })
}

/// `false` if it is absent.
pub(super) fn flag(description: &str) -> Value {
    json!({ "type": "boolean", "default": false, "description": description })
}

pub(super) fn whole(least: u32, most: u32, description: &str) -> Value {
    json!({ "type": "integer", "minimum": least, "maximum": most, "description": description })
}

/// What only the vehicle understands.
pub(super) fn any(description: &str) -> Value {
    json!({ "description": description })
}

pub(super) fn instant(description: &str) -> Value {
    json!({ "type": "string", "format": "date-time", "description": description,
        "pattern": INSTANT })
}

/// Bytes: 525,000 of them at most.
pub(super) fn blob(description: &str) -> Value {
    json!({ "type": "string", "contentEncoding": "base64", "maxLength": MAX_BLOB,
        "pattern": "^[A-Za-z0-9+/]*={0,2}$", "description": description })
}

pub(super) fn media_type() -> Value {
    json!({ "type": "string", "maxLength": 128, "description": "The media type of the bytes.",
        "pattern": "^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$" })
}

/// The name of a file.
pub(super) fn file_name() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 128, "pattern": r#"^[^\x00-\x1f\x7f"\\/]+$"#,
        "description": "What it shall be called." })
}

/// A schema with the value that stands for an absent one.
pub(super) fn defaulting(schema: Value, default: impl Into<Value>) -> Value {
    with(schema, "default", default)
}

/// How long a live command runs.
pub(super) fn duration() -> Value {
    let seconds = whole(1, LONGEST_WATCH, "How long, in seconds; then it has completed.");
    defaulting(seconds, Seconds::WATCH.count())
}

fn with(mut schema: Value, keyword: &str, value: impl Into<Value>) -> Value {
    if let Some(keywords) = schema.as_object_mut() {
        keywords.insert(keyword.to_owned(), value.into());
    }
    schema
}
