//! Commands about the configurations of an entity.
//!
//! Refuses large ones: what does not fit into a command is bulk data.

use super::Entry;
use super::params::{Params, blob, id, media_type, text};
use crate::command::Risk;
use serde::Deserialize;
use serde_json::{Value, json};

/// A command about configurations.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params", deny_unknown_fields)]
pub enum Question {
    /// The configurations of an entity.
    #[serde(rename = "configuration.list")]
    List {
        /// For example `components/engine_ecu`.
        entity: String,
    },
    /// A configuration: JSON as it is, bytes as base64.
    #[serde(rename = "configuration.read")]
    Read {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The configuration.
        id: String,
    },
    /// Writes a configuration. Of `value` and `blob` there is exactly one.
    #[serde(rename = "configuration.write")]
    Write {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The configuration.
        id: String,
        /// What to write, in the vehicle's own JSON; `None` = it is bytes.
        value: Option<Value>,
        /// What to write, in base64; `None` = it is JSON.
        blob: Option<String>,
        /// The media type of the bytes; `None` = what the vehicle lists, or plain bytes.
        content_type: Option<String>,
        /// A signature over the value, for vehicles that want one; `None` = none.
        signature: Option<String>,
    },
}

pub(super) fn rows() -> Vec<Entry> {
    let params = || Params::of_entity().need("id", id());
    vec![
        Entry::read(
            "configuration.list",
            "Lists the configurations of an entity.",
            Params::of_entity(),
        ),
        Entry::read(
            "configuration.read",
            "Reads a configuration of an entity.",
            params().example(json!({ "id": "variant_coding" })),
        ),
        Entry::change(
            Risk::R3,
            "configuration.write",
            "Writes a configuration of an entity.",
            params()
                .may("value", value())
                .may("blob", blob("What to write, in base64."))
                .may("content_type", media_type())
                .may("signature", text("A signature over it, where the vehicle wants one."))
                .one_of(&["value", "blob"])
                .example(json!({ "id": "variant_coding", "value": { "market": "EU" },
                    "signature": "c2lnbmVk" }))
                .example(json!({ "id": "calibration", "blob": "AAEC",
                    "content_type": "application/octet-stream" })),
        )
        .locked()
        .in_session(),
    ]
}

fn value() -> Value {
    json!({ "not": { "type": "null" }, "description": "What to write, in the vehicle's own JSON." })
}
