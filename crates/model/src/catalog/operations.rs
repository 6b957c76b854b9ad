//! Commands about the operations of an entity: routines, and control of its outputs.
//!
//! Refuses to know what an operation does: its risk is that of the worst of its kind.

use super::params::{Params, any, defaulting, flag, id, text, whole, word};
use super::{Entry, Seconds};
use crate::command::Risk;
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest that an operation may be asked to run, and an output to be held.
const DAY: u32 = 24 * 3600;
const LONGEST_HOLD: u32 = 600;
/// Words of SOVD, and those that makers add.
const CAPABILITY: &str = "^(execute|stop|freeze|reset|status|x-[a-z0-9]+(-[A-Za-z0-9_]+)+)$";

/// What is done to an output (ISO 14229-1, inputOutputControlParameter).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Set to a value.
    Adjust,
    /// Held as it is.
    Freeze,
    /// Set to its default.
    Reset,
    /// Given back to the control unit.
    Release,
}

/// A command about operations.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params", deny_unknown_fields)]
pub enum Question {
    /// The operations of an entity.
    #[serde(rename = "operations.list")]
    List {
        /// For example `components/engine_ecu`.
        entity: String,
        /// Whether those are listed too that want somebody at the vehicle.
        #[serde(default)]
        include_proximity_proof: bool,
    },
    /// An operation with the schema of its parameters.
    #[serde(rename = "operations.describe")]
    Describe {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The operation.
        id: String,
    },
    /// Runs an operation to its end: its start, progress and result as parts.
    #[serde(rename = "operation.run")]
    Run {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The operation.
        id: String,
        /// Its parameters, in the vehicle's own JSON; `None` = none.
        params: Option<Value>,
        /// After it the vehicle stops it by itself; `None` = when the vehicle thinks so.
        timeout: Option<Seconds>,
        /// The answer to the operation's proximity challenge; `None` = it has none.
        proximity_response: Option<String>,
    },
    /// Tells a running execution what to do.
    #[serde(rename = "operation.control")]
    Control {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The operation.
        id: String,
        /// The execution.
        exec_id: String,
        /// What to do: `execute`, `stop`, `freeze`, `reset`, `status`, or a maker's own word.
        capability: String,
        /// In the vehicle's own JSON; `None` = none.
        params: Option<Value>,
        /// After it the vehicle stops it by itself; `None` = when the vehicle thinks so.
        timeout: Option<Seconds>,
    },
    /// Stops an execution, and lets the vehicle forget it.
    #[serde(rename = "operation.stop")]
    Stop {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The operation.
        id: String,
        /// The execution.
        exec_id: String,
    },
    /// Controls an output for a while, and gives it back at the end.
    #[serde(rename = "output.actuate")]
    Actuate {
        /// For example `components/body_ecu`.
        entity: String,
        /// The operation that controls the output.
        id: String,
        /// What is done to it.
        action: Action,
        /// What it is set to, in the vehicle's own JSON; `None` = the action needs no value.
        value: Option<Value>,
        /// How long until it is given back.
        #[serde(default = "Seconds::hold")]
        duration: Seconds,
    },
}

pub(super) fn rows() -> Vec<Entry> {
    [reads(), executions(), outputs()].concat()
}

fn reads() -> Vec<Entry> {
    vec![
        Entry::read(
            "operations.list",
            "Lists the operations of an entity.",
            Params::of_entity()
                .may(
                    "include_proximity_proof",
                    flag("Whether also those that want somebody at the vehicle."),
                )
                .example(json!({ "include_proximity_proof": true })),
        ),
        Entry::read(
            "operations.describe",
            "Reads an operation with the schema of its parameters.",
            Params::of_entity().need("id", id()).example(json!({ "id": "self_test" })),
        ),
    ]
}

fn executions() -> Vec<Entry> {
    let params = || any("In the vehicle's own JSON.");
    let timeout = || whole(1, DAY, "Seconds after which the vehicle stops it by itself.");
    let execution = || Params::of_entity().need("id", id()).need("exec_id", id());
    let capability = json!({ "type": "string", "maxLength": 64, "pattern": CAPABILITY,
        "description": "What to do." });
    vec![
        Entry::change(
            Risk::R2,
            "operation.run",
            "Runs an operation to its end: progress as parts, then the result.",
            Params::of_entity()
                .need("id", id())
                .may("params", params())
                .may("timeout", timeout())
                .may("proximity_response", text("The answer to the proximity challenge."))
                .example(json!({ "id": "self_test", "params": { "level": 2 }, "timeout": 60 }))
                .example(json!({ "id": "open_trunk", "proximity_response": "4711" })),
        )
        .senior_for(&["proximity_response"])
        .many()
        .locked()
        .in_session()
        .routine(),
        Entry::change(
            Risk::R2,
            "operation.control",
            "Tells a running execution of an operation what to do.",
            execution()
                .need("capability", capability)
                .may("params", params())
                .may("timeout", timeout())
                .example(json!({ "id": "self_test", "exec_id": "1", "capability": "freeze",
                    "params": { "phase": 1 }, "timeout": 60 })),
        )
        .locked()
        .in_session(),
        Entry::change(
            Risk::R1,
            "operation.stop",
            "Stops an execution of an operation, and lets the vehicle forget it.",
            execution().example(json!({ "id": "self_test", "exec_id": "1" })),
        )
        .beside(),
    ]
}

fn outputs() -> Vec<Entry> {
    let hold = whole(1, LONGEST_HOLD, "Seconds until the output is given back.");
    vec![
        Entry::change(
            Risk::R3,
            "output.actuate",
            "Controls an output for a while, and gives it back at the end.",
            Params::of_entity()
                .need("id", id())
                .need(
                    "action",
                    word(&["adjust", "freeze", "reset", "release"], "What to do to it."),
                )
                .may("value", any("What to set it to, in the vehicle's own JSON."))
                .may("duration", defaulting(hold, Seconds::HOLD.count()))
                .example(json!({ "entity": "components/body_ecu", "id": "head_lamp",
                    "action": "adjust", "value": 100, "duration": 5 })),
        )
        .many()
        .locked()
        .unlocked()
        .routine(),
    ]
}
