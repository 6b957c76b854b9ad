//! Commands about the modes of an entity: its session, its communication, its recording of faults.
//!
//! Refuses keys and secrets: a mode that has to be unlocked first is set by whoever holds the key.

use super::params::{Params, any, id, whole};
use super::{Entry, Seconds};
use crate::command::Risk;
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest that a mode may be asked to last.
const DAY: u32 = 24 * 3600;

/// A command about modes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params", deny_unknown_fields)]
pub enum Question {
    /// The modes of an entity.
    #[serde(rename = "modes.list")]
    List {
        /// For example `components/engine_ecu`.
        entity: String,
    },
    /// The value of a mode.
    #[serde(rename = "mode.get")]
    Get {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The mode.
        id: String,
    },
    /// Sets a mode for a while.
    #[serde(rename = "mode.set")]
    Set {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The mode.
        id: String,
        /// What it shall be, in the vehicle's own words.
        value: Value,
        /// After it the mode falls back by itself; `None` = when the vehicle thinks so.
        expiration: Option<Seconds>,
    },
}

pub(super) fn rows() -> Vec<Entry> {
    let expiration = whole(1, DAY, "Seconds after which it falls back by itself.");
    vec![
        Entry::read("modes.list", "Lists the modes of an entity.", Params::of_entity()),
        Entry::read(
            "mode.get",
            "Reads a mode of an entity.",
            Params::of_entity().need("id", id()).example(json!({ "id": "session" })),
        ),
        // One row has one role: that for the modes that silence a bus or stop the recording of faults.
        Entry::change(
            Risk::R2,
            "mode.set",
            "Sets a mode of an entity for a while.",
            Params::of_entity()
                .need("id", id())
                .need("value", any("What it shall be, in the vehicle's own words."))
                .may("expiration", expiration)
                .example(json!({ "id": "session", "value": "extended", "expiration": 60 })),
        )
        .senior()
        .locked(),
    ]
}
