//! Discovery: version, collections of entities, capabilities, relations.
//!
//! A link is there if, and only if, something is behind it.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::Uri;
use axum::{Extension, Json};
use serde_json::{Map, Value, json};

use super::at::{At, href};
use super::query::Query;
use super::{BASE, listed};
use crate::entity::{Collection, Entity};
use crate::refusal::{Refusal, unknown};
use crate::vehicle::Simulated;

/// What the server speaks, and where.
pub(super) async fn version_info() -> Json<Value> {
    let vendor = json!({"name": "fleetwire-simulator", "version": env!("CARGO_PKG_VERSION")});
    Json(json!({"sovd_info": [{"version": "1.1", "base_uri": BASE, "vendor_info": vendor}]}))
}

/// The capabilities of the server itself.
pub(super) async fn server(Extension(vehicle): Extension<Arc<Simulated>>) -> Json<Value> {
    let plan = &vehicle.plan;
    let name = format!("{} {} ({})", plan.make, plan.model, plan.year);
    let mut body =
        Map::from_iter([("id".to_owned(), json!(plan.vin)), ("name".to_owned(), json!(name))]);
    let existing = Collection::ALL.into_iter().filter(|of| vehicle.entities(*of).next().is_some());
    let updates = vehicle.update_plans().map(|_| "updates");
    for collection in existing.map(Collection::name).chain(updates).chain(["locks"]) {
        body.insert(collection.to_owned(), format!("{BASE}/{collection}").into());
    }
    Json(Value::Object(body))
}

/// Lists the entities of a collection, of all tags or those that are asked for.
pub(super) async fn list(
    Extension(vehicle): Extension<Arc<Simulated>>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    let query = Query::of(&uri)?;
    let named = Collection::ALL.into_iter().find(|collection| collection.name() == name);
    let mut entities = vehicle.entities(named.ok_or(Refusal::NoSuchPath)?).peekable();
    entities.peek().ok_or(Refusal::NoSuchPath)?;
    Ok(listed(entities.filter(|entity| is_tagged(entity, &query)).map(entry)))
}

/// Answers for entities that there are not.
pub(super) async fn unknown_entity(Path((name, rest)): Path<(String, String)>) -> Refusal {
    let named = Collection::ALL.into_iter().find(|collection| collection.name() == name);
    let id = rest.split('/').next().unwrap_or_default();
    named.map_or(Refusal::NoSuchPath, |collection| unknown(collection.singular(), id))
}

/// The capabilities of an entity.
pub(super) async fn show(at: At) -> Json<Value> {
    let entity = &at.entity;
    let mut body = Map::from_iter([
        ("id".to_owned(), json!(entity.plan.id)),
        ("name".to_owned(), json!(entity.plan.name)),
    ]);
    body.extend(variant(&at).map(|variant| ("variant".to_owned(), variant)));
    if !entity.plan.tags.is_empty() {
        body.insert("tags".to_owned(), json!(entity.plan.tags));
    }
    let relations = relations(entity.collection).iter().copied();
    let related = relations.filter(|relation| !relatives(&at, relation).is_empty());
    for name in entity.plan.collections().into_iter().chain(related) {
        body.insert(name.to_owned(), at.href(name).into());
    }
    Json(Value::Object(body))
}

/// Lists the entities to which one has a relation.
pub(super) async fn related(
    at: At,
    Path(relation): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    let query = Query::of(&uri)?;
    if !relations(at.entity.collection).contains(&relation.as_str()) {
        return Err(Refusal::NoSuchPath);
    }
    let relatives = relatives(&at, &relation);
    if relatives.is_empty() {
        return Err(Refusal::NoSuchPath);
    }
    Ok(listed(relatives.into_iter().filter(|entity| is_tagged(entity, &query)).map(entry)))
}

fn entry(entity: &Entity) -> Value {
    let mut entry = json!({"id": entity.plan.id, "name": entity.plan.name, "href": href(entity)});
    if let Some(fields) = entry.as_object_mut().filter(|_| !entity.plan.tags.is_empty()) {
        fields.insert("tags".to_owned(), json!(entity.plan.tags));
    }
    entry
}

fn is_tagged(entity: &Entity, query: &Query) -> bool {
    let tags: Vec<&str> = entity.plan.tags.iter().map(String::as_str).collect();
    query.asks_for("tags", &tags)
}

fn variant(at: &At) -> Option<Value> {
    let plan = &at.entity.plan;
    let is_up = at.memory().power.is_up(at.now);
    Some(json!({
        "name": plan.variant.as_ref()?,
        "is_base_variant": false,
        "state": if is_up { "Online" } else { "Offline" },
        "logical_address": format!("0x{:02X}", plan.logical_address?),
    }))
}

fn relations(of: Collection) -> &'static [&'static str] {
    match of {
        Collection::Areas => &["subareas", "contains"],
        Collection::Components => &["subcomponents", "hosts", "belongs-to", "depends-on"],
        Collection::Apps => &["is-located-on", "belongs-to", "depends-on"],
        Collection::Functions => &["depends-on"],
    }
}

fn relatives<'a>(at: &'a At, relation: &str) -> Vec<&'a Entity> {
    let (vehicle, entity) = (&at.vehicle, &at.entity);
    let plan = &entity.plan;
    let among = |paths: &'a [String]| vehicle.those(|other| paths.contains(&other.path)).collect();
    match relation {
        "subareas" | "subcomponents" => vehicle.parts(entity).collect(),
        "contains" => among(&plan.contains),
        "depends-on" => among(&plan.depends_on),
        "is-located-on" => among(plan.located_on.as_slice()),
        "hosts" => {
            let path = Some(entity.path.as_str());
            vehicle.those(|app| app.plan.located_on.as_deref() == path).collect()
        }
        "belongs-to" => vehicle.those(|area| area.plan.contains.contains(&entity.path)).collect(),
        _ => Vec::new(),
    }
}
