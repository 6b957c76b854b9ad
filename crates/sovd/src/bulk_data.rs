//! Bulk data of an entity: files by category, up and down.
//! Refuses to hold a file in memory: content flows.

use serde_json::value::RawValue;

use crate::call::Call;
use crate::client::Client;
use crate::content::Upload;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::{Error, GenericError};
use crate::fields::Fields;
use crate::link::Link;
use crate::listed::Named;
use crate::receipt::{Acknowledged, Created};

/// What is known of a file without fetching it.
#[derive(Debug, Clone)]
pub struct BulkItem {
    /// Unique in its category.
    pub id: String,
    /// The media type; `None` if the server gave none.
    pub kind: Option<String>,
    /// The name as a file; `None` if the server gave none.
    pub name: Option<String>,
    /// In bytes; `None` if the server did not say.
    pub size: Option<u64>,
    /// RFC 3339; `None` if the server did not say.
    pub created: Option<String>,
    /// RFC 3339; `None` if the server did not say.
    pub last_modified: Option<String>,
    /// Of the content, as the server writes it; `None` if it gave none.
    pub hash: Option<String>,
    /// What the hash was made by; `None` if the server did not say.
    pub hash_algorithm: Option<String>,
    /// Where to fetch it with [`Client::download`], and to delete it.
    pub href: Link,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

/// What became of the deletion of a whole category.
#[derive(Debug, Clone)]
pub struct Deleted {
    /// The ids of what is gone.
    pub ids: Vec<String>,
    /// The ids of what is not, and why.
    pub errors: Vec<(String, GenericError)>,
    /// The whole answer; `null` if it was empty.
    pub raw: Box<RawValue>,
}

impl Client {
    /// The categories that there is bulk data of, e.g. `maps`, `logs`.
    pub fn bulk_categories(&self, entity: &Entity) -> Call<Vec<Named>> {
        let (place, announced) = entity.collection("bulk-data");
        Call::get(self, &place, Named::decode_list).announced(announced)
    }

    /// The files of the category at `category`.
    pub fn bulk_items(&self, category: &Link) -> Call<Vec<BulkItem>> {
        Call::get(self, category, BulkItem::decode_list)
    }

    /// Adds a file to the category at `category`.
    pub fn upload(&self, category: &Link, content: Upload) -> Call<Created> {
        Call::post(self, category, content, Created::decode)
    }

    /// Deletes the file at `href`.
    pub fn delete_bulk_item(&self, href: &Link) -> Call<Acknowledged> {
        Call::delete(self, href, Acknowledged::decode)
    }

    /// Deletes all files of the category at `category`, as far as they can be.
    pub fn delete_bulk_category(&self, category: &Link) -> Call<Deleted> {
        Call::delete(self, category, Deleted::decode)
    }
}

impl Call<Vec<BulkItem>> {
    /// Asks for files that were made before this moment, RFC 3339.
    pub fn created_before(self, moment: &str) -> Self {
        self.query("created-before", moment)
    }

    /// Asks for files that were made after this moment, RFC 3339.
    pub fn created_after(self, moment: &str) -> Self {
        self.query("created-after", moment)
    }
}

impl BulkItem {
    fn decode_list(document: &Document) -> Result<Vec<Self>, Error> {
        document.items("bulk data", |place, raw| {
            let fields = Fields::of(raw, "bulk data")?;
            let id = fields.id(&["id"], "bulk data")?;
            Ok(Self {
                href: fields.href(place, &id),
                id,
                kind: fields.text(&["mimetype", "content_type"]),
                name: fields.text(&["name"]),
                size: fields.number(&["size"]),
                created: fields.text(&["creation_date"]),
                last_modified: fields.text(&["last_modified"]),
                hash: fields.text(&["hash"]),
                hash_algorithm: fields.text(&["hash_algorithm"]),
                raw: raw.to_owned(),
            })
        })
    }
}

impl Deleted {
    #[expect(clippy::unnecessary_wraps, reason = "one of the decoders, which may fail")]
    fn decode(document: &Document) -> Result<Self, Error> {
        let raw = document.json().unwrap_or(RawValue::NULL);
        let fields = Fields::of_any(raw);
        let errors = fields.list(&["errors"]).unwrap_or_default();
        let errors = errors.iter().filter_map(|entry| {
            let entry = Fields::of_any(entry);
            Some((entry.text(&["id"])?, entry.errors().pop()?))
        });
        Ok(Self {
            ids: fields.words(&["deleted_ids"]),
            errors: errors.collect(),
            raw: raw.to_owned(),
        })
    }
}
