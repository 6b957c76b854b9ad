//! Clearing what an entity has cached, learned, or keeps for clients.
//! Refuses to guess what there is to clear: the server lists it.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::{Error, GenericError};
use crate::fields::Fields;
use crate::link::Link;
use crate::receipt::Accepted;
use crate::update;

const STATUS: &str = "status";

/// What of an entity can be cleared.
#[derive(Debug, Clone)]
pub struct Clearable {
    /// Where to clear it, by its name: `cached-data`, `learned-data`, `client-defined-resources`.
    pub kinds: BTreeMap<String, Link>,
    /// Where to see how far it has come.
    pub status: Link,
}

/// How far a clearing has come.
#[derive(Debug, Clone)]
pub struct ClearStatus {
    /// How far.
    pub state: ClearState,
    /// What is cleared; `None` if the server did not say.
    pub kind: Option<String>,
    /// When it began, RFC 3339; `None` if the server did not say.
    pub last_started: Option<String>,
    /// In percent; `None` if the server did not say.
    pub progress: Option<u8>,
    /// What went wrong.
    pub errors: Vec<GenericError>,
    /// The whole answer.
    pub raw: Box<RawValue>,
}

/// How far a clearing has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClearState {
    /// It is at it.
    Running,
    /// It came to its end.
    Completed,
    /// It went wrong.
    Failed,
    /// Nobody has asked for any.
    NotRequested,
    /// A word that the standard does not know; empty if the server said nothing.
    Other(String),
}

impl Client {
    /// What of an entity can be cleared.
    pub fn clearable(&self, entity: &Entity) -> Call<Clearable> {
        let (place, announced) = entity.collection("clear-data");
        Call::get(self, &place, Clearable::decode).announced(announced)
    }

    /// Clears what is at `kind`, one of [`Clearable::kinds`].
    pub fn clear(&self, kind: &Link) -> Call<Accepted> {
        Call::put(self, kind, None, Accepted::decode)
    }

    /// How far the last clearing has come, at [`Clearable::status`].
    pub fn clear_status(&self, place: &Link) -> Call<ClearStatus> {
        Call::get(self, place, ClearStatus::decode)
    }
}

impl Clearable {
    /// Links by name, or a list of the names.
    fn decode(document: &Document) -> Result<Self, Error> {
        let place = document.place();
        let fields = Fields::of(document.required("clear-data")?, "clear-data")?;
        let listed = fields.words(&["items"]).into_iter().map(|name| {
            let link = place.child(&name);
            (name, link)
        });
        let linked = fields
            .texts()
            .filter_map(|(name, text)| Some((name.replace('_', "-"), place.resolve(&text)?)));
        let mut kinds: BTreeMap<String, Link> = listed.chain(linked).collect();
        let status = kinds.remove(STATUS).unwrap_or_else(|| place.child(STATUS));
        Ok(Self { kinds, status })
    }
}

impl ClearStatus {
    fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.required("clear-data")?;
        let fields = Fields::of(raw, "clear-data")?;
        Ok(Self {
            state: ClearState::named(fields.text(&["status"]).unwrap_or_default()),
            kind: fields.text(&["type"]),
            last_started: fields.text(&["last_started"]),
            progress: update::percent(&fields),
            errors: fields.errors(),
            raw: raw.to_owned(),
        })
    }
}

impl ClearState {
    fn named(word: String) -> Self {
        match word.as_str() {
            "running" => Self::Running,
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            "notRequested" | "idle" => Self::NotRequested,
            _ => Self::Other(word),
        }
    }
}
