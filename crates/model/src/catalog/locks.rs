//! Commands about the locks of an entity.
//!
//! Refuses to hold one: a lock lives at the vehicle until it expires or is released.

use super::params::{Params, id, texts, whole};
use super::{Entry, Seconds};
use crate::command::Risk;
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest that a lock may be asked to last.
const DAY: u32 = 24 * 3600;

/// A command about locks.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params", deny_unknown_fields)]
pub enum Question {
    /// The locks on an entity, and which of them are ours.
    #[serde(rename = "lock.list")]
    List {
        /// For example `components/engine_ecu`.
        entity: String,
    },
    /// Takes a lock.
    #[serde(rename = "lock.acquire")]
    Acquire {
        /// For example `components/engine_ecu`.
        entity: String,
        /// How long it lasts if it is not renewed.
        expiration: Seconds,
        /// What it covers; `None` = the whole entity.
        scopes: Option<Vec<String>>,
    },
    /// Makes a lock of ours last longer, counted from now.
    #[serde(rename = "lock.renew")]
    Renew {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The lock.
        id: String,
        /// How long it lasts from now.
        expiration: Seconds,
    },
    /// Gives a lock of ours back.
    #[serde(rename = "lock.release")]
    Release {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The lock.
        id: String,
    },
    /// Takes a lock, and breaks those of others that stand in its way.
    #[serde(rename = "lock.break")]
    Break {
        /// For example `components/engine_ecu`.
        entity: String,
        /// How long it lasts if it is not renewed.
        expiration: Seconds,
        /// What it covers; `None` = the whole entity.
        scopes: Option<Vec<String>>,
    },
}

pub(super) fn rows() -> Vec<Entry> {
    vec![
        Entry::read("lock.list", "Lists the locks on an entity.", Params::of_entity()),
        change("lock.acquire", "Takes a lock on an entity.", taken()),
        change(
            "lock.renew",
            "Makes a lock last longer, counted from now.",
            Params::of_entity()
                .need("id", id())
                .need("expiration", expiration())
                .example(json!({ "id": "lock-1", "expiration": 300 })),
        ),
        change(
            "lock.release",
            "Gives a lock back.",
            Params::of_entity().need("id", id()).example(json!({ "id": "lock-1" })),
        ),
        change("lock.break", "Takes a lock and breaks those of others in its way.", taken())
            .admin()
            .beside(),
    ]
}

fn change(name: &'static str, description: &'static str, params: Params) -> Entry {
    Entry::change(Risk::R1, name, description, params)
}

fn taken() -> Params {
    Params::of_entity()
        .need("expiration", expiration())
        .may("scopes", texts("What it covers; the whole entity if absent."))
        .example(json!({ "expiration": 300, "scopes": ["data", "operations"] }))
}

fn expiration() -> Value {
    whole(1, DAY, "Seconds that it lasts if it is not renewed.")
}
