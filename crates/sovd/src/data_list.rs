//! Lists of data items that are read together.
//! Refuses to clean up by itself: whoever makes a list deletes it.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::data::{DataItem, Reading};
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::Error;
use crate::fields::Fields;
use crate::link::Link;
use crate::receipt::{Acknowledged, Created};

/// A list of data items that a server keeps for a client.
#[derive(Debug, Clone)]
pub struct DataList {
    /// Unique in its entity.
    pub id: String,
    /// The items that are read together.
    pub items: Vec<DataItem>,
    /// Where to read and delete it.
    pub href: Link,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

/// A value that was read together with others.
#[derive(Debug, Clone)]
pub struct ListedReading {
    /// The data item.
    pub id: String,
    /// Its value, or why there is none.
    pub reading: Reading,
}

impl Client {
    /// The lists that the server keeps of an entity's data.
    pub fn data_lists(&self, entity: &Entity) -> Call<Vec<DataList>> {
        let (place, announced) = entity.collection("data-lists");
        let (data, _) = entity.collection("data");
        Call::get(self, &place, move |document: &Document| {
            document.items("data lists", |place, raw| DataList::decode(place, &data, raw))
        })
        .announced(announced)
    }

    /// Makes a list of these data items.
    ///
    /// The server may drop it when it likes; delete it when done with it. Unknown ids are refused
    /// with 400.
    pub fn create_data_list(&self, entity: &Entity, ids: &[&str]) -> Call<Created> {
        let (place, announced) = entity.collection("data-lists");
        let body = Value::from_iter([("ids", ids)]);
        Call::post(self, &place, body, Created::decode).announced(announced)
    }

    /// Reads all items of the list at `href`.
    ///
    /// What could not be read of an item stands in [`Reading::errors`]; its value then is `null`
    /// unless the server gave one.
    pub fn read_data_list(&self, href: &Link) -> Call<Vec<ListedReading>> {
        Call::get(self, href, |document: &Document| {
            document.items("data list", |_, raw| ListedReading::decode(raw))
        })
    }

    /// Lets the server forget the list at `href`.
    pub fn delete_data_list(&self, href: &Link) -> Call<Acknowledged> {
        Call::delete(self, href, Acknowledged::decode)
    }
}

impl DataList {
    fn decode(place: &Link, data: &Link, raw: &RawValue) -> Result<Self, Error> {
        let fields = Fields::of(raw, "data list")?;
        let id = fields.id(&["id", "list_id"], "data list")?;
        let items = fields.list(&["items"]).unwrap_or_default();
        let items = items.iter().map(|item| DataItem::decode(data, item));
        Ok(Self {
            href: fields.href(place, &id),
            id,
            items: items.collect::<Result<_, _>>()?,
            raw: raw.to_owned(),
        })
    }
}

impl ListedReading {
    fn decode(raw: &RawValue) -> Result<Self, Error> {
        let fields = Fields::of(raw, "data list")?;
        let id = fields.id(&["id"], "data value")?;
        let reading = Reading::of(raw).or_else(|error| {
            let errors = fields.errors();
            if errors.is_empty() { Err(error) } else { Ok(Reading::failed(errors, raw)) }
        })?;
        Ok(Self { id, reading })
    }
}
