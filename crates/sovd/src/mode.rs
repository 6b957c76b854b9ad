//! Modes of an entity: sessions, security levels, communication and fault memory control.
//! Refuses to keep a mode alive: whoever set one with an expiration repeats it in time.

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::Error;
use crate::fields::{self, Fields};
use crate::link::Link;

/// A mode as its collection lists it.
///
/// Servers that list none may still have some: see [`Entity::place_of`].
#[derive(Debug, Clone)]
pub struct Mode {
    /// Unique in its entity, e.g. `session`, `security`, `commctrl`, `dtcsetting`.
    pub id: String,
    /// For people; `None` if the server gave none.
    pub name: Option<String>,
    /// The server's own keywords.
    pub tags: Vec<String>,
    /// Where to read and set it.
    pub href: Link,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

/// What a mode is set to.
#[derive(Debug, Clone)]
pub struct ModeState {
    /// For people; `None` if the server gave none.
    pub name: Option<String>,
    /// The value, mostly a word such as `extended`; `None` if the server gave none.
    pub value: Option<Value>,
    /// The description of the values; `None` unless it was asked for and is known.
    pub schema: Option<Box<RawValue>>,
    /// The whole answer.
    pub raw: Box<RawValue>,
}

/// What a server said to the setting of a mode.
#[derive(Debug, Clone)]
pub struct ModeSet {
    /// The value that is now in force; `None` if the server did not say.
    pub value: Option<Value>,
    /// What the key for a security level is to be made from; `None` unless it was asked for.
    pub seed: Option<Box<RawValue>>,
    /// The whole answer; `null` if it was empty.
    pub raw: Box<RawValue>,
}

impl Client {
    /// The modes of an entity.
    pub fn modes(&self, entity: &Entity) -> Call<Vec<Mode>> {
        let (place, announced) = entity.collection("modes");
        Call::get(self, &place, Mode::decode_list).announced(announced)
    }

    /// What the mode at `href` is set to.
    pub fn mode(&self, href: &Link) -> Call<ModeState> {
        Call::get(self, href, ModeState::decode)
    }

    /// Sets the mode at `href`.
    ///
    /// A security level takes two steps where the control unit is a classic one: set the server's
    /// word for asking (e.g. `Level_7_RequestSeed`), then the level with the key made from
    /// [`ModeSet::seed`], see [`Call::key`].
    pub fn set_mode(&self, href: &Link, value: impl Into<Value>) -> Call<ModeSet> {
        let body = Value::from_iter([("value", value.into())]);
        Call::put(self, href, body, ModeSet::decode)
    }
}

impl Call<ModeSet> {
    /// Lets the mode fall back to its default after this time (whole seconds, rounded up).
    pub fn expiring_after(self, time: Duration) -> Self {
        self.with("mode_expiration", fields::seconds(time))
    }

    /// The key for a security level, in the form that the server wants it.
    pub fn key(self, key: impl Into<Value>) -> Self {
        self.with("key", key)
    }
}

impl Mode {
    fn decode_list(document: &Document) -> Result<Vec<Self>, Error> {
        document.items("modes", |place, raw| {
            let fields = Fields::of(raw, "mode")?;
            let id = fields.id(&["id"], "mode")?;
            Ok(Self {
                href: fields.href(place, &id),
                id,
                name: fields.text(&["name"]),
                tags: fields.words(&["tags"]),
                raw: raw.to_owned(),
            })
        })
    }
}

impl ModeState {
    fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.required("mode")?;
        let fields = Fields::of(raw, "mode")?;
        Ok(Self {
            name: fields.text(&["name"]),
            value: fields.value(&["value", "data"]),
            schema: fields.owned("schema"),
            raw: raw.to_owned(),
        })
    }
}

impl ModeSet {
    #[expect(clippy::unnecessary_wraps, reason = "one of the decoders, which may fail")]
    fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.json().unwrap_or(RawValue::NULL);
        let fields = Fields::of_any(raw);
        Ok(Self {
            value: fields.value(&["value", "data"]),
            seed: fields.owned("seed"),
            raw: raw.to_owned(),
        })
    }
}
