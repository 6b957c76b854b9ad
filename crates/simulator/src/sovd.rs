//! The SOVD 1.1 server of one vehicle: discovery, and the table of all routes.
//!
//! Offers components only; collections that a vehicle lacks have no link and no route.

mod data;
mod faults;
mod operations;

use std::sync::Arc;

use axum::extract::{FromRef, Path, State};
use axum::http::Uri;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use crate::behaviour::Stage;
use crate::ecu::Ecu;
use crate::refusal::Refusal;
use crate::vehicle::Simulated;

/// Where the resources begin; `version-info` lies outside.
pub(crate) const BASE: &str = "/sovd/v1";

impl FromRef<Stage> for Arc<Simulated> {
    fn from_ref(stage: &Stage) -> Self {
        Self::clone(&stage.vehicle)
    }
}

/// Every route of a vehicle.
pub(crate) fn routes(stage: Stage) -> Router {
    let ecu = Router::new()
        .route("/", get(component))
        .route("/data", get(data::list))
        .route("/data-categories", get(data::categories))
        .route("/data/{item}", get(data::read).put(data::write))
        .route("/faults", get(faults::list).delete(faults::clear_all))
        .route("/faults/{code}", get(faults::show).delete(faults::clear))
        .route("/operations", get(operations::list))
        .route("/operations/{operation}", get(operations::show))
        .route(
            "/operations/{operation}/executions",
            get(operations::executions).post(operations::start),
        )
        .route(
            "/operations/{operation}/executions/{execution}",
            put(operations::control).get(operations::poll).delete(operations::forget),
        );
    Router::new()
        .route("/sovd/version-info", get(version_info))
        .route(BASE, get(server))
        .route("/sovd/v1/components", get(components))
        .nest("/sovd/v1/components/{ecu}", ecu)
        .fallback(async || Refusal::NoSuchPath)
        .method_not_allowed_fallback(async || Refusal::NoSuchMethod)
        .with_state(stage)
}

async fn version_info() -> Json<Value> {
    let vendor = json!({"name": "fleetwire-simulator", "version": env!("CARGO_PKG_VERSION")});
    Json(json!({"sovd_info": [{"version": "1.1", "base_uri": BASE, "vendor_info": vendor}]}))
}

async fn server(State(vehicle): State<Arc<Simulated>>) -> Json<Value> {
    let plan = &vehicle.plan;
    let name = format!("{} {} ({})", plan.make, plan.model, plan.year);
    Json(json!({"id": plan.vin, "name": name, "components": format!("{BASE}/components")}))
}

async fn components(State(vehicle): State<Arc<Simulated>>) -> Json<Value> {
    let entry = |ecu: &Ecu| json!({"id": ecu.plan.id, "name": ecu.plan.name, "href": href(ecu)});
    Json(json!({"items": vehicle.ecus().iter().map(entry).collect::<Vec<_>>()}))
}

/// A link is there if, and only if, the control unit has the collection.
async fn component(
    State(vehicle): State<Arc<Simulated>>,
    Path(ecu): Path<String>,
) -> Result<Json<Map<String, Value>>, Refusal> {
    let ecu = vehicle.ecu(&ecu)?;
    let mut body = Map::from_iter([
        ("id".to_owned(), json!(ecu.plan.id)),
        ("name".to_owned(), json!(ecu.plan.name)),
        ("variant".to_owned(), variant(ecu)),
    ]);
    for collection in collections(ecu) {
        body.insert((*collection).to_owned(), format!("{}/{collection}", href(ecu)).into());
    }
    Ok(Json(body))
}

fn variant(ecu: &Ecu) -> Value {
    json!({
        "name": ecu.plan.variant,
        "is_base_variant": false,
        "state": "Online",
        "logical_address": format!("0x{:02X}", ecu.plan.logical_address),
    })
}

fn collections(ecu: &Ecu) -> &'static [&'static str] {
    if ecu.plan.operations.is_empty() {
        &["data", "faults"]
    } else {
        &["data", "faults", "operations"]
    }
}

fn href(ecu: &Ecu) -> String {
    format!("{BASE}/components/{}", ecu.plan.id)
}

/// The pairs of a query, in order, repeated names included.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(uri: &Uri) -> Result<Self, Refusal> {
        let pairs = axum::extract::Query::try_from_uri(uri);
        pairs.map(|pairs| Self(pairs.0)).map_err(|cause| Refusal::InvalidQuery(cause.body_text()))
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// A switch that is off unless it says `true`.
    fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.first(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Refusal::InvalidQuery(format!("`{name}` is `true` or `false`"))),
        }
    }
}
