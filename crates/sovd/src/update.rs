//! Software updates: packages, and the phases of installing one.
//! Refuses to hurry: a phase that was begun is watched, not waited for.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::{Error, GenericError};
use crate::fields::{self, Fields};
use crate::link::Link;
use crate::listed::Named;
use crate::receipt::{Accepted, Acknowledged, Created};

/// Where an update comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// From the maker's servers.
    Remote,
    /// From somebody at the vehicle.
    Proximity,
}

impl Origin {
    fn word(self) -> &'static str {
        match self {
            Self::Remote => "remote",
            Self::Proximity => "proximity",
        }
    }
}

/// What is known of a package.
#[derive(Debug, Clone)]
pub struct Update {
    /// For people; `None` if the server gave none.
    pub name: Option<String>,
    /// In kilobytes; `None` if the server did not say.
    pub size_kb: Option<u64>,
    /// Whether it can be installed in one go; `None` if the server did not say.
    pub automated: Option<bool>,
    /// Where it may come from, in the standard's words; empty if the server did not say.
    pub origins: Vec<String>,
    /// For people; `None` if the server gave none.
    pub notes: Option<String>,
    /// What somebody at the vehicle has to do; `None` if nothing.
    pub user_activity: Option<Value>,
    /// What must hold before it is prepared; `None` if the server gave none.
    pub preconditions: Option<Value>,
    /// What must hold before it is executed; `None` if the server gave none.
    pub execution_conditions: Option<Value>,
    /// For how many seconds what it updates is out of service; `None` if the server did not say.
    pub duration_s: Option<u64>,
    /// The components that get new software.
    pub updated_components: Vec<String>,
    /// The components that are out of service meanwhile.
    pub affected_components: Vec<String>,
    /// Where it is.
    pub href: Link,
    /// The whole answer.
    pub raw: Box<RawValue>,
}

/// What to do with an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpdateStep {
    /// Fetch and check it; the vehicle stays as it is.
    Prepare,
    /// Install what was prepared.
    Execute,
    /// Both, when the vehicle finds it convenient.
    Automated,
}

impl UpdateStep {
    fn word(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Execute => "execute",
            Self::Automated => "automated",
        }
    }
}

/// How far an update has come.
#[derive(Debug, Clone)]
pub struct UpdateStatus {
    /// `prepare` or `execute`; `None` if the server did not say.
    pub phase: Option<String>,
    /// How far this phase has come.
    pub state: UpdateState,
    /// Of this phase, in percent; `None` if the server did not say.
    pub progress: Option<u8>,
    /// The same for each entity that takes part.
    pub entities: Vec<EntityProgress>,
    /// What is being done, for people; `None` if the server did not say.
    pub step: Option<String>,
    /// What went wrong.
    pub errors: Vec<GenericError>,
    /// The whole answer.
    pub raw: Box<RawValue>,
}

/// The part of one entity in an update.
#[derive(Debug, Clone)]
pub struct EntityProgress {
    /// As the server names it; `None` if it did not.
    pub entity: Option<String>,
    /// How far it has come.
    pub state: UpdateState,
    /// In percent; `None` if the server did not say.
    pub progress: Option<u8>,
    /// What went wrong.
    pub errors: Vec<GenericError>,
}

/// How far a phase of an update has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateState {
    /// It has not begun.
    Pending,
    /// It is at it.
    InProgress,
    /// It went wrong.
    Failed,
    /// It came to its end.
    Completed,
    /// A word that the standard does not know; empty if the server said nothing.
    Other(String),
}

impl Client {
    /// The packages; in the standard those of [`Client::root`], with some servers those of an entity.
    pub fn updates(&self, entity: &Entity) -> Call<Vec<Named>> {
        let (place, announced) = entity.collection("updates");
        Call::get(self, &place, Named::decode_list).announced(announced)
    }

    /// The packages that lead to this version, or come from there; `None` leaves either open.
    pub fn updates_to(
        &self,
        entity: &Entity,
        target_version: Option<&str>,
        origin: Option<Origin>,
    ) -> Call<Vec<Named>> {
        let mut call = self.updates(entity);
        if let Some(version) = target_version {
            call = call.query("target-version", version);
        }
        match origin {
            Some(origin) => call.query("origin", origin.word()),
            None => call,
        }
    }

    /// The package at `href`.
    pub fn update(&self, href: &Link) -> Call<Update> {
        Call::get(self, href, Update::decode)
    }

    /// Makes a package known; what describes it is between the maker and the server.
    pub fn register_update(&self, entity: &Entity, description: Value) -> Call<Created> {
        let (place, announced) = entity.collection("updates");
        Call::post(self, &place, description, Created::decode).announced(announced)
    }

    /// Begins a step of the update at `href`; its `location` is that of the status.
    ///
    /// Refused with 409 while another update is at it.
    pub fn begin_update(&self, href: &Link, step: UpdateStep) -> Call<Accepted> {
        Call::put(self, &href.child(step.word()), None, Accepted::decode)
    }

    /// How far the update at `href` has come.
    pub fn update_status(&self, href: &Link) -> Call<UpdateStatus> {
        self.update_status_at(&href.child("status"))
    }

    /// The same where [`Client::begin_update`] said it would be.
    pub fn update_status_at(&self, place: &Link) -> Call<UpdateStatus> {
        Call::get(self, place, UpdateStatus::decode)
    }

    /// Lets the server forget the package at `href`; the one called `autonomous` it keeps.
    pub fn delete_update(&self, href: &Link) -> Call<Acknowledged> {
        Call::delete(self, href, Acknowledged::decode)
    }
}

impl Update {
    fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.required("update")?;
        let fields = Fields::of(raw, "update")?;
        let origin = fields.text(&["origin"]).into_iter();
        Ok(Self {
            name: fields.text(&["update_name", "name"]),
            size_kb: fields.number(&["size"]),
            automated: fields.flag("automated"),
            origins: fields.words(&["origin"]).into_iter().chain(origin).collect(),
            notes: fields.text(&["notes"]),
            user_activity: fields.value(&["user_activity"]),
            preconditions: fields.value(&["preconditions"]),
            execution_conditions: fields.value(&["execution_conditions"]),
            duration_s: fields.number(&["duration"]),
            updated_components: fields.words(&["updated_components"]),
            affected_components: fields.words(&["affected_components"]),
            href: document.place().clone(),
            raw: raw.to_owned(),
        })
    }
}

impl UpdateStatus {
    fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.required("update status")?;
        let fields = Fields::of(raw, "update status")?;
        let entities = fields.list(&["subprogress"]).unwrap_or_default();
        Ok(Self {
            phase: fields.text(&["phase"]),
            state: UpdateState::of(&fields),
            progress: percent(&fields),
            entities: entities.iter().map(|entry| EntityProgress::decode(entry)).collect(),
            step: fields.text(&["step"]),
            errors: fields.errors(),
            raw: raw.to_owned(),
        })
    }
}

impl EntityProgress {
    fn decode(raw: &RawValue) -> Self {
        let fields = Fields::of_any(raw);
        Self {
            entity: fields.text(&["entity"]),
            state: UpdateState::of(&fields),
            progress: percent(&fields),
            errors: fields.errors(),
        }
    }
}

impl UpdateState {
    fn of(fields: &Fields) -> Self {
        let word = fields.text(&["status"]).unwrap_or_default();
        match word.to_ascii_lowercase().replace('_', "").as_str() {
            "pending" => Self::Pending,
            "inprogress" | "running" => Self::InProgress,
            "failed" => Self::Failed,
            "completed" => Self::Completed,
            _ => Self::Other(word),
        }
    }
}

/// Whole percents, cut off below, as an integer or not.
pub(crate) fn percent(fields: &Fields) -> Option<u8> {
    let text = fields::text(&fields.value(&["progress"])?)?;
    let whole = text.split('.').next().unwrap_or_default();
    whole.parse().ok().filter(|percent| *percent <= 100)
}
