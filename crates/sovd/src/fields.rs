//! The members of a JSON object under the several names that servers give them.
//! Refuses to interpret: what a member means is said where it is used.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Error, GenericError};
use crate::link::Link;

/// A JSON object whose members are decoded one by one, when asked for.
///
/// Each question takes names in order of preference and is answered by the first member that
/// fits; a member of another type counts as absent.
#[derive(Debug, Default)]
pub(crate) struct Fields(BTreeMap<String, Box<RawValue>>);

impl Fields {
    pub(crate) fn of(json: &RawValue, what: &str) -> Result<Self, Error> {
        serde_json::from_str(json.get())
            .map(Self)
            .map_err(|error| Error::malformed(format!("{what}: {error}")))
    }

    /// The same of anything; what is no object has no members.
    pub(crate) fn of_any(json: &RawValue) -> Self {
        serde_json::from_str(json.get()).map(Self).unwrap_or_default()
    }

    /// The id of one entry of `what`.
    pub(crate) fn id(&self, names: &[&str], what: &str) -> Result<String, Error> {
        self.text(names).ok_or_else(|| {
            Error::malformed(format!("{what} without {}", names.first().unwrap_or(&"id")))
        })
    }

    /// Where the entry called `id` is: where it links itself, else below its collection.
    pub(crate) fn href(&self, collection: &Link, id: &str) -> Link {
        let given = self.link("href", collection).or_else(|| self.link("@odata.id", collection));
        given.unwrap_or_else(|| collection.child(id))
    }

    /// Where a member leads when it was read at `place`.
    pub(crate) fn link(&self, name: &str, place: &Link) -> Option<Link> {
        let reference: String = serde_json::from_str(self.0.get(name)?.get()).ok()?;
        place.resolve(&reference)
    }

    /// The errors inside an answer of success.
    pub(crate) fn errors(&self) -> Vec<GenericError> {
        let error = self.value(&["error", "errors"]);
        error.as_ref().map_or_else(Vec::new, GenericError::listed)
    }

    /// The member as the vehicle wrote it, kept.
    pub(crate) fn owned(&self, name: &str) -> Option<Box<RawValue>> {
        self.present(name).map(ToOwned::to_owned)
    }

    /// The member as the vehicle wrote it; present also when it is `null`.
    pub(crate) fn raw(&self, name: &str) -> Option<&RawValue> {
        self.0.get(name).map(AsRef::as_ref)
    }

    /// The member as the vehicle wrote it, unless it is `null`.
    pub(crate) fn present(&self, name: &str) -> Option<&RawValue> {
        self.raw(name).filter(|json| json.get() != "null")
    }

    pub(crate) fn value(&self, names: &[&str]) -> Option<Value> {
        names.iter().find_map(|name| decoded(self.0.get(*name)?))
    }

    pub(crate) fn text(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| text(&decoded(self.0.get(*name)?)?))
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        flag(&decoded(self.0.get(name)?)?)
    }

    /// A whole number that is not negative.
    pub(crate) fn number(&self, names: &[&str]) -> Option<u64> {
        self.value(names)?.as_u64()
    }

    /// The strings of a list, without what is none; empty if there is no list.
    pub(crate) fn words(&self, names: &[&str]) -> Vec<String> {
        let list = self.list(names).unwrap_or_default();
        list.iter().filter_map(|word| text(&decoded(word)?)).collect()
    }

    /// A number that may be written in hexadecimal.
    pub(crate) fn code(&self, name: &str) -> Option<u32> {
        code(&decoded(self.0.get(name)?)?)
    }

    pub(crate) fn list(&self, names: &[&str]) -> Option<Vec<Box<RawValue>>> {
        names.iter().find_map(|name| serde_json::from_str(self.0.get(*name)?.get()).ok())
    }

    /// All members that are strings.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().filter_map(|(name, json)| {
            Some((name.as_str(), serde_json::from_str(json.get()).ok()?))
        })
    }
}

fn decoded(json: &RawValue) -> Option<Value> {
    serde_json::from_str(json.get()).ok().filter(|value: &Value| !value.is_null())
}

/// A duration as the standard wants it: whole seconds, rounded up.
pub(crate) fn seconds(duration: std::time::Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

/// A string, or a number as text.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A truth value, also as `1` or `"true"`.
pub(crate) fn flag(value: &Value) -> Option<bool> {
    match text(value).as_deref() {
        Some("1") => Some(true),
        Some("0") => Some(false),
        Some(word) => word.to_ascii_lowercase().parse().ok(),
        None => value.as_bool(),
    }
}

/// A number, or hexadecimal digits with or without `0x`.
pub(crate) fn code(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.as_u64()?.try_into().ok(),
        Value::String(text) => {
            let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
            u32::from_str_radix(digits.unwrap_or(text), 16).ok()
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
