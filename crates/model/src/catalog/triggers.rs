//! Commands about triggers: what a vehicle tells by itself when a condition comes true.
//!
//! Refuses to evaluate a condition: the vehicle does.

use super::params::{Params, duration, flag, id};
use super::{Entry, Seconds};
use crate::command::Risk;
use serde::Deserialize;
use serde_json::{Value, json};

/// When a trigger tells.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "condition_type", deny_unknown_fields)]
pub enum Condition {
    /// Whenever the value changes.
    OnChange {},
    /// When the value becomes this one.
    OnChangeTo {
        /// The value, in the vehicle's own JSON.
        value: Value,
    },
    /// When the value comes to lie between the bounds.
    EnterRange {
        /// The lower bound.
        lower_bound: f64,
        /// The upper bound.
        upper_bound: f64,
    },
    /// When the value no longer lies between the bounds.
    LeaveRange {
        /// The lower bound.
        lower_bound: f64,
        /// The upper bound.
        upper_bound: f64,
    },
}

/// A command about triggers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params", deny_unknown_fields)]
pub enum Question {
    /// Sets a trigger, one part each time that it tells, until its lifetime is over.
    #[serde(rename = "trigger.create")]
    Create {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The observed resource, below the entity: `faults`, `data/engine_speed`.
        resource: String,
        /// When it tells.
        condition: Condition,
        /// What of the resource is looked at, as a JSON pointer; `None` = all of it.
        path: Option<String>,
        /// Whether it goes on after it has told once.
        #[serde(default)]
        multishot: bool,
        /// Whether it outlives a restart of the vehicle's server.
        #[serde(default)]
        persistent: bool,
        /// How long it lives.
        #[serde(default = "Seconds::watch")]
        lifetime: Seconds,
    },
    /// The triggers of an entity.
    #[serde(rename = "trigger.list")]
    List {
        /// For example `components/engine_ecu`.
        entity: String,
    },
    /// Deletes a trigger.
    #[serde(rename = "trigger.delete")]
    Delete {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The trigger.
        id: String,
    },
}

pub(super) fn rows() -> Vec<Entry> {
    vec![
        Entry::change(
            Risk::R1,
            "trigger.create",
            "Sets a trigger on an entity, one part each time that it tells.",
            created(),
        )
        .live(),
        Entry::read("trigger.list", "Lists the triggers of an entity.", Params::of_entity()),
        Entry::change(
            Risk::R1,
            "trigger.delete",
            "Deletes a trigger of an entity.",
            Params::of_entity().need("id", id()).example(json!({ "id": "trigger-1" })),
        ),
    ]
}

fn created() -> Params {
    Params::of_entity()
        .need("resource", resource())
        .need("condition", condition())
        .may(
            "path",
            json!({ "type": "string", "maxLength": 1024, "pattern": "^(/.*)?$",
            "description": "A JSON pointer to what of it is looked at; all of it if absent." }),
        )
        .may("multishot", flag("Whether it goes on after it has told once."))
        .may("persistent", flag("Whether it outlives a restart of the vehicle's server."))
        .may("lifetime", duration())
        .example(json!({ "resource": "faults", "condition": { "condition_type": "OnChange" },
            "multishot": true, "persistent": false, "lifetime": 3600 }))
        .example(json!({ "resource": "data/gear", "path": "/data",
            "condition": { "condition_type": "OnChangeTo", "value": "R" } }))
        .example(json!({ "resource": "data/coolant_temperature", "path": "/data", "condition":
            { "condition_type": "EnterRange", "lower_bound": 105, "upper_bound": 140.5 } }))
        .example(json!({ "resource": "data/battery_voltage", "condition":
            { "condition_type": "LeaveRange", "lower_bound": 11, "upper_bound": 15 } }))
}

fn resource() -> Value {
    json!({ "type": "string", "maxLength": 256,
        "pattern": "^(faults|status|(data|data-lists|operations|modes)/[A-Za-z0-9_][A-Za-z0-9_.-]*)$",
        "description": "What is observed, below the entity: faults, data/engine_speed." })
}

fn condition() -> Value {
    let kind = |words: &[&str]| json!({ "enum": words });
    let of = |properties: Value, required: &[&str]| {
        json!({ "type": "object", "properties": properties, "required": required,
            "additionalProperties": false })
    };
    let number = json!({ "type": "number" });
    json!({ "description": "When it tells.", "oneOf": [
        of(json!({ "condition_type": kind(&["OnChange"]) }), &["condition_type"]),
        of(
            json!({ "condition_type": kind(&["OnChangeTo"]), "value": {} }),
            &["condition_type", "value"],
        ),
        of(
            json!({ "condition_type": kind(&["EnterRange", "LeaveRange"]),
                "lower_bound": number, "upper_bound": number }),
            &["condition_type", "lower_bound", "upper_bound"],
        ),
    ] })
}
