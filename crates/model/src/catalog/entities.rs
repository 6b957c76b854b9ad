//! Starting and stopping entities.
//!
//! Refuses to wait for conditions: whether the vehicle may be touched is the vehicle's to say.

use super::Entry;
use super::params::{Params, any};
use crate::command::Risk;
use serde::Deserialize;
use serde_json::{Value, json};

/// A command that starts or stops an entity.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "command_name", content = "command_params", deny_unknown_fields)]
pub enum Question {
    /// Restarts it when it is ready for that.
    #[serde(rename = "entity.restart")]
    Restart {
        /// For example `components/engine_ecu`.
        entity: String,
        /// In the vehicle's own JSON; `None` = none.
        params: Option<Value>,
    },
    /// Starts it.
    #[serde(rename = "entity.start")]
    Start {
        /// For example `apps/ota_agent`.
        entity: String,
        /// In the vehicle's own JSON; `None` = none.
        params: Option<Value>,
    },
    /// Shuts it down when it is ready for that.
    #[serde(rename = "entity.shutdown")]
    Shutdown {
        /// For example `apps/ota_agent`.
        entity: String,
        /// In the vehicle's own JSON; `None` = none.
        params: Option<Value>,
    },
    /// Restarts it at once.
    #[serde(rename = "entity.force-restart")]
    ForceRestart {
        /// For example `components/engine_ecu`.
        entity: String,
        /// In the vehicle's own JSON; `None` = none.
        params: Option<Value>,
    },
    /// Shuts it down at once.
    #[serde(rename = "entity.force-shutdown")]
    ForceShutdown {
        /// For example `apps/ota_agent`.
        entity: String,
        /// In the vehicle's own JSON; `None` = none.
        params: Option<Value>,
    },
}

pub(super) fn rows() -> Vec<Entry> {
    vec![
        row("entity.restart", "Restarts an entity when it is ready, and says how it is then."),
        row("entity.start", "Starts an entity, and says how it is then."),
        row("entity.shutdown", "Shuts an entity down when it is ready, and says how it is then."),
        row("entity.force-restart", "Restarts an entity at once, and says how it is then.").admin(),
        row("entity.force-shutdown", "Shuts an entity down at once, and says how it is then.")
            .admin(),
    ]
}

fn row(name: &'static str, description: &'static str) -> Entry {
    let params = Params::of_entity()
        .may("params", any("What the vehicle wants to know for it, in its own JSON."))
        .example(json!({}))
        .example(json!({ "params": { "cause": "diagnosis" } }));
    Entry::change(Risk::R3, name, description, params).locked().minutes()
}
