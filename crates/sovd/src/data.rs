//! Data items of an entity: what there is, reading and writing them.
//! Refuses to interpret a value: it is handed on as the vehicle wrote it.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::content::Upload;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::{Error, GenericError};
use crate::fields::Fields;
use crate::link::Link;
use crate::receipt::Acknowledged;

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
    /// The groups it belongs to.
    pub groups: Vec<String>,
    /// The server's own keywords.
    pub tags: Vec<String>,
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
    /// The description of the value; `None` unless it was asked for and is known.
    pub schema: Option<Box<RawValue>>,
    /// The whole answer.
    pub raw: Box<RawValue>,
}

/// A category that an entity's data items fall into.
#[derive(Debug, Clone)]
pub struct DataCategory {
    /// E.g. `identData`, `currentData`, `storedData`, `sysInfo`, or `x-…` of the maker.
    pub name: String,
    /// The key of its translation; `None` if the server gave none.
    pub translation_id: Option<String>,
}

/// A group that an entity's data items are put into.
#[derive(Debug, Clone)]
pub struct DataGroup {
    /// Unique in its entity.
    pub id: String,
    /// The category that it is part of; `None` if the server gave none.
    pub category: Option<String>,
    /// For people; `None` if the server gave none.
    pub name: Option<String>,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

impl Client {
    /// The data items of an entity; narrow it with [`Call::categories`], [`Call::group`],
    /// [`Call::tag`].
    pub fn data_items(&self, entity: &Entity) -> Call<Vec<DataItem>> {
        let (place, announced) = entity.collection("data");
        Call::get(self, &place, DataItem::decode_list).announced(announced)
    }

    /// The categories that there is data of.
    pub fn data_categories(&self, entity: &Entity) -> Call<Vec<DataCategory>> {
        let (place, announced) = beside_data(entity, "data-categories");
        Call::get(self, &place, DataCategory::decode_list).announced(announced)
    }

    /// The groups that data is put into.
    pub fn data_groups(&self, entity: &Entity) -> Call<Vec<DataGroup>> {
        let (place, announced) = beside_data(entity, "data-groups");
        Call::get(self, &place, DataGroup::decode_list).announced(announced)
    }

    /// Reads the item at `href`; [`Call::with_schema`] adds the unit where the server knows one.
    pub fn read(&self, href: &Link) -> Call<Reading> {
        Call::get(self, href, Reading::decode)
    }

    /// Writes the item at `href`, wrapped as [`Reading::envelope`] of an earlier reading says.
    ///
    /// What is wrong with the value stands in [`GenericError::path`] of the refusal. A refusal for
    /// want of a lock is told by [`Error::lock_trouble`].
    pub fn write(&self, href: &Link, value: Value, envelope: Envelope) -> Call<Acknowledged> {
        let body = Value::from_iter([(envelope.name(), value)]);
        Call::put(self, href, body, Acknowledged::decode)
    }

    /// The same with a signature over the value, for servers that check one.
    pub fn write_signed(
        &self,
        href: &Link,
        value: Value,
        envelope: Envelope,
        signature: &str,
    ) -> Call<Acknowledged> {
        self.write(href, value, envelope).with("signature", signature)
    }

    /// Writes the item at `href` as bytes, for servers that take a value undecoded.
    pub fn write_content(&self, href: &Link, content: Upload) -> Call<Acknowledged> {
        Call::put(self, href, content, Acknowledged::decode)
    }
}

impl Call<Vec<DataItem>> {
    /// Asks for the items of any of these categories.
    ///
    /// Items that name another one are left out also if the server gives all of them: it may know
    /// the parameter by another name.
    pub fn categories(self, categories: &[&str]) -> Self {
        let wanted: Vec<String> = categories.iter().map(ToString::to_string).collect();
        let call = categories.iter().fold(self, |call, category| call.query("category", category));
        call.read_as(move |document, decode| {
            let mut items = decode(document)?;
            items.retain(|item: &DataItem| {
                item.category.as_ref().is_none_or(|category| wanted.contains(category))
            });
            Ok(items)
        })
    }

    /// Asks for the items of this group; several groups mean any of them.
    pub fn group(self, group: &str) -> Self {
        self.query("groups", group)
    }
}

/// Neither is announced by itself: data that is announced has them beside it.
fn beside_data(entity: &Entity, name: &str) -> (Link, bool) {
    match entity.collection(name) {
        (_, false) => (entity.collection("data").0.parent().child(name), false),
        announced => announced,
    }
}

impl DataCategory {
    fn decode_list(document: &Document) -> Result<Vec<Self>, Error> {
        document.items("data categories", |_, raw| {
            let fields = Fields::of_any(raw);
            let name = serde_json::from_str(raw.get()).ok();
            let name = name.or_else(|| fields.text(&["item", "id", "category"]));
            Ok(Self {
                name: name.ok_or_else(|| Error::malformed("data category without name"))?,
                translation_id: fields.text(&["category_translation_id", "translation_id"]),
            })
        })
    }
}

impl DataGroup {
    fn decode_list(document: &Document) -> Result<Vec<Self>, Error> {
        document.items("data groups", |_, raw| {
            let fields = Fields::of(raw, "data group")?;
            Ok(Self {
                id: fields.id(&["id"], "data group")?,
                category: fields.text(&["category"]),
                name: fields.text(&["group", "name"]),
                raw: raw.to_owned(),
            })
        })
    }
}

impl DataItem {
    fn decode_list(document: &Document) -> Result<Vec<Self>, Error> {
        document.items("data", Self::decode)
    }

    /// An entry of the collection at `place`.
    pub(crate) fn decode(place: &Link, raw: &RawValue) -> Result<Self, Error> {
        let fields = Fields::of(raw, "data item")?;
        let id = fields.id(&["id"], "data item")?;
        Ok(Self {
            href: fields.href(place, &id),
            id,
            name: fields.text(&["name"]),
            category: fields.text(&["category"]),
            groups: fields.words(&["groups"]),
            tags: fields.words(&["tags"]),
            did: fields.code("did").and_then(|did| did.try_into().ok()),
            raw: raw.to_owned(),
        })
    }
}

impl Reading {
    pub(crate) fn decode(document: &Document) -> Result<Self, Error> {
        Self::of(document.required("data value")?)
    }

    pub(crate) fn of(raw: &RawValue) -> Result<Self, Error> {
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
            errors: fields.errors(),
            schema: fields.owned("schema"),
            raw: raw.to_owned(),
        })
    }
}

impl Reading {
    /// Of an item whose value could not be read.
    pub(crate) fn failed(errors: Vec<GenericError>, raw: &RawValue) -> Self {
        Self {
            value: RawValue::NULL.to_owned(),
            envelope: Envelope::Data,
            bytes: None,
            unit: None,
            errors,
            schema: None,
            raw: raw.to_owned(),
        }
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
