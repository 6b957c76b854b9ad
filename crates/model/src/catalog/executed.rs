//! What the connector executes now, in the form in which it executes it.
//!
//! Refuses what the connector does not know: a row of a noun's own module, or a parameter that only
//! that row has, comes in here together with its execution: the rows of the noun instead of those
//! here, and one untagged variant with the noun's own `Question` instead of the variants here.

use super::params::{Params, any, id, ids};
use super::{Entry, Seconds, bulk, configurations, data, logs, scripts, triggers, updates};
use crate::command::Risk;
use serde::Deserialize;
use serde_json::{Map, Value, json};

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
    /// Values as they change.
    #[serde(rename = "data.watch")]
    DataWatch {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The data ids.
        ids: Vec<String>,
        /// How often.
        #[serde(default)]
        interval: data::Interval,
        /// How long.
        #[serde(default = "Seconds::watch")]
        duration: Seconds,
    },
    /// Faults as they appear, change and vanish.
    #[serde(rename = "faults.watch")]
    FaultsWatch {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The filter by status.
        #[serde(default)]
        status: Map<String, Value>,
        /// How long.
        #[serde(default = "Seconds::watch")]
        duration: Seconds,
    },
    /// About configurations.
    #[serde(untagged)]
    Configurations(configurations::Question),
    /// About bulk data.
    #[serde(untagged)]
    Bulk(bulk::Question),
    /// About logs and recordings of communication.
    #[serde(untagged)]
    Logs(logs::Question),
    /// About triggers.
    #[serde(untagged)]
    Triggers(triggers::Question),
    /// About scripts.
    #[serde(untagged)]
    Scripts(scripts::Question),
    /// About updates.
    #[serde(untagged)]
    Updates(updates::Question),
}

pub(super) fn rows() -> Vec<Entry> {
    [reads(), changes()].concat()
}

fn reads() -> Vec<Entry> {
    vec![
        Entry::read(
            "vehicle.discover",
            "Lists the entities of the vehicle, one part each.",
            Params::none(),
        )
        .many(),
        Entry::read("data.list", "Lists the data items of an entity.", Params::of_entity()),
        Entry::read(
            "data.read",
            "Reads values of an entity, one part each.",
            Params::of_entity()
                .need("ids", ids())
                .example(json!({ "ids": ["engine_speed", "coolant_temperature"] })),
        )
        .many(),
        Entry::read(
            "faults.list",
            "Lists the faults of an entity, in the vehicle's own JSON.",
            Params::of_entity(),
        ),
        Entry::read("operations.list", "Lists the operations of an entity.", Params::of_entity()),
    ]
}

fn changes() -> Vec<Entry> {
    let code = json!({ "type": "string", "minLength": 1, "maxLength": 64 });
    vec![
        Entry::change(
            Risk::R2,
            "data.write",
            "Writes a value and reads it back.",
            Params::of_entity()
                .need("id", id())
                .need("value", any("What to write, in the vehicle's own JSON."))
                .example(json!({ "id": "idle_speed_target", "value": 850 })),
        )
        .locked(),
        Entry::change(
            Risk::R2,
            "faults.clear",
            "Clears the faults of an entity, or one, and lists what remained.",
            Params::of_entity().may("code", code).example(json!({ "code": "P0420" })),
        )
        .locked(),
        Entry::change(
            Risk::R2,
            "operation.run",
            "Runs an operation to its end: progress as parts, then the result.",
            Params::of_entity()
                .need("id", id())
                .may("params", any("The operation's parameters, in the vehicle's own JSON."))
                .example(json!({ "id": "self_test", "params": { "level": 2 } })),
        )
        .many()
        .locked(),
    ]
}
