//! Grants over HTTP: which user sees which fleet, and until when.
//!
//! Refuses a grant that ended before it began.

use super::App;
use super::caller::{Caller, Person};
use super::fleets::{self, fleet_id};
use super::json::Json;
use super::problem::{Problem, ProblemBody};
use super::users::{self, user_id};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::Timestamp;
use model::id::FleetId;
use model::user::Action;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::StoreError;

/// A fleet that a user sees.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Grant)]
pub(crate) struct View {
    #[schema(value_type = uuid::Uuid)]
    fleet_id: FleetId,
    /// When it ends; `null` = never.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

impl From<(FleetId, Option<Timestamp>)> for View {
    fn from((fleet_id, until): (FleetId, Option<Timestamp>)) -> Self {
        Self { fleet_id, until }
    }
}

/// How long a grant shall last.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Term {
    /// When it ends; absent = never.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// Lists the fleets that a user has been granted.
#[utoipa::path(get, path = "/api/v1/users/{user_id}/grants", tag = "grants",
    extensions(("x-permission" = json!("administer"))),
    params(("user_id" = uuid::Uuid, Path)),
    responses((status = 200, body = [View]), (status = 404, body = ProblemBody)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Vec<View>>, Problem> {
    caller.may(Action::Administer)?;
    let user_id = user_id(&id)?;
    app.store.user(user_id).await?.ok_or_else(users::unknown)?;
    let granted = app.store.grants(user_id).await?;
    Ok(Json(granted.into_iter().map(View::from).collect()))
}

/// Lets a user see a fleet, or changes until when.
#[utoipa::path(put, path = "/api/v1/users/{user_id}/grants/{fleet_id}", tag = "grants",
    extensions(("x-permission" = json!("administer"))),
    params(("user_id" = uuid::Uuid, Path), ("fleet_id" = uuid::Uuid, Path)),
    responses((status = 200, body = View), (status = 404, body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub(crate) async fn give(
    State(app): State<App>,
    Person(caller): Person,
    Path((user, fleet)): Path<(String, String)>,
    Json(Term { until }): Json<Term>,
) -> Result<Json<View>, Problem> {
    caller.may(Action::Administer)?;
    let (user_id, fleet_id) = (user_id(&user)?, fleet_id(&fleet)?);
    if until.is_some_and(|until| until <= app.store.now()) {
        return Err(Problem::invalid().field("/until", "must be in the future"));
    }
    let details = json!({ "granted": fleet_id, "until": until });
    let deed = caller.detailed("authz_change", format!("user/{user_id}"), details);
    match app.store.grant(user_id, fleet_id, until, deed).await {
        Ok(()) => Ok(Json(View { fleet_id, until })),
        Err(error @ StoreError::Failed(_)) => {
            app.store.user(user_id).await?.ok_or_else(users::unknown)?;
            app.store.fleet(fleet_id).await?.ok_or_else(fleets::unknown)?;
            Err(error.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes a grant back; within a second the user sees nothing of the fleet any more.
#[utoipa::path(delete, path = "/api/v1/users/{user_id}/grants/{fleet_id}", tag = "grants",
    extensions(("x-permission" = json!("administer"))),
    params(("user_id" = uuid::Uuid, Path), ("fleet_id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ProblemBody)))]
pub(crate) async fn take_back(
    State(app): State<App>,
    Person(caller): Person,
    Path((user, fleet)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    caller.may(Action::Administer)?;
    let (user_id, fleet_id) = (user_id(&user)?, fleet_id(&fleet)?);
    let details = json!({ "revoked": fleet_id });
    let deed = caller.detailed("authz_change", format!("user/{user_id}"), details);
    let unknown = || Problem::not_found("unknown-grant", "The user has no grant for that fleet");
    let was_there = app.store.revoke(user_id, fleet_id, deed).await?;
    was_there.then_some(StatusCode::NO_CONTENT).ok_or_else(unknown)
}
