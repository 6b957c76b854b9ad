//! The catalogue over HTTP: what can be asked of a vehicle.
//!
//! Refuses to hide what a role may not submit: a client can show it greyed out, with the role.

use super::App;
use super::caller::Caller;
use super::json::Json;
use super::problem::Problem;
use crate::command::policy::Policy;
use axum::extract::State;
use model::catalog::{Entry, Lock, ModeNeed, Streaming};
use model::command::Risk;
use model::user::{Action, Role};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

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
    #[schema(value_type = String)]
    role: Role,
    /// The parameters that only a senior may give.
    senior_params: &'static [&'static str],
    /// Whether a submission has to say why.
    needs_reason: bool,
    /// Whether a second person has to approve it before it runs.
    needs_approval: bool,
    /// What the vehicle has to be like, for example `components/gateway/data/vehicle_speed = 0`; else it is
    /// refused, before anything else is asked of the vehicle.
    needs_state: Vec<String>,
    /// `one` response, `many`, or `live`: until its duration is over or it is cancelled.
    #[schema(value_type = String)]
    streaming: Streaming,
    /// `needed` if it needs a lock where the vehicle's server has locks, else `none`.
    #[schema(value_type = String)]
    lock: Lock,
    /// The modes that the entity has to be in, where it has them.
    modes: Vec<NeededMode>,
    /// How long the vehicle may work on it if a submission does not say; `null` = what the
    /// installation has set.
    run_timeout_ms: Option<u64>,
    /// How long a submission may let the vehicle work on it; `null` = what the installation has set.
    run_timeout_max_ms: Option<u64>,
    /// The JSON Schema (draft 2020-12) of its `command_params`, with examples.
    schema: Value,
}

/// A mode that an entity has to be in.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct NeededMode {
    /// The mode, for example `session`.
    id: &'static str,
    /// Its value, for example `extended`; `null` = an unlocked one, and the vehicle says which.
    value: Option<&'static str>,
}

impl From<&ModeNeed> for NeededMode {
    fn from(need: &ModeNeed) -> Self {
        Self { id: need.id, value: need.value }
    }
}

impl View {
    fn new(entry: &Entry, policy: &Policy) -> Self {
        Self {
            name: entry.name,
            alias_of: entry.alias_of,
            description: entry.description,
            risk: entry.risk,
            role: entry.role,
            senior_params: entry.senior_params,
            needs_reason: policy.needs_reason(entry),
            needs_approval: policy.needs_approval(entry),
            needs_state: policy.needed_state(entry).map(ToString::to_string).collect(),
            streaming: entry.streaming,
            lock: entry.lock,
            modes: entry.modes.iter().map(NeededMode::from).collect(),
            run_timeout_ms: entry.run_timeout.map(milliseconds),
            run_timeout_max_ms: entry.run_timeout_max.map(milliseconds),
            schema: entry.schema.clone(),
        }
    }
}

fn milliseconds(span: Duration) -> u64 {
    span.as_millis().try_into().unwrap_or(u64::MAX)
}

/// Lists every command that can be submitted, with the schema of its parameters.
#[utoipa::path(get, path = "/api/v1/catalog", tag = "catalog",
    extensions(("x-permission" = json!("watch"))),
    responses((status = 200, body = [View])))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<View>>, Problem> {
    caller.may(Action::Watch)?;
    let view = |entry| View::new(entry, app.commands.policy());
    Ok(Json(app.commands.catalog.entries().map(view).collect()))
}
