//! The units of values, from the schema that comes with them (`x-sovd-unit` of SOVD).
//!
//! Refuses to convert: a value is kept in the unit in which the vehicle gives it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The unit of a value: shown value = SI value × factor + offset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// How it is written, `km/h`.
    pub display_name: String,
    /// The factor; `None` if the vehicle does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor_si_to_unit: Option<f64>,
    /// The offset; `None` if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_si_to_unit: Option<f64>,
}

/// The units of the values that a schema describes, by the JSON pointer of the value: the empty one
/// for the value itself, `/wheels/left` for a member. What is in a list has the pointer of the list.
pub fn units(schema: &Value) -> BTreeMap<String, Unit> {
    let mut found = BTreeMap::new();
    collect(schema, "", &mut found);
    found
}

/// Recursion ends with the nesting of the document, which is limited where it is parsed.
fn collect(schema: &Value, pointer: &str, found: &mut BTreeMap<String, Unit>) {
    let unit = schema.get("x-sovd-unit").and_then(|unit| Unit::deserialize(unit).ok());
    found.extend(unit.map(|unit| (pointer.to_owned(), unit)));
    if let Some(items) = schema.get("items") {
        collect(items, pointer, found);
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, schema) in properties.into_iter().flatten() {
        // RFC 6901.
        let name = name.replace('~', "~0").replace('/', "~1");
        collect(schema, &format!("{pointer}/{name}"), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn unit(name: &str, factor: Option<f64>, offset: Option<f64>) -> Unit {
        let display_name = name.to_owned();
        Unit { display_name, factor_si_to_unit: factor, offset_si_to_unit: offset }
    }

    #[test]
    fn the_unit_of_a_value_is_kept_whole() {
        let celsius =
            json!({ "display_name": "°C", "factor_si_to_unit": 1.0, "offset_si_to_unit": -273.15 });
        let found = units(&json!({ "type": "number", "x-sovd-unit": celsius }));
        let expected = unit("°C", Some(1.0), Some(-273.15));
        assert_eq!(found, BTreeMap::from([(String::new(), expected.clone())]));
        assert_eq!(serde_json::to_value(expected).unwrap(), celsius);
    }

    #[test]
    fn members_have_their_own_units() {
        let rpm = json!({ "x-sovd-unit": { "display_name": "rpm" } });
        let schema = json!({ "properties": {
            "speed": rpm,
            "a/b": { "type": "array", "items": rpm },
            "odd": { "x-sovd-unit": "rpm" },
        } });
        let expected = unit("rpm", None, None);
        let pointers = ["/a~1b", "/speed"].map(|it| (it.to_owned(), expected.clone()));
        assert_eq!(units(&schema), BTreeMap::from(pointers));
    }

    #[test]
    fn no_schema_has_no_units() {
        for odd in [json!(null), json!([]), json!({ "items": 1, "properties": [] })] {
            assert!(units(&odd).is_empty());
        }
    }
}
