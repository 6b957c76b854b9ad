//! What a server says to a change: that it is done, what came to be, or that it has begun.
//! Refuses to take the one for the other: a change that has begun is not yet done.

use serde_json::value::RawValue;

use crate::document::Document;
use crate::error::Error;
use crate::fields::Fields;
use crate::link::Link;

/// The names under which servers give the id of what came to be.
pub(crate) const IDS: &[&str] = &[
    "id",
    "execution_id",
    "subscription_id",
    "update_id",
    "list_id",
    "exec_id",
    "lock_id",
    "trigger_id",
];

/// A change that the server has carried out.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// What the server said about it; `None` if it said nothing, as the standard has it.
    pub raw: Option<Box<RawValue>>,
}

impl Acknowledged {
    #[expect(clippy::unnecessary_wraps, reason = "one of the decoders, which may fail")]
    pub(crate) fn decode(document: &Document) -> Result<Self, Error> {
        Ok(Self { raw: document.json().map(ToOwned::to_owned) })
    }
}

/// A resource that the server has made.
#[derive(Debug, Clone)]
pub struct Created {
    /// Unique in its collection.
    pub id: String,
    /// Where it is.
    pub href: Link,
    /// What the server said about it; `null` if nothing.
    pub raw: Box<RawValue>,
}

impl Created {
    /// Its place is the `Location`, else its `href`, else it follows from its id.
    pub(crate) fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.json().unwrap_or(RawValue::NULL);
        let fields = Fields::of_any(raw);
        let given = document.location().cloned().or_else(|| fields.link("href", document.place()));
        let id = fields.text(IDS).or_else(|| given.as_ref()?.decoded_name());
        let id = id.ok_or_else(|| Error::malformed("created, but without id and place"))?;
        let href = given.unwrap_or_else(|| document.place().child(&id));
        Ok(Self { id, href, raw: raw.to_owned() })
    }
}

/// A change that the server has begun.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Where to observe it; `None` if the server did not say.
    pub location: Option<Link>,
    /// What the server said about it; `None` if nothing.
    pub raw: Option<Box<RawValue>>,
}

impl Accepted {
    #[expect(clippy::unnecessary_wraps, reason = "one of the decoders, which may fail")]
    pub(crate) fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.json();
        let fields = raw.map_or_else(Fields::default, Fields::of_any);
        let location =
            document.location().cloned().or_else(|| fields.link("href", document.place()));
        Ok(Self { location, raw: raw.map(ToOwned::to_owned) })
    }
}
