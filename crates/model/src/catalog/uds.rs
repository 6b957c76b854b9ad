//! The command in the language of classic control units (ISO 14229-1).
//!
//! Refuses to know any service: it is for those who do.

use super::params::Params;
use super::{Entry, Switch};
use crate::command::Risk;
use serde::Deserialize;
use serde_json::json;

/// A command in the language of classic control units.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params", deny_unknown_fields)]
pub enum Question {
    /// Sends a request as it is.
    #[serde(rename = "uds.raw")]
    Raw {
        /// For example `components/engine_ecu`.
        entity: String,
        /// Its bytes, two hexadecimal digits each.
        request: String,
    },
}

pub(super) fn rows() -> Vec<Entry> {
    let request = json!({ "type": "string", "pattern": "^([0-9A-Fa-f]{2}){1,4095}$",
        "description": "The bytes of the request, two hexadecimal digits each." });
    vec![
        Entry::change(
            Risk::R3,
            "uds.raw",
            "Sends a UDS request to a classic control unit as it is.",
            Params::of_entity().need("request", request).example(json!({ "request": "22F190" })),
        )
        .admin()
        .locked()
        .switched(Switch::RawUds),
    ]
}
