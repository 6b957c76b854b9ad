//! Data items of an entity: what there is, reading and writing them.
//! Refuses to interpret a value: it is handed on as the vehicle wrote it.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::{Acknowledged, Call};
use crate::client::Client;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::{Error, GenericError};
use crate::fields::Fields;
use crate::link::Link;

/// Where in a schema the unit is written.
const UNIT: &str = "x-sovd-unit";

/// A data item as its collection lists it.
#[derive(Debug, Clone)]
pub struct DataItem {
    /// Unique in its entity.
    pub id: String,
    /// For people; `None` if the server gave none.
    pub name: Option<String>,
    /// E.g. `identData`, `currentData`; `None` if the server gave none.
    pub category: Option<String>,
    /// The UDS data identifier, e.g. 0xF190; `None` if the server does not list it.
    pub did: Option<u16>,
    /// Where to read it.
    pub href: Link,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

/// Under which name a server wraps a value, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Envelope {
    /// `{"data": …}`, as the standard says.
    Data,
    /// `{"value": …}`.
    Value,
}

impl Envelope {
    fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Value => "value",
        }
    }
}

/// A value that was read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The value as the vehicle wrote it.
    pub value: Box<RawValue>,
    /// How this server wraps values: a write to it should do the same.
    pub envelope: Envelope,
    /// The undecoded bytes in hexadecimal; `None` if the server did not give them.
    pub bytes: Option<String>,
    /// The unit; `None` if there is none, or several, or the schema was not asked for.
    pub unit: Option<String>,
    /// What could not be read of it.
    pub errors: Vec<GenericError>,
    /// The whole answer.
    pub raw: Box<RawValue>,
}

impl Client {
    /// The data items of an entity.
    pub fn data_items(&self, entity: &Entity) -> Call<Vec<DataItem>> {
        let (place, announced) = entity.collection("data");
        Call::get(self, &place, DataItem::decode_list).announced(announced)
    }

    /// Reads the item at `href`; [`Call::with_schema`] adds the unit where the server knows one.
    pub fn read(&self, href: &Link) -> Call<Reading> {
        Call::get(self, href, Reading::decode)
    }

    /// Writes the item at `href`, wrapped as [`Reading::envelope`] of an earlier reading says.
    pub fn write(&self, href: &Link, value: Value, envelope: Envelope) -> Call<Acknowledged> {
        let body = Value::from_iter([(envelope.name(), value)]);
        Call::put(self, href, body, Acknowledged::decode)
    }
}

impl DataItem {
    fn decode_list(document: &Document) -> Result<Vec<Self>, Error> {
        document.items("data", |place, raw| {
            let fields = Fields::of(raw, "data item")?;
            let id =
                fields.text(&["id"]).ok_or_else(|| Error::malformed("data item without id"))?;
            let href = fields.text(&["href"]).and_then(|href| place.resolve(&href));
            Ok(Self {
                href: href.unwrap_or_else(|| place.child(&id)),
                id,
                name: fields.text(&["name"]),
                category: fields.text(&["category"]),
                did: fields.code("did").and_then(|did| did.try_into().ok()),
                raw: raw.to_owned(),
            })
        })
    }
}

impl Reading {
    fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.required("data value")?;
        let fields = Fields::of(raw, "data value")?;
        let (value, envelope) = [Envelope::Data, Envelope::Value]
            .into_iter()
            .find_map(|envelope| Some((fields.raw(envelope.name())?, envelope)))
            .ok_or_else(|| Error::malformed("data value: neither data nor value"))?;
        Ok(Self {
            value: value.to_owned(),
            envelope,
            bytes: fields.text(&["raw"]),
            unit: fields.text(&["unit"]).or_else(|| unit(&fields.value(&["schema"])?)),
            errors: fields.value(&["errors"]).as_ref().map_or_else(Vec::new, GenericError::listed),
            raw: raw.to_owned(),
        })
    }
}

/// The unit that the schema names, if it names just one.
fn unit(schema: &Value) -> Option<String> {
    let mut names = Vec::new();
    collect_units(schema, &mut names);
    names.dedup();
    names.pop().filter(|_| names.is_empty())
}

/// Recursion ends with the nesting of the document, which is limited.
fn collect_units(schema: &Value, names: &mut Vec<String>) {
    let named = schema.pointer(&format!("/{UNIT}/display_name")).and_then(Value::as_str);
    names.extend(named.map(ToOwned::to_owned));
    match schema {
        Value::Object(members) => members.values().for_each(|member| collect_units(member, names)),
        Value::Array(members) => members.iter().for_each(|member| collect_units(member, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
