//! What can be asked of a vehicle: one row per command, with the schema of its parameters.
//!
//! Refuses to know how a vehicle is asked; a connector turns a [`Question`] into requests.
//!
//! [`entries`] is the whole catalogue, one module per noun.

pub mod bulk;
mod condition;
pub mod configurations;
pub mod data;
pub mod entities;
pub mod faults;
mod inherited;
pub mod locks;
pub mod logs;
pub mod modes;
pub mod operations;
mod params;
mod question;
mod row;
mod rule;
pub mod scripts;
pub mod triggers;
pub mod uds;
pub mod updates;
pub mod vehicles;
mod whole;

pub use condition::{Condition, NotACondition, StateNeed};
pub use question::Question;
pub use rule::{NotARule, Rule};
pub use whole::{NotWhole, Seconds, Whole};

use crate::command::Risk;
use crate::user::{Action, Role};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

/// How the answers of a command come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Streaming {
    /// One response.
    One,
    /// A response per part.
    Many,
    /// Responses until its duration is over or it is cancelled.
    Live,
}

/// Whether a command needs a lock of the vehicle's server, where that server has locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// It needs none.
    None,
    /// It needs one on the entity, from before its first change to its end.
    Needed,
}

/// A mode that an entity has to be in for a command, where the entity has that mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ModeNeed {
    /// The mode, as SOVD names those of classic ECUs: `session`, `security`.
    pub id: &'static str,
    /// The value that it must have; `None` = an unlocked one, and the vehicle says which.
    pub value: Option<&'static str>,
}

/// What an installation has to set before a row of the catalogue is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// That requests of any kind may be sent to control units.
    RawUds,
    /// Where the keys of control units come from.
    KeySources,
}

impl Switch {
    /// The name of the setting.
    pub fn setting(self) -> &'static str {
        match self {
            Self::RawUds => "vehicles.raw_uds",
            Self::KeySources => "vehicles.key_sources",
        }
    }
}

/// A row of the catalogue.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name that a client submits.
    pub name: &'static str,
    /// The name of the entry that this one is an older name of; `None` if it is none.
    pub alias_of: Option<&'static str>,
    /// What it does, in a sentence.
    pub description: &'static str,
    /// What it can do to the vehicle.
    pub risk: Risk,
    /// The least role that may submit it: never less than its risk class asks for.
    pub role: Role,
    /// The parameters that only a senior may give.
    pub senior_params: &'static [&'static str],
    /// How its answers come.
    pub streaming: Streaming,
    /// Whether it starts beside whatever runs at the vehicle: it ends what others have begun.
    pub is_beside: bool,
    /// Whether it needs a lock.
    pub lock: Lock,
    /// The modes that it needs, in the order in which they are set.
    pub modes: &'static [ModeNeed],
    /// What the installation has to set before it is there; `None` = it is there anyway.
    pub switch: Option<Switch>,
    /// How long the vehicle may work on it if the client does not say; `None` = what the
    /// installation has set.
    pub run_timeout: Option<Duration>,
    /// How long a client may let the vehicle work on it; `None` = what the installation has set.
    pub run_timeout_max: Option<Duration>,
    /// The JSON Schema (draft 2020-12) of its parameters, with at least one example.
    pub schema: Value,
}

impl Entry {
    /// Whether a role is enough for this row: its risk class, the role that it names, and what its
    /// parameters ask for.
    pub fn permits(&self, role: Role, params: &Value) -> bool {
        let is_delicate = self.senior_params.iter().any(|name| params.get(name).is_some());
        role.may(Action::Submit(self.risk))
            && is_enough(role, self.role)
            && (!is_delicate || is_enough(role, Role::Senior))
    }
}

fn is_enough(role: Role, least: Role) -> bool {
    let ladder = [Role::Viewer, Role::Engineer, Role::Senior, Role::Admin];
    ladder.iter().skip_while(|rung| **rung != least).any(|rung| *rung == role)
}

/// How commands stand to others at the same vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Takes its turn.
    InLine,
    /// Only watches, until its duration is over or it is cancelled.
    Watching,
    /// Ends what others have begun.
    Ending,
}

/// How the command of this name stands to others.
pub fn standing(name: &str) -> Standing {
    static BESIDE: LazyLock<HashMap<&str, Standing>> = LazyLock::new(|| {
        let standing = |entry: &Entry| match entry.streaming {
            Streaming::Live => Some(Standing::Watching),
            Streaming::One | Streaming::Many => entry.is_beside.then_some(Standing::Ending),
        };
        entries().iter().filter_map(|entry| Some((entry.name, standing(entry)?))).collect()
    });
    BESIDE.get(name).copied().unwrap_or(Standing::InLine)
}

/// The whole catalogue: every command that can be submitted.
pub fn entries() -> Vec<Entry> {
    [
        inherited::rows(),
        vehicles::rows(),
        entities::rows(),
        data::rows(),
        faults::rows(),
        operations::rows(),
        modes::rows(),
        locks::rows(),
        configurations::rows(),
        bulk::rows(),
        logs::rows(),
        triggers::rows(),
        scripts::rows(),
        updates::rows(),
        uds::rows(),
    ]
    .concat()
}
