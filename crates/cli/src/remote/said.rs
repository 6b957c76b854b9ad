//! The members of what a server says, any of which may be missing.
//!
//! Refuses to fail: what is not there, or is something else, is empty.

use serde_json::Value;

/// A text; empty if there is none.
pub(super) fn word<'a>(said: &'a Value, name: &str) -> &'a str {
    said.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A number that counts; `None` if there is none.
pub(super) fn number(said: &Value, name: &str) -> Option<u64> {
    said.get(name).and_then(Value::as_u64)
}
