//! Commands about software updates: packages that the vehicle fetches, prepares and installs.
//!
//! Refuses to carry a package: the vehicle has it, or knows where to get it.

use super::Entry;
use super::params::{Params, entity, id, text, word};
use crate::command::Risk;
use serde::Deserialize;
use serde_json::json;

/// Where an update is started from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// From afar.
    Remote,
    /// From beside the vehicle.
    Proximity,
}

/// A command about updates. `entity` is for servers that have updates below their entities;
/// `None` = the updates of the vehicle.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params", deny_unknown_fields)]
pub enum Question {
    /// The packages that there are for the vehicle.
    #[serde(rename = "update.list")]
    List {
        /// Whose; `None` = the vehicle's.
        entity: Option<String>,
        /// Only packages that lead to this version; `None` = all.
        target_version: Option<String>,
        /// Only packages that can be started from there; `None` = all.
        origin: Option<Origin>,
    },
    /// What a package is, what it needs and what it changes.
    #[serde(rename = "update.inspect")]
    Inspect {
        /// Whose; `None` = the vehicle's.
        entity: Option<String>,
        /// The package.
        id: String,
    },
    /// Fetches and checks a package: progress as parts.
    #[serde(rename = "update.prepare")]
    Prepare {
        /// Whose; `None` = the vehicle's.
        entity: Option<String>,
        /// The package.
        id: String,
    },
    /// Installs a prepared package: progress as parts.
    #[serde(rename = "update.execute")]
    Execute {
        /// Whose; `None` = the vehicle's.
        entity: Option<String>,
        /// The package.
        id: String,
    },
    /// Prepares and installs a package when the vehicle finds it right: progress as parts.
    #[serde(rename = "update.automated")]
    Automated {
        /// Whose; `None` = the vehicle's.
        entity: Option<String>,
        /// The package.
        id: String,
    },
    /// How far the update with a package is.
    #[serde(rename = "update.status")]
    Status {
        /// Whose; `None` = the vehicle's.
        entity: Option<String>,
        /// The package.
        id: String,
    },
    /// Takes a package, and what was done with it, away from the vehicle.
    #[serde(rename = "update.cancel")]
    Cancel {
        /// Whose; `None` = the vehicle's.
        entity: Option<String>,
        /// The package.
        id: String,
    },
}

pub(super) fn rows() -> Vec<Entry> {
    [reads(), changes()].concat()
}

fn reads() -> Vec<Entry> {
    vec![
        Entry::read(
            "update.list",
            "Lists the update packages that there are for the vehicle.",
            Params::none()
                .may("entity", entity())
                .may("target_version", text("Only packages that lead to this version."))
                .may("origin", word(&["remote", "proximity"], "Only packages started from there."))
                .example(json!({}))
                .example(json!({ "entity": "components/engine_ecu", "target_version": "2.1.0",
                    "origin": "remote" })),
        ),
        Entry::read("update.inspect", "Reads what an update package is and needs.", package()),
        Entry::read("update.status", "Reads how far an update is.", package()),
    ]
}

fn changes() -> Vec<Entry> {
    vec![
        change("update.prepare", "Fetches and checks an update package: progress as parts."),
        change("update.execute", "Installs a prepared update package: progress as parts."),
        change(
            "update.automated",
            "Prepares and installs an update package when the vehicle finds it right.",
        ),
        Entry::change(
            Risk::R3,
            "update.cancel",
            "Takes an update package away from the vehicle.",
            package(),
        )
        .admin(),
    ]
}

fn change(name: &'static str, description: &'static str) -> Entry {
    Entry::change(Risk::R3, name, description, package()).many().admin().hours()
}

fn package() -> Params {
    Params::none()
        .may("entity", entity())
        .need("id", id())
        .example(json!({ "entity": "components/engine_ecu", "id": "engine-2.1.0" }))
}
