//! The catalogue over HTTP: what can be asked of a vehicle.
//!
//! Refuses to hide what a role may not submit: a client can show it greyed out, with the role.

use super::App;
use super::caller::Caller;
use super::json::Json;
use super::problem::Problem;
use axum::extract::State;
use model::catalog::{Entry, Streaming};
use model::command::Risk;
use model::user::{Action, Role};
use serde::Serialize;
use serde_json::Value;

/// A command that can be submitted.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = CatalogEntry)]
pub(crate) struct View {
    /// The `command_name` of a submission.
    name: &'static str,
    /// The name that this one is an older name of; `null` if it is none.
    alias_of: Option<&'static str>,
    description: &'static str,
    /// R0 reads, R1 changes what the vehicle forgets, R2 what stays, R3 is dangerous.
    #[schema(value_type = String)]
    risk: Risk,
    /// The least role that may submit it.
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    /// one or many responses.
    #[schema(value_type = String)]
    streaming: Streaming,
    /// The JSON Schema of its `command_params`.
    schema: Value,
}

impl From<&Entry> for View {
    fn from(entry: &Entry) -> Self {
        Self {
            name: entry.name,
            alias_of: entry.alias_of,
            description: entry.description,
            risk: entry.risk,
            role: Role::ALL.into_iter().find(|role| role.may(Action::Submit(entry.risk))),
            streaming: entry.streaming,
            schema: entry.schema.clone(),
        }
    }
}

/// Lists every command that can be submitted, with the schema of its parameters.
#[utoipa::path(get, path = "/api/v1/catalog", tag = "catalog",
    responses((status = 200, body = [View])))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<View>>, Problem> {
    caller.may(Action::Watch)?;
    Ok(Json(app.commands.catalog.entries().map(View::from).collect()))
}
