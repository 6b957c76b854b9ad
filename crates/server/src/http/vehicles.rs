//! Vehicles over HTTP: the registry, and what is known of their connections.
//!
//! Refuses to show a whole VIN to those who only watch, and the address of a vehicle to anybody who
//! does not administer it.

use super::App;
use super::caller::Caller;
use super::credentials;
use super::json::Json;
use super::page;
use super::problem::{Problem, ProblemBody};
use super::query::Query;
use crate::auth::Session;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::IntoResponse;
use model::Timestamp;
use model::id::{FleetId, VehicleId};
use model::user::Action;
use model::vehicle::{ConnectionStatus, Vehicle};
use model::vin::{CheckDigit, Vin};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::VehicleFilter;

/// A vehicle.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Vehicle)]
pub(super) struct View {
    #[schema(value_type = uuid::Uuid)]
    vehicle_id: VehicleId,
    /// With its middle hidden for those who only watch.
    vin: String,
    make: String,
    model: String,
    year: Option<i32>,
    /// connected, disconnected or error.
    #[schema(value_type = String)]
    connection_status: ConnectionStatus,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_seen_at: Option<Timestamp>,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    #[schema(value_type = uuid::Uuid)]
    fleet_id: FleetId,
    /// How it is reached: sovd or external.
    connector: &'static str,
    /// For admins only.
    #[serde(skip_serializing_if = "Option::is_none")]
    sovd_url: Option<String>,
    /// Whether a token is kept for its SOVD server; for admins only.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_sovd_token: Option<bool>,
    /// Whether its SOVD server is believed by authorities of its own; for admins only.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_sovd_ca: Option<bool>,
    /// Whether its SOVD server is shown a certificate of ours; for admins only.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_sovd_identity: Option<bool>,
    /// What looks wrong and is not refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'static str>,
}

/// A VIN as somebody is shown it: those who only watch see its ends.
pub(super) fn vin(vin: &Vin, session: &Session) -> String {
    if session.may(Action::SeeParameters) { vin.to_string() } else { vin.masked() }
}

impl View {
    pub(super) fn new(vehicle: Vehicle, session: &Session) -> Self {
        let is_odd = vehicle.vin.check_digit() == CheckDigit::Mismatch;
        let administers = session.may(Action::Administer);
        let is_exposed = administers && credentials::is_exposed(&vehicle.connector);
        let warnings = [
            is_odd.then_some("the check digit of the VIN does not match"),
            is_exposed.then_some("the token goes unencrypted: sovd_url is no https address"),
        ];
        let sovd_url = vehicle.connector.sovd_url().map(str::to_owned);
        let credentials = vehicle.connector.credentials().filter(|_| administers);
        Self {
            vehicle_id: vehicle.vehicle_id,
            vin: vin(&vehicle.vin, session),
            make: vehicle.model.make,
            model: vehicle.model.model,
            year: vehicle.model.year,
            connection_status: vehicle.connection_status,
            last_seen_at: vehicle.last_seen_at,
            metadata: vehicle.metadata,
            fleet_id: vehicle.fleet_id,
            connector: vehicle.connector.word(),
            has_sovd_token: credentials.map(|it| it.sealed_token.is_some()),
            has_sovd_ca: credentials.map(|it| it.authorities.is_some()),
            has_sovd_identity: credentials.map(|it| it.sealed_identity.is_some()),
            sovd_url: sovd_url.filter(|_| administers),
            warnings: warnings.into_iter().flatten().collect(),
        }
    }
}

/// Which vehicles to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// connected, disconnected or error.
    #[param(value_type = Option<String>, pattern = "^(connected|disconnected|error)$")]
    status: Option<ConnectionStatus>,
    /// With this text in make or model; for those who see whole VINs, also in the VIN.
    #[param(pattern = r"^[^\x00-\x1f\x7f]*$")]
    search: Option<String>,
    /// How many, at most 100; default 20.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// How many to pass over.
    #[serde(default)]
    #[param(required = false, value_type = u64, maximum = 4_294_967_295_u64)]
    offset: u32,
}

/// Lists the vehicles that the caller sees, in the order of registration.
///
/// `X-Total-Count` says how many there are in all, `Link` where the next page is.
#[utoipa::path(get, path = "/api/v1/vehicles", tag = "vehicles",
    extensions(("x-permission" = json!("watch"))), params(ListQuery),
    responses((status = 200, body = [View], headers(
        ("x-total-count" = u64, description = "How many there are in all"),
        ("link" = Option<String>, description = "The next page, as rel=\"next\"")))))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Watch)?;
    let limit = page::limit(query.limit)?;
    let filter = VehicleFilter {
        status: query.status,
        search: query.search,
        search_vins: caller.session().may(Action::SeeParameters),
        sight: caller.session().sight(),
        fleet_id: None,
        limit,
        offset: query.offset,
    };
    let (found, total) = app.store.vehicles(&filter).await?;
    let mut headers = HeaderMap::new();
    page::total(&mut headers, total);
    let next = query.offset.saturating_add(limit);
    if u64::from(next) < total {
        page::next(&mut headers, &uri, next);
    }
    let views = found.into_iter().map(|vehicle| View::new(vehicle, caller.session()));
    Ok((headers, Json(views.collect::<Vec<_>>())))
}

/// Shows a vehicle. Its `ETag` is what a change has to name in `If-Match`.
#[utoipa::path(get, path = "/api/v1/vehicles/{vehicle_id}", tag = "vehicles",
    extensions(("x-permission" = json!("watch"))),
    params(("vehicle_id" = uuid::Uuid, Path)),
    responses((status = 200, body = View, headers(("etag" = String))),
        (status = 404, body = ProblemBody)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Watch)?;
    let vehicle = visible(&app, &caller, &id).await?;
    let etag = [(header::ETAG, etag(&vehicle))];
    Ok((etag, Json(View::new(vehicle, caller.session()))))
}

/// What is known of a vehicle's connection.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct VehicleStatus {
    /// connected, disconnected or error.
    #[schema(value_type = String)]
    connection_status: ConnectionStatus,
    /// When it last answered; `null` = never.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_seen_at: Option<Timestamp>,
    /// ok, unreachable, or error: something answers that is no SOVD server.
    health: &'static str,
    /// Why a server that answers is of no use: it is not trusted, or wants another token.
    #[serde(skip_serializing_if = "Option::is_none")]
    obstacle: Option<String>,
}

/// Shows what is known of a vehicle's connection.
#[utoipa::path(get, path = "/api/v1/vehicles/{vehicle_id}/status", tag = "vehicles",
    extensions(("x-permission" = json!("watch"))),
    params(("vehicle_id" = uuid::Uuid, Path)),
    responses((status = 200, body = VehicleStatus), (status = 404, body = ProblemBody)))]
pub(crate) async fn status(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<VehicleStatus>, Problem> {
    caller.may(Action::Watch)?;
    let Vehicle { connection_status, last_seen_at, obstacle, .. } =
        visible(&app, &caller, &id).await?;
    let health = match connection_status {
        ConnectionStatus::Connected => "ok",
        ConnectionStatus::Disconnected => "unreachable",
        ConnectionStatus::Error => "error",
    };
    Ok(Json(VehicleStatus { connection_status, last_seen_at, health, obstacle }))
}

/// The vehicle, if the caller may see it. One of a foreign fleet does not exist for them.
pub(super) async fn visible(app: &App, caller: &Caller, id: &str) -> Result<Vehicle, Problem> {
    let vehicle = app.store.vehicle(vehicle_id(id)?).await?.ok_or_else(unknown)?;
    let sees = caller.session().sees(vehicle.fleet_id, app.store.now());
    sees.then_some(vehicle).ok_or_else(unknown)
}

/// An id that is malformed is of nothing that exists.
pub(super) fn vehicle_id(id: &str) -> Result<VehicleId, Problem> {
    id.parse().map_err(|_| unknown())
}

pub(super) fn unknown() -> Problem {
    Problem::not_found("unknown-vehicle", "No such vehicle")
}

/// Names the newest version of a vehicle.
pub(super) fn etag(vehicle: &Vehicle) -> String {
    format!(r#""{}""#, vehicle.revision)
}
