//! Fleets: the unit in which rights to vehicles are granted.
//!
//! Refuses to remove a fleet that has ever had a vehicle: its history would belong to nobody.

use super::App;
use super::caller::Caller;
use super::json::Json;
use super::problem::{Problem, ProblemBody};
use super::text;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use model::id::FleetId;
use model::user::Action;
use model::vehicle::Fleet;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Sight, StoreError};

/// A fleet.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Fleet)]
pub(crate) struct View {
    #[schema(value_type = uuid::Uuid)]
    fleet_id: FleetId,
    name: String,
}

impl From<Fleet> for View {
    fn from(fleet: Fleet) -> Self {
        Self { fleet_id: fleet.fleet_id, name: fleet.name }
    }
}

/// What can be said of a fleet.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FleetDraft)]
pub(crate) struct Draft {
    /// Unique.
    #[schema(
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    name: String,
}

/// Lists the fleets that the caller sees, by name.
#[utoipa::path(get, path = "/api/v1/fleets", tag = "fleets",
    extensions(("x-permission" = json!("watch"))),
    responses((status = 200, body = [View])))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<View>>, Problem> {
    caller.may(Action::Watch)?;
    let fleets = app.store.fleets(caller.session().sight()).await?;
    Ok(Json(fleets.into_iter().map(View::from).collect()))
}

/// Makes a fleet.
#[utoipa::path(post, path = "/api/v1/fleets", tag = "fleets",
    extensions(("x-permission" = json!("administer"))),
    responses((status = 201, body = View), (status = 409, body = ProblemBody)))]
pub(crate) async fn add(
    State(app): State<App>,
    caller: Caller,
    Json(draft): Json<Draft>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Administer)?;
    let name = text::name("/name", draft.name)?;
    if holder(&app, &name).await?.is_some() {
        return Err(taken());
    }
    let deed = caller.deed("fleet_created", format!("fleet/{name}"));
    let fleet = app.store.fleet_named(&name, deed).await?;
    let location = [(header::LOCATION, format!("/api/v1/fleets/{}", fleet.fleet_id))];
    Ok((StatusCode::CREATED, location, Json(View::from(fleet))))
}

/// Renames a fleet.
#[utoipa::path(patch, path = "/api/v1/fleets/{fleet_id}", tag = "fleets",
    extensions(("x-permission" = json!("administer"))),
    params(("fleet_id" = uuid::Uuid, Path)),
    responses((status = 200, body = View), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
pub(crate) async fn rename(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Json(draft): Json<Draft>,
) -> Result<Json<View>, Problem> {
    caller.may(Action::Administer)?;
    let fleet_id = fleet_id(&id)?;
    let name = text::name("/name", draft.name)?;
    let details = json!({ "name": name });
    let deed = caller.detailed("fleet_renamed", format!("fleet/{fleet_id}"), details);
    match app.store.rename_fleet(fleet_id, &name, deed).await {
        Ok(true) => Ok(Json(View { fleet_id, name })),
        Ok(false) => Err(unknown()),
        Err(StoreError::Failed(_)) if holder(&app, &name).await?.is_some() => Err(taken()),
        Err(error) => Err(error.into()),
    }
}

/// Removes a fleet that has never had a vehicle, and the grants to it.
#[utoipa::path(delete, path = "/api/v1/fleets/{fleet_id}", tag = "fleets",
    extensions(("x-permission" = json!("administer"))),
    params(("fleet_id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may(Action::Administer)?;
    let fleet_id = fleet_id(&id)?;
    let deed = caller.deed("fleet_removed", format!("fleet/{fleet_id}"));
    if app.store.remove_fleet(fleet_id, deed).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    app.store.fleet(fleet_id).await?.ok_or_else(unknown)?;
    Err(Problem::conflict("fleet-not-empty", "The fleet has, or had, vehicles"))
}

/// An id that is malformed is of nothing that exists.
pub(super) fn fleet_id(id: &str) -> Result<FleetId, Problem> {
    id.parse().map_err(|_| unknown())
}

pub(super) fn unknown() -> Problem {
    Problem::not_found("unknown-fleet", "No such fleet")
}

fn taken() -> Problem {
    Problem::conflict("name-taken", "There is a fleet of that name")
}

/// The fleet that has the name.
async fn holder(app: &App, name: &str) -> Result<Option<Fleet>, StoreError> {
    Ok(app.store.fleets(Sight::default()).await?.into_iter().find(|fleet| fleet.name == name))
}
