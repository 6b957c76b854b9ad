//! Recordings of what passes on the vehicle's networks.
//! Refuses to know what is recorded how: that is between the maker and the server.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::Error;
use crate::fields::Fields;
use crate::link::Link;
use crate::receipt::{Acknowledged, IDS};

/// A recording that a server keeps.
#[derive(Debug, Clone)]
pub struct CommunicationLog {
    /// Unique in its entity; `None` if the server gave none.
    pub id: Option<String>,
    /// Whether it is recording; `None` if the server did not say.
    pub active: Option<bool>,
    /// Where it is recorded, fetched with [`Client::download`]; `None` if the server did not say.
    pub log: Option<Link>,
    /// Where to switch and delete it.
    pub href: Link,
    /// The whole entry; `null` if the server said nothing.
    pub raw: Box<RawValue>,
}

impl Client {
    /// The recordings of an entity.
    pub fn communication_logs(&self, entity: &Entity) -> Call<Vec<CommunicationLog>> {
        let (place, announced) = entity.collection("communication-logs");
        Call::get(self, &place, |document: &Document| {
            document.items("communication logs", |place, raw| {
                let fields = Fields::of_any(raw);
                let id = fields.id(IDS, "communication log")?;
                Ok(CommunicationLog::of(&fields, fields.href(place, &id), raw))
            })
        })
        .announced(announced)
    }

    /// Sets up a recording as `configuration` says, in the maker's terms.
    pub fn create_communication_log(
        &self,
        entity: &Entity,
        configuration: Value,
    ) -> Call<CommunicationLog> {
        let (place, announced) = entity.collection("communication-logs");
        Call::post(self, &place, configuration, CommunicationLog::created).announced(announced)
    }

    /// The recording at `href`.
    pub fn communication_log(&self, href: &Link) -> Call<CommunicationLog> {
        Call::get(self, href, |document: &Document| {
            let raw = document.required("communication log")?;
            Ok(CommunicationLog::of(&Fields::of_any(raw), document.place().clone(), raw))
        })
    }

    /// Starts or pauses the recording at `href`. Refused with 409 if it is as wanted already.
    pub fn record(&self, href: &Link, active: bool) -> Call<Acknowledged> {
        let action = if active { "activate" } else { "deactivate" };
        Call::put(self, href, Value::from_iter([("action", action)]), Acknowledged::decode)
    }

    /// Ends the recording at `href`, with or without what was recorded.
    pub fn delete_communication_log(&self, href: &Link, with_content: bool) -> Call<Acknowledged> {
        let call = Call::delete(self, href, Acknowledged::decode);
        call.query("delete_log", if with_content { "true" } else { "false" })
    }
}

impl CommunicationLog {
    fn created(document: &Document) -> Result<Self, Error> {
        let raw = document.json().unwrap_or(RawValue::NULL);
        let fields = Fields::of_any(raw);
        let named = || fields.text(IDS).map(|id| fields.href(document.place(), &id));
        let href = document.location().cloned().or_else(named);
        let href = href.ok_or_else(|| Error::malformed("a recording, but nowhere to be found"))?;
        Ok(Self::of(&fields, href, raw))
    }

    fn of(fields: &Fields, href: Link, raw: &RawValue) -> Self {
        Self {
            id: fields.text(IDS).or_else(|| href.decoded_name()),
            active: fields.text(&["status"]).map(|word| word.eq_ignore_ascii_case("active")),
            log: fields.link("log", &href),
            href,
            raw: raw.to_owned(),
        }
    }
}
