//! The software updates of a vehicle.
//!
//! Carries no packages: the vehicle fetches them elsewhere.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::{Extension, Json};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{BASE, Query, listed, located, parsed};
use crate::refusal::Refusal;
use crate::updates::{Phase, UpdatePlan};
use crate::vehicle::Simulated;

/// The body that registers a package.
#[derive(Deserialize)]
struct Draft {
    id: String,
    update_name: Option<String>,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    automated: bool,
}

type Vehicle = Extension<Arc<Simulated>>;

/// Lists the packages, of all versions and origins or those that are asked for.
pub(super) async fn list(Extension(vehicle): Vehicle, uri: Uri) -> Result<Json<Value>, Refusal> {
    let query = Query::of(&uri)?;
    let updates = vehicle.updates();
    let asked_for = |plan: &&UpdatePlan| {
        query.asks_for("target-version", plan.target_version.as_deref().as_slice())
            && query.asks_for("origin", &[&plan.origin])
    };
    let listed_plans = updates.list(plans(&vehicle)?).filter(asked_for);
    Ok(listed(listed_plans.map(|plan| json!(plan.id))))
}

/// Registers a package.
pub(super) async fn register(
    Extension(vehicle): Vehicle,
    body: Bytes,
) -> Result<Response, Refusal> {
    let Draft { id, update_name, size, automated } = parsed(&body)?;
    let plan = UpdatePlan {
        name: update_name.unwrap_or_else(|| id.clone()),
        id: id.clone(),
        size_kb: size,
        is_automated: automated,
        origin: "remote".to_owned(),
        target_version: None,
        notes: None,
        components: Vec::new(),
    };
    vehicle.updates().register(plans(&vehicle)?, plan)?;
    Ok(located(StatusCode::CREATED, href(&id), json!({"id": id})))
}

/// Shows a package.
pub(super) async fn show(
    Extension(vehicle): Vehicle,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let updates = vehicle.updates();
    Ok(Json(shown(updates.get(plans(&vehicle)?, &id)?)))
}

/// Takes a package away.
pub(super) async fn delete(
    Extension(vehicle): Vehicle,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    vehicle.updates().delete(plans(&vehicle)?, &id, vehicle.clock.now())?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins a phase.
pub(super) async fn begin(
    Extension(vehicle): Vehicle,
    Path((id, phase)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let phase = match phase.as_str() {
        "prepare" => Phase::Prepare,
        "execute" => Phase::Execute,
        "automated" => Phase::Automated,
        _ => return Err(Refusal::NoSuchPath),
    };
    vehicle.updates().begin(plans(&vehicle)?, &id, phase, vehicle.clock.now())?;
    let location = format!("{}/status", href(&id));
    Ok(located(StatusCode::ACCEPTED, location, json!({"id": id})))
}

/// Tells where a package stands.
pub(super) async fn status(
    Extension(vehicle): Vehicle,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    vehicle.updates().status(plans(&vehicle)?, &id, vehicle.clock.now()).map(Json)
}

fn plans(vehicle: &Simulated) -> Result<&[UpdatePlan], Refusal> {
    vehicle.update_plans().ok_or(Refusal::NoSuchPath)
}

fn href(id: &str) -> String {
    format!("{BASE}/updates/{id}")
}

fn shown(plan: &UpdatePlan) -> Value {
    let components: Vec<String> =
        plan.components.iter().map(|path| format!("{BASE}/{path}")).collect();
    let mut body = Map::from_iter([
        ("update_name".to_owned(), json!(plan.name)),
        ("size".to_owned(), json!(plan.size_kb)),
        ("automated".to_owned(), json!(plan.is_automated)),
        ("origin".to_owned(), json!(plan.origin)),
        ("updated_components".to_owned(), json!(components)),
    ]);
    body.extend(plan.notes.as_ref().map(|notes| ("notes".to_owned(), json!(notes))));
    Value::Object(body)
}
