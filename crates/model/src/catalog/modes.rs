//! Commands about the modes of an entity: its session, its communication, its recording of faults.
//!
//! Refuses keys: whoever unlocks a control unit names where the server gets the key from.

use super::params::{Params, any, id, whole};
use super::{Entry, Seconds, Switch};
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
    /// Unlocks a control unit.
    #[serde(rename = "security.unlock")]
    Unlock {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The level, in the vehicle's own words.
        level: String,
        /// Which of the server's key sources answers the seed.
        key_source: String,
        /// After it the control unit is locked again; `None` = when the vehicle thinks so.
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
        // No session: it would end with the command, and the unlocking with it.
        Entry::change(
            Risk::R2,
            "security.unlock",
            "Unlocks a control unit in its present session, with a key of the server's key sources.",
            Params::of_entity()
                .need("level", name("The level, in the vehicle's own words: Level_1, level1."))
                .need("key_source", name("Which of the server's key sources answers the seed."))
                .may("expiration", whole(1, DAY, "Seconds after which it is locked again."))
                .example(json!({ "level": "Level_1", "key_source": "workshop", "expiration": 60 })),
        )
        .senior()
        .locked()
        .switched(Switch::KeySources),
    ]
}

fn name(description: &str) -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "description": description })
}
