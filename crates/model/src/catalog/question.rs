//! A command with its parameters: one of the three older names, or of a noun.
//!
//! Refuses to know the commands of a noun: each noun is one untagged variant with its own `Question`.

use super::{bulk, configurations, data, entities, faults, locks, logs, modes, operations};
use super::{scripts, triggers, uds, updates, vehicles};
use serde::Deserialize;

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
    /// About the vehicle as a whole.
    #[serde(untagged)]
    Vehicle(vehicles::Question),
    /// Starting and stopping entities.
    #[serde(untagged)]
    Entity(entities::Question),
    /// About the values of an entity.
    #[serde(untagged)]
    Data(data::Question),
    /// About faults.
    #[serde(untagged)]
    Faults(faults::Question),
    /// About operations and outputs.
    #[serde(untagged)]
    Operations(operations::Question),
    /// About modes.
    #[serde(untagged)]
    Modes(modes::Question),
    /// About locks.
    #[serde(untagged)]
    Locks(locks::Question),
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
    /// In the language of classic control units.
    #[serde(untagged)]
    Uds(uds::Question),
}
