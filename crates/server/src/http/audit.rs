//! The audit log over HTTP.
//!
//! Refuses to write: deeds are recorded where they are done.

use super::App;
use super::caller::Caller;
use super::json::Json;
use super::page;
use super::problem::Problem;
use super::query::Query;
use axum::extract::State;
use model::Timestamp;
use model::id::{AuditId, UserId};
use model::user::Action;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::AuditPage;

/// Which deeds to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// How many, at most 100; default 20.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<uuid::Uuid>)]
    cursor: Option<AuditId>,
}

/// A deed.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Deed)]
pub(crate) struct View {
    #[schema(value_type = uuid::Uuid)]
    audit_id: AuditId,
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    /// What was done, for example `command_submitted`.
    action: String,
    /// Who did it; `null` = the system or the command line.
    #[schema(value_type = Option<uuid::Uuid>)]
    actor_id: Option<UserId>,
    /// Their name.
    actor: String,
    /// Names their login without giving its id away.
    session_hash: Option<String>,
    /// Where they came from.
    address: Option<String>,
    /// The request that did it.
    request_id: Option<String>,
    /// What it was done to, for example `command/01890a5d-…`.
    object: String,
    /// `success`, or what else came of it.
    outcome: String,
    /// Why, in their words.
    reason: Option<String>,
    /// What else is worth knowing.
    details: Option<Value>,
}

impl From<AuditPage> for View {
    fn from(deed: AuditPage) -> Self {
        Self {
            audit_id: deed.audit_id,
            recorded_at: deed.recorded_at,
            action: deed.action,
            actor_id: deed.actor_id,
            actor: deed.actor,
            session_hash: deed.session_hash,
            address: deed.address,
            request_id: deed.request_id,
            object: deed.object,
            outcome: deed.outcome,
            reason: deed.reason,
            details: deed.details,
        }
    }
}

/// A page of deeds, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct DeedPage {
    entries: Vec<View>,
    limit: u32,
    /// Give it as `cursor` for the next page; `null` = this is the last.
    #[schema(value_type = Option<uuid::Uuid>)]
    next_cursor: Option<AuditId>,
}

/// Lists who did what, newest first. For auditors and admins.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(ListQuery),
    responses((status = 200, body = DeedPage)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<DeedPage>, Problem> {
    caller.may(Action::ReadAudit)?;
    let limit = page::limit(query.limit)?;
    let deeds = app.store.audit(query.cursor, limit).await?;
    let is_full = u32::try_from(deeds.len()).is_ok_and(|count| count == limit);
    let next_cursor = deeds.last().filter(|_| is_full).map(|last| last.audit_id);
    let entries = deeds.into_iter().map(View::from).collect();
    Ok(Json(DeedPage { entries, limit, next_cursor }))
}
