//! Commands about the faults that entities remember.
//!
//! Refuses to judge them: whether a fault matters is for whoever reads its status.

use super::params::{Params, duration, entities, flag, text, whole};
use super::{Entry, Seconds, Whole};
use crate::command::Risk;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A command about faults.
///
/// A filter by `status` names keys of the status and the values that they must have; a fault is
/// listed if one of them fits. An empty filter lists all.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params", deny_unknown_fields)]
pub enum Question {
    /// The faults of an entity.
    #[serde(rename = "faults.list")]
    List {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The filter by status.
        #[serde(default)]
        status: Map<String, Value>,
        /// Only faults with a number strictly below (1 is fatal); `None` = all.
        severity: Option<Whole>,
        /// Only this memory of the entity; `None` = the one that its server usually shows.
        scope: Option<String>,
    },
    /// The faults of many entities, one part per entity.
    #[serde(rename = "faults.scan")]
    Scan {
        /// The entities; `None` = all that have faults.
        entities: Option<Vec<String>>,
        /// The filter by status.
        #[serde(default)]
        status: Map<String, Value>,
        /// Only faults with a number strictly below (1 is fatal); `None` = all.
        severity: Option<Whole>,
        /// Only this memory of each entity; `None` = the one that its server usually shows.
        scope: Option<String>,
    },
    /// One fault with what was recorded when it occurred.
    #[serde(rename = "faults.get")]
    Get {
        /// For example `components/engine_ecu`.
        entity: String,
        /// Its code, in any notation.
        code: String,
        /// Whether with its snapshots (freeze frames).
        #[serde(default)]
        snapshot: bool,
        /// Whether with its extended data (counters, ageing).
        #[serde(default)]
        extended: bool,
    },
    /// Clears the faults of an entity, or one of them: a part with what was there before, then one
    /// with what remained.
    #[serde(rename = "faults.clear")]
    Clear {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The one fault to clear, in any notation; `None` = all.
        code: Option<String>,
        /// Only this memory of the entity; `None` = the one that its server usually clears.
        scope: Option<String>,
    },
    /// Faults as they appear, change and vanish, one part per change.
    #[serde(rename = "faults.watch")]
    Watch {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The filter by status.
        #[serde(default)]
        status: Map<String, Value>,
        /// How long.
        #[serde(default = "Seconds::watch")]
        duration: Seconds,
    },
}

pub(super) fn rows() -> Vec<Entry> {
    [reads(), changes()].concat()
}

fn reads() -> Vec<Entry> {
    vec![
        Entry::read(
            "faults.list",
            "Lists the faults of an entity, in the vehicle's own JSON.",
            filtered(Params::of_entity()).example(
                json!({ "status": { "confirmedDtc": true }, "severity": 3, "scope": "default" }),
            ),
        ),
        Entry::read(
            "faults.scan",
            "Lists the faults of every entity, one part each.",
            filtered(Params::none())
                .may("entities", entities("The entities to scan; all if absent."))
                .example(json!({}))
                .example(json!({ "entities": ["components/engine_ecu"], "severity": 3,
                    "status": { "testFailed": true, "pendingDtc": true }, "scope": "default" })),
        )
        .many()
        .minutes(),
        Entry::read(
            "faults.get",
            "Reads one fault with what was recorded when it occurred.",
            Params::of_entity()
                .need("code", code())
                .may("snapshot", flag("Whether with its snapshots."))
                .may("extended", flag("Whether with its extended data."))
                .example(json!({ "code": "P0420", "snapshot": true, "extended": true })),
        ),
    ]
}

fn changes() -> Vec<Entry> {
    vec![
        Entry::change(
            Risk::R2,
            "faults.clear",
            "Clears the faults of an entity, or one, and lists them before and after.",
            Params::of_entity()
                .may("code", code())
                .may("scope", scope())
                .example(json!({ "code": "0x042000", "scope": "default" })),
        )
        .many()
        .locked(),
        Entry::change(
            Risk::R1,
            "faults.watch",
            "Watches the faults of an entity, one part per change.",
            Params::of_entity()
                .may("status", status())
                .may("duration", duration())
                .example(json!({ "status": { "confirmedDtc": true }, "duration": 3600 })),
        )
        .live(),
    ]
}

fn filtered(params: Params) -> Params {
    let severity = whole(1, 255, "Only faults with a number strictly below; 1 is fatal.");
    params.may("status", status()).may("severity", severity).may("scope", scope())
}

fn status() -> Value {
    json!({
        "type": "object",
        "maxProperties": 16,
        "propertyNames": { "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,63}$" },
        "additionalProperties": { "type": ["boolean", "number", "string"] },
        "description": "Only faults of whose status one of these keys has the value.",
    })
}

fn code() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 64 })
}

fn scope() -> Value {
    text("Only this memory, where the entity has several.")
}
