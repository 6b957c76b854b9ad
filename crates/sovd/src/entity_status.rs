//! Whether an entity is ready, and starting, restarting or shutting it down.
//! Refuses to offer what the entity does not: each change is a link that the server gives.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::Error;
use crate::fields::Fields;
use crate::link::Link;
use crate::receipt::Accepted;

/// Whether an entity is ready, and what can be done about it.
#[derive(Debug, Clone)]
pub struct EntityStatus {
    /// Whether it is ready; `None` if the server said neither that nor the contrary.
    pub ready: Option<bool>,
    /// Where to ask for what it offers.
    pub changes: BTreeMap<StatusChange, Link>,
    /// The whole answer.
    pub raw: Box<RawValue>,
}

/// A change to the status of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusChange {
    /// Starts what was shut down.
    Start,
    /// Shuts it down and starts it, when it is convenient.
    Restart,
    /// The same at once.
    ForceRestart,
    /// Shuts it down, when it is convenient.
    Shutdown,
    /// The same at once.
    ForceShutdown,
}

impl StatusChange {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Start, Self::Restart, Self::ForceRestart, Self::Shutdown, Self::ForceShutdown];

    /// The word for it, e.g. `force-restart`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Restart => "restart",
            Self::ForceRestart => "force-restart",
            Self::Shutdown => "shutdown",
            Self::ForceShutdown => "force-shutdown",
        }
    }
}

impl Client {
    /// Whether an entity is ready, and what can be done about it.
    pub fn entity_status(&self, entity: &Entity) -> Call<EntityStatus> {
        let (place, announced) = entity.collection("status");
        Call::get(self, &place, EntityStatus::decode).announced(announced)
    }

    /// Asks for the change at `place`, one of [`EntityStatus::changes`]; whether and when it has come
    /// about shows in the status. Some servers want parameters.
    pub fn change_status(&self, place: &Link, parameters: Option<Value>) -> Call<Accepted> {
        Call::put(self, place, parameters, Accepted::decode)
    }
}

impl EntityStatus {
    fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.required("status")?;
        let fields = Fields::of(raw, "status")?;
        let place = document.place();
        // One server gives each link as a list of one.
        let link = |name: &str| {
            let listed = || place.resolve(fields.words(&[name]).first()?);
            fields.link(name, place).or_else(listed)
        };
        let changes = StatusChange::ALL.into_iter();
        Ok(Self {
            ready: fields.text(&["status"]).and_then(|word| ready(&word)),
            changes: changes.filter_map(|it| Some((it, link(it.word())?))).collect(),
            raw: raw.to_owned(),
        })
    }
}

fn ready(word: &str) -> Option<bool> {
    match word {
        "ready" => Some(true),
        "notReady" => Some(false),
        _ => None,
    }
}
