//! What a vehicle offers, over HTTP: forms are built from it.
//!
//! Refuses to ask the vehicle: that is a command.

use super::App;
use super::caller::Caller;
use super::json::Json;
use super::problem::{Problem, ProblemBody};
use super::vehicles::visible;
use axum::extract::{Path, State};
use model::Timestamp;
use model::capabilities::Changes;
use model::id::CommandId;
use model::user::Action;
use serde::Serialize;
use serde_json::value::RawValue;
use store::Capabilities;

/// What a vehicle offers, as its newest `vehicle.discover` of the whole tree has found it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Capabilities)]
pub(crate) struct View {
    /// Counts from 1; one more whenever a discovery finds something else than the one before.
    revision: u64,
    /// The newest discovery.
    #[schema(value_type = uuid::Uuid)]
    command_id: CommandId,
    #[schema(value_type = String, format = DateTime)]
    discovered_at: Timestamp,
    /// When this revision was found first.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
    changes: Difference,
    /// Every entity as the vehicle describes it, with its place in `tree`.
    #[schema(value_type = Vec<Object>)]
    entities: Vec<Box<RawValue>>,
}

/// What makes a revision different from the one before: paths of entities; nothing for the first.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = CapabilityChanges)]
struct Difference {
    added: Vec<String>,
    removed: Vec<String>,
    /// Those that describe themselves in another way.
    changed: Vec<String>,
}

impl From<Changes> for Difference {
    fn from(Changes { added, removed, changed }: Changes) -> Self {
        Self { added, removed, changed }
    }
}

impl From<Capabilities> for View {
    fn from(found: Capabilities) -> Self {
        Self {
            revision: found.revision,
            command_id: found.command_id,
            discovered_at: found.discovered_at,
            changed_at: found.changed_at,
            changes: found.changes.into(),
            entities: found.entities,
        }
    }
}

/// Shows what a vehicle offers, and what has changed in that.
///
/// The vehicle is asked by the command `vehicle.discover` without a `depth`.
#[utoipa::path(get, path = "/api/v1/vehicles/{vehicle_id}/capabilities", tag = "vehicles",
    extensions(("x-permission" = json!("watch"))),
    params(("vehicle_id" = uuid::Uuid, Path)),
    responses((status = 200, body = View), (status = 404, body = ProblemBody)))]
pub(crate) async fn capabilities(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<View>, Problem> {
    caller.may(Action::Watch)?;
    let vehicle = visible(&app, &caller, &id).await?;
    let found = app.store.capabilities(vehicle.vehicle_id).await?;
    found.map(|found| Json(found.into())).ok_or_else(|| {
        Problem::not_found("undiscovered", "Nobody knows what the vehicle offers")
            .detail("submit vehicle.discover for it, without a depth")
    })
}
