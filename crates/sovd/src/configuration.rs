//! Configurations of an entity: parameters as JSON, or whole sets as bytes.
//! Refuses to interpret either.

use reqwest::header::HeaderValue;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::content::Upload;
use crate::data::{Envelope, Reading};
use crate::discovery::Entity;
use crate::document::Document;
use crate::download::Download;
use crate::error::Error;
use crate::fields::Fields;
use crate::link::Link;
use crate::receipt::Acknowledged;

/// A configuration as its collection lists it.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// Unique in its entity.
    pub id: String,
    /// For people; `None` if the server gave none.
    pub name: Option<String>,
    /// Whether it comes as bytes; `None` if the server did not say.
    pub is_bulk: Option<bool>,
    /// `None` if the server gave none.
    pub version: Option<String>,
    /// The media type of one that comes as bytes; `None` if the server gave none.
    pub content_type: Option<String>,
    /// Where to read and write it.
    pub href: Link,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

impl Client {
    /// The configurations of an entity.
    pub fn configurations(&self, entity: &Entity) -> Call<Vec<Configuration>> {
        let (place, announced) = entity.collection("configurations");
        Call::get(self, &place, Configuration::decode_list).announced(announced)
    }

    /// Reads the configuration at `href` as JSON. One that there is only as bytes is refused with
    /// 406.
    pub fn configuration(&self, href: &Link) -> Call<Reading> {
        Call::get(self, href, Reading::decode)
    }

    /// Reads the configuration at `href` as bytes of the media type `accept`.
    pub fn configuration_content(&self, href: &Link, accept: HeaderValue) -> Download {
        self.content(href, accept)
    }

    /// Writes the configuration at `href` as JSON, with a signature over it where the server checks
    /// one.
    pub fn write_configuration(
        &self,
        href: &Link,
        value: Value,
        signature: Option<&str>,
    ) -> Call<Acknowledged> {
        match signature {
            Some(signature) => self.write_signed(href, value, Envelope::Data, signature),
            None => self.write(href, value, Envelope::Data),
        }
    }

    /// Writes the configuration at `href` as bytes.
    pub fn write_configuration_content(&self, href: &Link, content: Upload) -> Call<Acknowledged> {
        self.write_content(href, content)
    }
}

impl Configuration {
    fn decode_list(document: &Document) -> Result<Vec<Self>, Error> {
        document.items("configurations", |place, raw| {
            let fields = Fields::of(raw, "configuration")?;
            let id = fields.id(&["id"], "configuration")?;
            let kind = fields.text(&["type"]);
            Ok(Self {
                href: fields.href(place, &id),
                id,
                name: fields.text(&["name"]),
                is_bulk: kind.map(|kind| kind.eq_ignore_ascii_case("bulk")),
                version: fields.text(&["version"]),
                content_type: fields.text(&["content_type"]),
                raw: raw.to_owned(),
            })
        })
    }
}
