//! What Fleetwire adds to a vehicle's own JSON: members beside those that the vehicle sent.
//!
//! Changes no byte of what the vehicle said, and adds nothing to what is no object.

use std::fmt::Write;

use model::decode;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::outbox;
use crate::order::End;

/// The vehicle's object with one more member; one of that name that it has itself is left alone.
pub(super) fn with(
    raw: &RawValue,
    name: &str,
    member: &impl Serialize,
) -> Result<Box<RawValue>, End> {
    let Some(open) = raw.get().trim_end().strip_suffix('}') else { return Ok(raw.to_owned()) };
    let members: Result<serde_json::Map<String, Value>, _> = serde_json::from_str(raw.get());
    let Some(members) = members.ok().filter(|members| !members.contains_key(name)) else {
        return Ok(raw.to_owned());
    };
    let comma = if members.is_empty() { "" } else { "," };
    let mut text = open.trim_end().to_owned();
    let (name, member) = (outbox::json(&name)?, outbox::json(member)?);
    // Writing to a string cannot fail.
    write!(text, "{comma}{name}:{member}}}").unwrap_or_default();
    RawValue::from_string(text).map_err(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        End::Malformed
    })
}

/// A list of faults, with each decoded beside it.
pub(super) fn faults(raw: &RawValue) -> Result<Box<RawValue>, End> {
    let document: Value = serde_json::from_str(raw.get()).unwrap_or_default();
    let items = ["items", "value"].iter().find_map(|name| document.get(*name)?.as_array());
    let Some(items) = items else { return Ok(raw.to_owned()) };
    let decoded: Vec<_> = items.iter().map(decode::fault).collect();
    with(raw, "decoded", &decoded)
}

/// One fault, decoded beside it.
pub(super) fn fault(raw: &RawValue) -> Result<Box<RawValue>, End> {
    let document: Value = serde_json::from_str(raw.get()).unwrap_or_default();
    with(raw, "decoded", &decode::fault(&document))
}

/// A value, with the units beside it that its schema names, and the negative responses of what could
/// not be read of it.
pub(super) fn value(raw: &RawValue) -> Result<Box<RawValue>, End> {
    let document: Value = serde_json::from_str(raw.get()).unwrap_or_default();
    let units = document.get("schema").map(decode::units).unwrap_or_default();
    let raw = if units.is_empty() { raw.to_owned() } else { with(raw, "units", &units)? };
    if document.get("errors").is_some() { negative(&raw) } else { Ok(raw) }
}

/// What says that something went wrong, with the names of the negative responses in it beside it.
pub(super) fn negative(raw: &RawValue) -> Result<Box<RawValue>, End> {
    let document: Value = serde_json::from_str(raw.get()).unwrap_or_default();
    let nrcs = decode::nrcs(&document);
    if nrcs.is_empty() { Ok(raw.to_owned()) } else { with(raw, "decoded", &json!({ "nrc": nrcs })) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn added(text: &str) -> String {
        with(&raw(text), "more", &json!(1)).unwrap().get().to_owned()
    }

    #[test]
    fn what_the_vehicle_sent_stays_byte_for_byte() {
        assert_eq!(
            added(r#"{"b": 1.50, "a" : "\u0041"}"#),
            r#"{"b": 1.50, "a" : "\u0041","more":1}"#
        );
        assert_eq!(added("{ }"), r#"{"more":1}"#);
    }

    #[test]
    fn what_is_no_object_or_has_the_member_is_left_alone() {
        for text in ["[1]", "1", r#""}""#, r#"{"more":2}"#] {
            assert_eq!(added(text), text);
        }
    }

    #[test]
    fn faults_and_values_are_decoded_beside_the_raw_ones() {
        let faults = faults(&raw(r#"{"items":[{"code":"042013"}]}"#)).unwrap();
        let faults: Value = serde_json::from_str(faults.get()).unwrap();
        assert_eq!(faults["decoded"][0]["dtc"]["code"], "P0420-13");
        let unit = r#"{"data":7,"schema":{"x-sovd-unit":{"display_name":"rpm"}}}"#;
        let value: Value = serde_json::from_str(value(&raw(unit)).unwrap().get()).unwrap();
        assert_eq!(value["units"], json!({"": {"display_name": "rpm"}}));
        assert_eq!(super::value(&raw(r#"{"data":7}"#)).unwrap().get(), r#"{"data":7}"#);
    }
}
