//! What a dialect has to say where it differs from the standard; the defaults are the standard's.
//!
//! Never sends anything: requests come in and answers go out through the interpreter.

use serde_json::{Map, Value};

use super::asked::{Asked, Need};
use super::told::Told;
use crate::sovd::BASE;

/// The collections that a standard entity may announce.
const COLLECTIONS: [&str; 23] = [
    "configurations",
    "bulk-data",
    "data",
    "data-lists",
    "faults",
    "operations",
    "updates",
    "modes",
    "subareas",
    "subcomponents",
    "locks",
    "depends-on",
    "hosts",
    "is-located-on",
    "belongs-to",
    "contains",
    "scripts",
    "logs",
    "communication-logs",
    "cyclic-subscriptions",
    "triggers",
    "clear-data",
    "status",
];

/// A dialect at work for one vehicle.
pub(super) trait Tongue: Send + Sync {
    /// Where the resources begin.
    fn base(&self) -> &'static str;

    /// Where the versions are told.
    fn version_info(&self) -> &'static str;

    /// What goes before every address: nothing, if they are relative.
    fn origin(&self, _host: &str) -> String {
        String::new()
    }

    /// What has to be known before `hear`.
    fn needs(&self, _asked: &Asked) -> Vec<Need> {
        Vec::new()
    }

    /// Turns a request into one of the standard.
    ///
    /// # Errors
    ///
    /// The answer of a request that is refused, or answered, without asking the standard.
    fn hear(&self, asked: &mut Asked) -> Result<(), Told>;

    /// Turns an answer of the standard into one of the dialect.
    fn tell(&self, asked: &Asked, told: Told) -> Told;

    /// Turns the data of an event, counted from 1.
    fn event(&self, _asked: &Asked, _number: u64, data: Value) -> Value {
        data
    }
}

/// SOVD 1.1 itself.
#[derive(Debug)]
pub(super) struct Standard;

impl Tongue for Standard {
    fn base(&self) -> &'static str {
        BASE
    }

    fn version_info(&self) -> &'static str {
        "/sovd/version-info"
    }

    fn hear(&self, _asked: &mut Asked) -> Result<(), Told> {
        Ok(())
    }

    fn tell(&self, _asked: &Asked, told: Told) -> Told {
        told
    }
}

/// Takes the links out of an entity that lead to collections which are not `offered`.
pub(super) fn announcing(mut entity: Value, offered: &[&str]) -> Value {
    let is_kept = |key: &str| !COLLECTIONS.contains(&key) || offered.contains(&key);
    if let Some(fields) = entity.as_object_mut() {
        fields.retain(|key, _| is_kept(key));
    }
    entity
}

/// Words every item of a list anew.
pub(super) fn each_item(mut list: Value, word: impl Fn(Value) -> Value) -> Value {
    if let Some(items) = list.get_mut("items").and_then(Value::as_array_mut) {
        for item in items {
            *item = word(item.take());
        }
    }
    list
}

/// Number of items in a list.
pub(super) fn count(list: &Value) -> usize {
    list.get("items").and_then(Value::as_array).map_or(0, Vec::len)
}

/// Some fields of a document under names of their own; what is absent stays absent.
pub(super) fn renamed(document: &Value, names: &[(&str, &str)]) -> Map<String, Value> {
    let field = |(from, to): &(&str, &str)| Some(((*to).to_owned(), document.get(from)?.clone()));
    names.iter().filter_map(field).collect()
}

/// Sets a field of an object.
pub(super) fn set(document: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(fields) = document.as_object_mut() {
        fields.insert(key.to_owned(), value.into());
    }
}

/// A field as text, or nothing.
pub(super) fn text<'a>(document: &'a Value, key: &str) -> &'a str {
    document.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether the status of a fault says so, in whatever case its keys are.
pub(super) fn has_status(fault: &Value, key: &str) -> bool {
    let status = fault.get("status").and_then(Value::as_object);
    status.is_some_and(|status| {
        status.iter().any(|(name, value)| name.eq_ignore_ascii_case(key) && *value == true)
    })
}
