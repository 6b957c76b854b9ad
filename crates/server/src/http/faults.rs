//! The faults of the fleet over HTTP: which code how many vehicles have, and which vehicles.
//!
//! Refuses to ask a vehicle, and to say more of those that nobody has asked than that.

use super::App;
use super::caller::Caller;
use super::json::Json;
use super::page;
use super::problem::Problem;
use super::query::Query;
use super::text;
use super::vehicles;
use crate::auth::Session;
use axum::extract::State;
use model::Timestamp;
use model::decode::{Class, Severity};
use model::id::{CommandId, FleetId, VehicleId};
use model::user::Action;
use model::vehicle::ConnectionStatus;
use serde::{Deserialize, Serialize};
use store::{FaultCoverage, FaultFilter, FaultyVehicle, FleetFault};

/// Which faults to count.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only in vehicles of this fleet.
    #[param(value_type = Option<uuid::Uuid>)]
    fleet_id: Option<FleetId>,
    /// fatal, error, warn or info: only in vehicles where it is as bad as that.
    #[param(value_type = Option<String>, pattern = "^(fatal|error|warn|info)$")]
    severity: Option<Severity>,
    /// active, confirmed, pending or history: only in vehicles where it stands so.
    #[param(value_type = Option<String>, pattern = "^(active|confirmed|pending|history)$")]
    status: Option<Class>,
    /// Only of this entity, for example `components/engine_ecu`.
    #[param(max_length = 400, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    entity: Option<String>,
    /// With this in the code or the text.
    #[param(max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    search: Option<String>,
    /// How many, at most 100; default 20.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// How many to pass over.
    #[serde(default)]
    #[param(required = false, value_type = u64, maximum = 4_294_967_295_u64)]
    offset: u32,
}

/// A fault of one entity, counted over vehicles.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = FleetFault)]
pub(crate) struct View {
    /// Where it is, for example `components/engine_ecu`.
    entity: String,
    /// The trouble code without its failure type, P0420, or else the vehicle's own code.
    code: String,
    /// What is wrong, in the words of a vehicle.
    text: Option<String>,
    /// fatal, error, warn or info, where it is worst; `null` = no vehicle said.
    #[schema(value_type = Option<String>)]
    severity: Option<Severity>,
    /// In how many vehicles it is.
    vehicles: u64,
    statuses: Statuses,
    /// When the one of these vehicles was read whose read is oldest.
    #[schema(value_type = String, format = DateTime)]
    oldest_read_at: Timestamp,
    /// When one of them was read last.
    #[schema(value_type = String, format = DateTime)]
    newest_read_at: Timestamp,
}

/// In how many vehicles a fault stands where.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = FaultStatuses)]
struct Statuses {
    /// It is there now.
    active: u64,
    /// It is kept, and the vehicle does not say whether it is there now.
    confirmed: u64,
    /// It was there, not often enough to be kept.
    pending: u64,
    /// It is kept, and no longer there.
    history: u64,
    /// The vehicle does not say.
    unknown: u64,
}

impl From<FleetFault> for View {
    fn from(fault: FleetFault) -> Self {
        let [active, confirmed, pending, history] = fault.statuses;
        let told: u64 = fault.statuses.iter().sum();
        let unknown = fault.vehicles.saturating_sub(told);
        Self {
            entity: fault.entity,
            code: fault.code,
            text: fault.text,
            severity: fault.severity,
            vehicles: fault.vehicles,
            statuses: Statuses { active, confirmed, pending, history, unknown },
            oldest_read_at: fault.oldest_at,
            newest_read_at: fault.newest_at,
        }
    }
}

/// How much of what the caller sees has been read: of the rest nothing is known.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = FaultCoverage)]
struct Coverage {
    /// How many vehicles the caller sees, in the fleet that was asked for.
    vehicles: u64,
    /// Of how many every entity was asked and has answered.
    read: u64,
    /// Of how many only some entities were read, or one did not answer, or was cleared and not read since.
    partly_read: u64,
    /// Of how many nothing is known.
    unread: u64,
    /// The oldest read that is counted; `null` = nothing was read.
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_read_at: Option<Timestamp>,
    /// The newest.
    #[schema(value_type = Option<String>, format = DateTime)]
    newest_read_at: Option<Timestamp>,
}

impl From<FaultCoverage> for Coverage {
    fn from(found: FaultCoverage) -> Self {
        let FaultCoverage { vehicles, read, partly_read, oldest_at, newest_at } = found;
        Self {
            vehicles,
            read,
            partly_read,
            unread: vehicles.saturating_sub(read).saturating_sub(partly_read),
            oldest_read_at: oldest_at,
            newest_read_at: newest_at,
        }
    }
}

/// A page of faults, those of most vehicles first, and of those the worst.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct FaultPage {
    faults: Vec<View>,
    coverage: Coverage,
    limit: u32,
    #[schema(value_type = u64)]
    offset: u32,
    /// Give it as `offset` for the next page; `null` = this is the last.
    #[schema(value_type = Option<u64>)]
    next_offset: Option<u32>,
}

/// Counts in how many of the vehicles that the caller sees which fault is.
///
/// What counts is the newest read without a filter of each entity: `faults.scan`, `faults.list`,
/// `vehicle.health`, `ReadDTC`, and what `faults.clear` reads afterwards. An entity that did not answer
/// keeps what it had, with its age. After a clear of which nobody has read what remained, what it
/// cleared is not counted any more. Nothing is said of vehicles that were not read: see `coverage`.
#[utoipa::path(get, path = "/api/v1/faults", tag = "faults",
    extensions(("x-permission" = json!("watch"))), params(ListQuery),
    responses((status = 200, body = FaultPage)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<FaultPage>, Problem> {
    caller.may(Action::Watch)?;
    let limit = page::limit(query.limit)?;
    let offset = query.offset;
    let filter = FaultFilter {
        sight: caller.session().sight(),
        fleet_id: query.fleet_id,
        severity: query.severity,
        status: query.status,
        entity: query.entity.map(|it| text::path("entity", it)).transpose()?,
        search: query.search.map(|it| text::line("search", it)).transpose()?,
        limit,
    };
    let found = app.store.fleet_faults(&filter, offset).await?;
    let coverage = app.store.fault_coverage(&filter).await?.into();
    let next_offset = page::last_of_full(&found, limit).and_then(|_| offset.checked_add(limit));
    let faults = found.into_iter().map(View::from).collect();
    Ok(Json(FaultPage { faults, coverage, limit, offset, next_offset }))
}

/// Which fault, and which of its vehicles.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VehiclesQuery {
    /// Its code, as the list of faults has it.
    #[serde(default)]
    #[param(
        required = true,
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*$"
    )]
    code: String,
    /// Its entity, as the list of faults has it.
    #[serde(default)]
    #[param(
        required = true,
        min_length = 1,
        max_length = 400,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*$"
    )]
    entity: String,
    /// Only vehicles of this fleet.
    #[param(value_type = Option<uuid::Uuid>)]
    fleet_id: Option<FleetId>,
    /// fatal, error, warn or info: only where it is as bad as that.
    #[param(value_type = Option<String>, pattern = "^(fatal|error|warn|info)$")]
    severity: Option<Severity>,
    /// active, confirmed, pending or history: only where it stands so.
    #[param(value_type = Option<String>, pattern = "^(active|confirmed|pending|history)$")]
    status: Option<Class>,
    /// How many, at most 100; default 20.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<uuid::Uuid>)]
    cursor: Option<VehicleId>,
}

/// A vehicle that has a fault.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = FaultyVehicle)]
pub(crate) struct VehicleView {
    #[schema(value_type = uuid::Uuid)]
    vehicle_id: VehicleId,
    /// With its middle hidden for those who only watch.
    vin: String,
    #[schema(value_type = uuid::Uuid)]
    fleet_id: FleetId,
    make: String,
    model: String,
    year: Option<i32>,
    /// connected, disconnected or error.
    #[schema(value_type = String)]
    connection_status: ConnectionStatus,
    /// fatal, error, warn or info; `null` = the vehicle does not say.
    #[schema(value_type = Option<String>)]
    severity: Option<Severity>,
    /// active, confirmed, pending or history; `null` = the vehicle does not say.
    #[schema(value_type = Option<String>)]
    status: Option<Class>,
    /// When it was read.
    #[schema(value_type = String, format = DateTime)]
    read_at: Timestamp,
    /// The command that has read it.
    #[schema(value_type = uuid::Uuid)]
    command_id: CommandId,
}

impl VehicleView {
    fn new(vehicle: FaultyVehicle, session: &Session) -> Self {
        Self {
            vehicle_id: vehicle.vehicle_id,
            vin: vehicles::vin(&vehicle.vin, session),
            fleet_id: vehicle.fleet_id,
            make: vehicle.model.make,
            model: vehicle.model.model,
            year: vehicle.model.year,
            connection_status: vehicle.connection_status,
            severity: vehicle.severity,
            status: vehicle.status,
            read_at: vehicle.read_at,
            command_id: vehicle.command_id,
        }
    }
}

/// A page of vehicles that have a fault, in the order of registration.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct FaultyVehiclePage {
    vehicles: Vec<VehicleView>,
    limit: u32,
    /// Give it as `cursor` for the next page; `null` = this is the last.
    #[schema(value_type = Option<uuid::Uuid>)]
    next_cursor: Option<VehicleId>,
}

/// Lists the vehicles that the caller sees and that have a fault, and when each was read.
#[utoipa::path(get, path = "/api/v1/faults/vehicles", tag = "faults",
    extensions(("x-permission" = json!("watch"))), params(VehiclesQuery),
    responses((status = 200, body = FaultyVehiclePage)))]
pub(crate) async fn vehicles(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<VehiclesQuery>,
) -> Result<Json<FaultyVehiclePage>, Problem> {
    caller.may(Action::Watch)?;
    let limit = page::limit(query.limit)?;
    let (code, entity) = (text::line("code", query.code)?, text::path("entity", query.entity)?);
    for (name, given) in [("code", &code), ("entity", &entity)] {
        if given.is_empty() {
            return Err(Problem::invalid().field(name, "must be given"));
        }
    }
    let filter = FaultFilter {
        sight: caller.session().sight(),
        fleet_id: query.fleet_id,
        severity: query.severity,
        status: query.status,
        limit,
        ..FaultFilter::default()
    };
    let found = app.store.vehicles_with_fault(&code, &entity, &filter, query.cursor).await?;
    let next_cursor = page::last_of_full(&found, limit).map(|last| last.vehicle_id);
    let views = found.into_iter().map(|vehicle| VehicleView::new(vehicle, caller.session()));
    Ok(Json(FaultyVehiclePage { vehicles: views.collect(), limit, next_cursor }))
}
