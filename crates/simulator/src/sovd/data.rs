//! Identification, live data and settings of a control unit.
//!
//! Data groups and data lists are not offered.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Query;
use crate::ecu::{Item, Source, unknown};
use crate::refusal::Refusal;
use crate::unit::Unit;
use crate::vehicle::Simulated;

/// The body that writes a value.
#[derive(Deserialize)]
struct Write {
    data: Value,
}

/// Lists the items, of all categories or those that are asked for.
pub(super) async fn list(
    State(vehicle): State<Arc<Simulated>>,
    Path(ecu): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    let ecu = vehicle.ecu(&ecu)?;
    let query = Query::of(&uri)?;
    // The standard says `category`; servers in the field read `categories`.
    let wanted: Vec<&str> = query.all("category").chain(query.all("categories")).collect();
    let mut items = ecu.items();
    items.retain(|item| wanted.is_empty() || wanted.contains(&item.category()));
    Ok(Json(json!({"items": items.iter().map(entry).collect::<Vec<_>>()})))
}

/// Lists the categories that have items.
pub(super) async fn categories(
    State(vehicle): State<Arc<Simulated>>,
    Path(ecu): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let items = vehicle.ecu(&ecu)?.items();
    let categories: BTreeSet<_> = items.iter().map(Item::category).collect();
    let entry = |category| json!({"item": category});
    Ok(Json(json!({"items": categories.into_iter().map(entry).collect::<Vec<_>>()})))
}

/// Reads one value.
pub(super) async fn read(
    State(vehicle): State<Arc<Simulated>>,
    Path((ecu, id)): Path<(String, String)>,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    let ecu = vehicle.ecu(&ecu)?;
    let with_schema = Query::of(&uri)?.flag("include-schema")?;
    let items = ecu.items();
    let item = items.iter().find(|item| item.id == id).ok_or_else(|| unknown("data item", &id))?;
    let data = ecu.value(item, vehicle.elapsed());
    if with_schema {
        return Ok(Json(json!({"id": id, "data": data, "schema": schema(item)})));
    }
    Ok(Json(json!({"id": id, "data": data})))
}

/// Writes one value.
pub(super) async fn write(
    State(vehicle): State<Arc<Simulated>>,
    Path((ecu, id)): Path<(String, String)>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let ecu = vehicle.ecu(&ecu)?;
    let write: Write =
        serde_json::from_slice(&body).map_err(|cause| Refusal::InvalidValue(cause.to_string()))?;
    ecu.write(&id, &write.data)?;
    Ok(StatusCode::NO_CONTENT)
}

fn entry(item: &Item<'_>) -> Value {
    json!({"id": item.id, "name": item.name, "category": item.category(), "did": item.did})
}

/// Describes what stands under `data`.
fn schema(item: &Item<'_>) -> Value {
    let unit = item.unit().map(Unit::described);
    match item.source {
        Source::Identification(_) => json!({"type": "string"}),
        Source::Live(_) => json!({"type": "number", "x-sovd-unit": unit}),
        Source::Setting(setting) => {
            let (low, high) = (setting.low, setting.high);
            json!({"type": "number", "minimum": low, "maximum": high, "x-sovd-unit": unit})
        }
    }
}
