//! Identification, live data, settings and system information of an entity.
//!
//! Keeps no lists: those that clients make are data lists.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{At, Query, listed};
use crate::entity::data::Item;
use crate::refusal::{Refusal, invalid_value, unknown};

/// The body that writes a value.
#[derive(Deserialize)]
struct Write {
    data: Value,
}

/// Lists the items, of all categories and groups or those that are asked for.
pub(super) async fn list(at: At, uri: Uri) -> Result<Json<Value>, Refusal> {
    let query = Query::of(&uri)?;
    let items = at.entity.items();
    let asked_for = |item: &&Item<'_>| {
        let category = [item.category()];
        // The standard says `category`; servers in the field read `categories`.
        query.asks_for("category", &category)
            && query.asks_for("categories", &category)
            && query.asks_for("groups", item.group().as_slice())
    };
    Ok(listed(items.iter().filter(asked_for).map(entry)))
}

/// Lists the categories that have items.
pub(super) async fn categories(at: At) -> Json<Value> {
    let items = at.entity.items();
    let categories: BTreeSet<_> = items.iter().map(Item::category).collect();
    listed(categories.into_iter().map(|category| json!({"item": category})))
}

/// Lists the groups that have items, with the category of these.
pub(super) async fn groups(at: At, uri: Uri) -> Result<Json<Value>, Refusal> {
    let query = Query::of(&uri)?;
    let items = at.entity.items();
    let group = |item: &Item<'_>| Some((item.group()?, item.category()));
    let groups: BTreeSet<_> = items.iter().filter_map(group).collect();
    let asked_for = groups.into_iter().filter(|(_, of)| query.asks_for("category", &[of]));
    Ok(listed(asked_for.map(|(id, of)| json!({"id": id, "category": of, "group": id}))))
}

/// Reads one value.
pub(super) async fn read(at: At, Path(id): Path<String>, uri: Uri) -> Result<Json<Value>, Refusal> {
    value(&at, &id, Query::of(&uri)?.flag("include-schema")?).map(Json)
}

/// Writes one value.
pub(super) async fn write(
    at: At,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let write: Write =
        serde_json::from_slice(&body).map_err(|cause| invalid_value(cause.to_string()))?;
    at.memory().written.write(&at.entity.plan, &id, &write.data)?;
    Ok(StatusCode::NO_CONTENT)
}

/// An item as a read gives it.
///
/// # Errors
///
/// [`Refusal::Unknown`].
pub(super) fn value(at: &At, id: &str, with_schema: bool) -> Result<Value, Refusal> {
    let items = at.entity.items();
    let item = items.iter().find(|item| item.id == id).ok_or_else(|| unknown("data item", id))?;
    let data = at.entity.value(item, at.now);
    if with_schema {
        return Ok(json!({"id": id, "data": data, "schema": item.schema()}));
    }
    Ok(json!({"id": id, "data": data}))
}

/// An item as a list shows it.
pub(super) fn entry(item: &Item<'_>) -> Value {
    let mut entry =
        json!({"id": item.id, "name": item.name, "category": item.category(), "did": item.did});
    if let (Some(fields), Some(group)) = (entry.as_object_mut(), item.group()) {
        fields.insert("groups".to_owned(), json!([group]));
    }
    entry
}
