//! Data lists: items that clients put together to read them at once.
//!
//! Offers no permanent ones.

use axum::Json;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::data::{entry, value};
use super::{At, Query, listed, located, parsed};
use crate::entity::data::Item;
use crate::entity::lists::DataList;
use crate::refusal::Refusal;

/// Items of one list.
const MAX_ITEMS: usize = 64;

/// The body that makes a list.
#[derive(Deserialize)]
struct Draft {
    ids: Vec<String>,
}

/// Lists the lists, with what is in them.
pub(super) async fn list(at: At) -> Json<Value> {
    let items = at.entity.items();
    let shown = |id: &String| items.iter().find(|item: &&Item<'_>| item.id == id).map(entry);
    let memory = at.memory();
    let lists = memory.lists.iter().map(|(id, DataList(ids))| {
        json!({"id": id, "items": ids.iter().filter_map(shown).collect::<Vec<_>>()})
    });
    listed(lists)
}

/// Makes a list.
pub(super) async fn create(at: At, body: Bytes) -> Result<Response, Refusal> {
    let Draft { ids } = parsed(&body)?;
    let items = at.entity.items();
    if let Some(unknown) = ids.iter().find(|id| !items.iter().any(|item| item.id == **id)) {
        return Err(Refusal::InvalidParameters(format!("there is no data item `{unknown}`")));
    }
    if !(1..=MAX_ITEMS).contains(&ids.len()) {
        return Err(Refusal::InvalidParameters(format!("from 1 to {MAX_ITEMS} ids, please")));
    }
    let id = at.memory().lists.push(DataList(ids));
    let location = at.href(&format!("data-lists/{id}"));
    Ok(located(StatusCode::CREATED, location, json!({"id": id})))
}

/// Reads all values of a list.
pub(super) async fn read(at: At, Path(id): Path<String>, uri: Uri) -> Result<Json<Value>, Refusal> {
    values(&at, &id, Query::of(&uri)?.flag("include-schema")?).map(Json)
}

/// Takes a list away.
pub(super) async fn delete(at: At, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    at.memory().lists.take(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A list as a read gives it.
///
/// # Errors
///
/// [`Refusal::Unknown`].
pub(super) fn values(at: &At, id: &str, with_schema: bool) -> Result<Value, Refusal> {
    let ids = at.memory().lists.get(id)?.0.clone();
    let values = ids.iter().map(|id| value(at, id, with_schema));
    Ok(json!({"items": values.collect::<Result<Vec<_>, _>>()?}))
}
