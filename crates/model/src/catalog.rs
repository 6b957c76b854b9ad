//! What can be asked of a vehicle: one row per command, with the schema of its parameters.
//!
//! Refuses to know how a vehicle is asked; a connector turns a [`Question`] into requests.

use crate::command::Risk;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How the answers of a command come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Streaming {
    /// One response.
    One,
    /// A response per part.
    Many,
}

/// A row of the catalogue.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name that a client submits.
    pub name: &'static str,
    /// The name of the entry that this one is an older name of; `None` if it is none.
    pub alias_of: Option<&'static str>,
    /// What it does, in a sentence.
    pub description: &'static str,
    /// What it can do to the vehicle.
    pub risk: Risk,
    /// How its answers come.
    pub streaming: Streaming,
    /// The JSON Schema (draft 2020-12) of its parameters.
    pub schema: Value,
}

/// A command with its parameters, as a connector executes it.
///
/// The tag and content names are those of a submission, so that a submitted command that is valid
/// against its schema parses into exactly one of these.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params")]
pub enum Question {
    /// One part per fault, then a summary.
    #[serde(rename = "ReadDTC", rename_all = "camelCase")]
    ReadDtc {
        /// The ECU's address or component id.
        ecu_address: String,
    },
    /// Clears the faults of an ECU, or one of them.
    #[serde(rename = "ClearDTC", rename_all = "camelCase")]
    ClearDtc {
        /// The ECU's address or component id.
        ecu_address: String,
        /// The one fault to clear; `None` = all.
        dtc_code: Option<String>,
    },
    /// Reads one value.
    #[serde(rename = "ReadDataByID", rename_all = "camelCase")]
    ReadDataById {
        /// The ECU's address or component id.
        ecu_address: String,
        /// A DID (`0x` and four hex digits) or a data id.
        data_id: String,
    },
    /// The entities of the vehicle, one part each.
    #[serde(rename = "vehicle.discover")]
    Discover {},
    /// The data items of an entity.
    #[serde(rename = "data.list")]
    DataList {
        /// For example `components/engine_ecu`.
        entity: String,
    },
    /// Values of an entity, one part each.
    #[serde(rename = "data.read")]
    DataRead {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The data ids, read in this order.
        ids: Vec<String>,
    },
    /// Writes a value and reads it back.
    #[serde(rename = "data.write")]
    DataWrite {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The data id.
        id: String,
        /// What to write, in the vehicle's own JSON.
        value: Value,
    },
    /// The faults of an entity.
    #[serde(rename = "faults.list")]
    FaultsList {
        /// For example `components/engine_ecu`.
        entity: String,
    },
    /// Clears the faults of an entity, or one of them, and reads what remained.
    #[serde(rename = "faults.clear")]
    FaultsClear {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The one fault to clear; `None` = all.
        code: Option<String>,
    },
    /// The operations of an entity.
    #[serde(rename = "operations.list")]
    OperationsList {
        /// For example `components/engine_ecu`.
        entity: String,
    },
    /// Runs an operation to its end: progress as parts, then the result.
    #[serde(rename = "operation.run")]
    OperationRun {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The operation.
        id: String,
        /// Its parameters, in the vehicle's own JSON; `None` = none.
        params: Option<Value>,
    },
}

/// Every command that can be submitted.
pub fn entries() -> Vec<Entry> {
    [inherited(), data(), faults(), operations()].concat()
}

fn inherited() -> Vec<Entry> {
    let ecu = address();
    let clear = object(
        &json!({ "ecuAddress": ecu, "dtcCode": {
            "type": "string", "pattern": DTC, "description": "A trouble code, P0420 or 0x042000." } }),
        &["ecuAddress"],
    );
    let read = object(
        &json!({ "ecuAddress": ecu, "dataId": {
            "type": "string", "pattern": "^(0x[0-9A-Fa-f]{4}|[A-Za-z_][A-Za-z0-9_.-]{0,127})$",
            "description": "A DID, 0xF190, or a data id of the vehicle." } }),
        &["ecuAddress", "dataId"],
    );
    let list = object(&json!({ "ecuAddress": ecu }), &["ecuAddress"]);
    vec![
        Entry {
            alias_of: Some("faults.list"),
            ..entry(
                "ReadDTC",
                "Reads the trouble codes of an ECU.",
                Risk::R0,
                Streaming::Many,
                list,
            )
        },
        Entry {
            alias_of: Some("faults.clear"),
            ..entry("ClearDTC", "Clears trouble codes of an ECU.", Risk::R2, Streaming::One, clear)
        },
        Entry {
            alias_of: Some("data.read"),
            ..entry("ReadDataByID", "Reads one value by DID.", Risk::R0, Streaming::Many, read)
        },
    ]
}

fn data() -> Vec<Entry> {
    let id = json!({ "type": "string", "minLength": 1, "maxLength": 256 });
    let ids = json!({ "type": "array", "items": id, "minItems": 1, "maxItems": 64 });
    let value = json!({ "description": "What to write, in the vehicle's own JSON." });
    vec![
        entry(
            "vehicle.discover",
            "Lists the entities of the vehicle, one part each.",
            Risk::R0,
            Streaming::Many,
            object(&json!({}), &[]),
        ),
        entry(
            "data.list",
            "Lists the data items of an entity.",
            Risk::R0,
            Streaming::One,
            of_entity(json!({}), &[]),
        ),
        entry(
            "data.read",
            "Reads values of an entity, one part each.",
            Risk::R0,
            Streaming::Many,
            of_entity(json!({ "ids": ids }), &["ids"]),
        ),
        entry(
            "data.write",
            "Writes a value and reads it back.",
            Risk::R2,
            Streaming::One,
            of_entity(json!({ "id": id, "value": value }), &["id", "value"]),
        ),
    ]
}

fn faults() -> Vec<Entry> {
    let code = json!({ "type": "string", "minLength": 1, "maxLength": 64 });
    vec![
        entry(
            "faults.list",
            "Lists the faults of an entity, in the vehicle's own JSON.",
            Risk::R0,
            Streaming::One,
            of_entity(json!({}), &[]),
        ),
        entry(
            "faults.clear",
            "Clears the faults of an entity, or one, and lists what remained.",
            Risk::R2,
            Streaming::One,
            of_entity(json!({ "code": code }), &[]),
        ),
    ]
}

fn operations() -> Vec<Entry> {
    let id = json!({ "type": "string", "minLength": 1, "maxLength": 256 });
    let params = json!({ "description": "The operation's parameters, in the vehicle's own JSON." });
    vec![
        entry(
            "operations.list",
            "Lists the operations of an entity.",
            Risk::R0,
            Streaming::One,
            of_entity(json!({}), &[]),
        ),
        entry(
            "operation.run",
            "Runs an operation to its end: progress as parts, then the result.",
            Risk::R2,
            Streaming::Many,
            of_entity(json!({ "id": id, "params": params }), &["id"]),
        ),
    ]
}

/// Any notation that [`crate::dtc::Dtc`] reads.
const DTC: &str = "^([PCBUpcbu][0-3][0-9A-Fa-f]{3}(-[0-9A-Fa-f]{2})?|(0x)?[0-9A-Fa-f]{6})$";

fn entry(
    name: &'static str,
    description: &'static str,
    risk: Risk,
    streaming: Streaming,
    schema: Value,
) -> Entry {
    Entry { name, alias_of: None, description, risk, streaming, schema }
}

fn address() -> Value {
    json!({
        "type": "string",
        "pattern": "^(0x[0-9A-Fa-f]{2,4}|[A-Za-z_][A-Za-z0-9_.-]{0,127})$",
        "description": "An ECU address, 0x10 or 0x1234, or a component id of the vehicle.",
    })
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The schema of a command that names an entity beside its own parameters.
fn of_entity(mut properties: Value, required: &[&str]) -> Value {
    if let Some(map) = properties.as_object_mut() {
        let pattern = "^(areas|components|apps|functions)/[A-Za-z0-9_.-]{1,128}$";
        let example = "An entity of the vehicle, components/engine_ecu.";
        map.insert(
            "entity".to_owned(),
            json!({ "type": "string", "pattern": pattern, "description": example }),
        );
    }
    object(&properties, &[&["entity"], required].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_aliases_exist() {
        let all = entries();
        for entry in &all {
            assert_eq!(all.iter().filter(|other| other.name == entry.name).count(), 1);
            if let Some(name) = entry.alias_of {
                assert!(all.iter().any(|other| other.name == name));
            }
        }
    }

    #[test]
    fn a_submission_parses_into_its_question() {
        let submitted = json!({
            "command_name": "ClearDTC",
            "command_params": { "ecuAddress": "0x10", "dtcCode": "P0420" },
        });
        let question: Question = serde_json::from_value(submitted).unwrap();
        let expected = Question::ClearDtc {
            ecu_address: "0x10".to_owned(),
            dtc_code: Some("P0420".to_owned()),
        };
        assert_eq!(question, expected);
    }
}
