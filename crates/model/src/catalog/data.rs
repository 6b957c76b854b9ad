//! Commands about the values of an entity.
//!
//! Refuses to know what a value means: it comes and goes in the vehicle's own JSON.

use super::params::{Params, any, defaulting, duration, flag, id, ids, text, texts, word};
use super::{Entry, Seconds};
use crate::command::Risk;
use serde::Deserialize;
use serde_json::{Value, json};

/// How often a watched value comes; the vehicle's server decides what that is in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// As often as the server can.
    Fast,
    /// As the server usually does.
    #[default]
    Normal,
    /// Rarely.
    Slow,
}

/// What a server keeps and can be told to forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// What can be computed again.
    CachedData,
    /// What was learned while driving.
    LearnedData,
    /// What clients have created: data lists, triggers, subscriptions.
    ClientDefinedResources,
}

impl Kind {
    /// The last segment of its path below `clear-data`.
    pub fn word(self) -> &'static str {
        match self {
            Self::CachedData => "cached-data",
            Self::LearnedData => "learned-data",
            Self::ClientDefinedResources => "client-defined-resources",
        }
    }
}

/// A command about the values of an entity.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params", deny_unknown_fields)]
pub enum Question {
    /// The data items of an entity.
    #[serde(rename = "data.list")]
    List {
        /// For example `components/engine_ecu`.
        entity: String,
        /// Only these; `None` = all.
        category: Option<String>,
        /// Only this group; `None` = all.
        group: Option<String>,
        /// Only items with one of these; empty = all.
        #[serde(default)]
        tags: Vec<String>,
    },
    /// The categories that its data items have.
    #[serde(rename = "data.categories")]
    Categories {
        /// For example `components/engine_ecu`.
        entity: String,
    },
    /// The groups that its data items are in.
    #[serde(rename = "data.groups")]
    Groups {
        /// For example `components/engine_ecu`.
        entity: String,
        /// Only groups of this category; `None` = all.
        category: Option<String>,
    },
    /// Values of an entity, one part each.
    #[serde(rename = "data.read")]
    Read {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The data ids, read in this order.
        ids: Vec<String>,
        /// Whether each value comes with its schema, and so with its unit.
        #[serde(default)]
        include_schema: bool,
    },
    /// Writes a value and reads it back.
    #[serde(rename = "data.write")]
    Write {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The data id.
        id: String,
        /// What to write, in the vehicle's own JSON.
        value: Value,
        /// A signature over the value, for vehicles that want one; `None` = none.
        signature: Option<String>,
    },
    /// Values as they change, one part per sample.
    #[serde(rename = "data.watch")]
    Watch {
        /// For example `components/engine_ecu`.
        entity: String,
        /// The data ids.
        ids: Vec<String>,
        /// How often.
        #[serde(default)]
        interval: Interval,
        /// How long.
        #[serde(default = "Seconds::watch")]
        duration: Seconds,
    },
    /// Makes an entity forget what it keeps.
    #[serde(rename = "data.clear")]
    Clear {
        /// For example `components/engine_ecu`.
        entity: String,
        /// What to forget.
        kind: Kind,
    },
}

pub(super) fn rows() -> Vec<Entry> {
    [lists(), values(), changes()].concat()
}

fn lists() -> Vec<Entry> {
    let category = || text("Only this category, for example identData.");
    vec![
        Entry::read(
            "data.list",
            "Lists the data items of an entity.",
            Params::of_entity()
                .may("category", category())
                .may("group", text("Only this group."))
                .may("tags", texts("Only items with one of these tags."))
                .example(json!({ "category": "currentData", "group": "engine", "tags": ["obd"] })),
        ),
        Entry::read(
            "data.categories",
            "Lists the categories that the data items of an entity have.",
            Params::of_entity(),
        ),
        Entry::read(
            "data.groups",
            "Lists the groups that the data items of an entity are in.",
            Params::of_entity()
                .may("category", category())
                .example(json!({ "category": "currentData" })),
        ),
    ]
}

fn values() -> Vec<Entry> {
    let interval =
        word(&["fast", "normal", "slow"], "How often; the vehicle decides what that is.");
    let interval = defaulting(interval, "normal");
    let watched = json!({ "ids": ["engine_speed"], "interval": "fast", "duration": 60 });
    vec![
        Entry::read(
            "data.read",
            "Reads values of an entity, one part each.",
            Params::of_entity()
                .need("ids", ids())
                .may("include_schema", flag("Whether each comes with its schema and unit."))
                .example(json!({ "ids": ["engine_speed", "vin"], "include_schema": true })),
        )
        .many(),
        Entry::change(
            Risk::R1,
            "data.watch",
            "Watches values of an entity, one part per sample.",
            Params::of_entity()
                .need("ids", ids())
                .may("interval", interval)
                .may("duration", duration())
                .example(watched),
        )
        .live(),
    ]
}

fn changes() -> Vec<Entry> {
    let kinds = ["cached-data", "learned-data", "client-defined-resources"];
    vec![
        Entry::change(
            Risk::R2,
            "data.write",
            "Writes a value and reads it back.",
            Params::of_entity()
                .need("id", id())
                .need("value", any("What to write, in the vehicle's own JSON."))
                .may("signature", text("A signature over the value, where the vehicle wants one."))
                .example(
                    json!({ "id": "idle_speed_target", "value": 850, "signature": "c2lnbmVk" }),
                )
                .example(json!({ "id": "display_text", "value": null })),
        )
        .senior()
        .locked()
        .in_session(),
        Entry::change(
            Risk::R2,
            "data.clear",
            "Makes an entity forget what it keeps, and says how far it is.",
            Params::of_entity()
                .need("kind", word(&kinds, "What to forget."))
                .example(json!({ "kind": "learned-data" })),
        )
        .many()
        .senior()
        .locked()
        .minutes(),
    ]
}
