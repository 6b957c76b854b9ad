//! The audit log over HTTP.
//!
//! Refuses to write: deeds are recorded where they are done.

use super::App;
use super::caller::Caller;
use super::json::Json;
use super::page;
use super::problem::Problem;
use super::query::Query;
use super::text;
use crate::audit::verify::Verdict;
use axum::extract::State;
use model::Timestamp;
use model::id::{AuditId, UserId};
use model::user::Action;
use model::vin::Vin;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{AuditEntry, AuditFilter, AuditPage};

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
    /// Done by whoever had this name.
    #[param(max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    actor: Option<String>,
    /// What was done, for example `command_submitted`.
    #[param(max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    event: Option<String>,
    /// What it was done to, for example `command/01890a5d-…`.
    #[param(max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    object: Option<String>,
    /// Recorded at this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    start_date: Option<Timestamp>,
    /// Recorded at this time or earlier.
    #[param(value_type = Option<String>, format = DateTime)]
    end_date: Option<Timestamp>,
}

impl ListQuery {
    fn filter(self, limit: u32) -> Result<AuditFilter, Problem> {
        let line = |name, given: Option<String>| given.map(|it| text::line(name, it)).transpose();
        Ok(AuditFilter {
            before: self.cursor,
            from: self.start_date,
            until: self.end_date,
            actor: line("actor", self.actor)?,
            action: line("event", self.event)?,
            object: line("object", self.object)?,
            limit,
        })
    }
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
    /// Its place in the chain, from 1; `null` = it is not sealed yet, which takes less than a second.
    position: Option<i64>,
}

impl View {
    /// The object of a vehicle's registration may be its VIN.
    fn new(deed: AuditPage, shows_vins: bool) -> Self {
        let vin = deed.object.strip_prefix("vehicle/").and_then(|id| id.parse::<Vin>().ok());
        let masked = vin.filter(|_| !shows_vins).map(|vin| format!("vehicle/{}", vin.masked()));
        Self {
            audit_id: deed.audit_id,
            recorded_at: deed.recorded_at,
            action: deed.action,
            actor_id: deed.actor_id,
            actor: deed.actor,
            session_hash: deed.session_hash,
            address: deed.address,
            request_id: deed.request_id,
            object: masked.unwrap_or(deed.object),
            outcome: deed.outcome,
            reason: deed.reason,
            details: deed.details,
            position: deed.position,
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
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit",
    extensions(("x-permission" = json!("read_audit"))), params(ListQuery),
    responses((status = 200, body = DeedPage)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<DeedPage>, Problem> {
    caller.may(Action::ReadAudit)?;
    let limit = page::limit(query.limit)?;
    let deeds = app.store.audit(&query.filter(limit)?).await?;
    let next_cursor = page::last_of_full(&deeds, limit).map(|last| last.audit_id);
    let shows_vins = caller.session().may(Action::SeeParameters);
    let entries = deeds.into_iter().map(|deed| View::new(deed, shows_vins)).collect();
    Ok(Json(DeedPage { entries, limit, next_cursor }))
}

/// Whether the log is what was sealed.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Verification {
    /// Everything is as it was sealed.
    verified: bool,
    /// The number of the first row that is kept; older ones have been removed on purpose.
    first: i64,
    /// How many rows are as they were sealed.
    rows: u64,
    /// How many signed checkpoints fit them.
    checkpoints: u64,
    /// How many rows are not sealed yet.
    unsealed: Option<u64>,
    /// What is wrong; `null` = nothing.
    finding: Option<FindingView>,
}

/// The first thing that is not as it was sealed.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Finding)]
pub(crate) struct FindingView {
    /// The number of the first row that it is about.
    position: i64,
    /// That row, if it is there.
    #[schema(value_type = Option<uuid::Uuid>)]
    audit_id: Option<AuditId>,
    /// What is wrong with it, in words.
    fault: String,
}

impl From<Verdict> for Verification {
    fn from(verdict: Verdict) -> Self {
        let finding = verdict.finding.map(|finding| FindingView {
            position: finding.position,
            audit_id: finding.audit_id,
            fault: finding.to_string(),
        });
        Self {
            verified: finding.is_none(),
            first: verdict.first,
            rows: verdict.rows,
            checkpoints: verdict.checkpoints,
            unsealed: verdict.unsealed,
            finding,
        }
    }
}

/// Verifies the whole log against its chain and its signatures; one at a time. For auditors and
/// admins. What is wrong is told, and is no failure of the request.
#[utoipa::path(get, path = "/api/v1/audit/verify", tag = "audit",
    extensions(("x-permission" = json!("read_audit"))),
    responses((status = 200, body = Verification)))]
pub(crate) async fn verify(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Verification>, Problem> {
    caller.may(Action::ReadAudit)?;
    let found = Verification::from(app.auditor.verify().await?);
    let details =
        json!({ "rows": found.rows, "finding": found.finding.as_ref().map(|it| it.position) });
    let deed = caller.detailed("audit_verified", "audit".to_owned(), details);
    let outcome = if found.verified { "success" } else { "failure" };
    app.store.record_audit(AuditEntry { outcome, ..deed }).await?;
    Ok(Json(found))
}
