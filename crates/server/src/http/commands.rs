//! Commands over HTTP: submit, list, show, answers, cancel.
//!
//! Refuses to wait for a vehicle unless the client prefers to.

use super::App;
use super::caller::Caller;
use super::json::{Json, Whole};
use super::problem::Problem;
use super::query::Query;
use crate::auth::Session;
use crate::command::accept::{Receipt, Submission};
use crate::live::Live;
use aws_lc_rs::digest;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use model::Timestamp;
use model::command::{ApprovalHash, Command, ErrorCode, Outcome, Phase, State as At, Status};
use model::event::{Event, Kind};
use model::id::{CommandId, UserId, VehicleId};
use model::user::Action;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;
use store::{Filter, IdempotencyKey};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const PREFER: HeaderName = HeaderName::from_static("prefer");
/// The longest that a submission may wait for the end of its command.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// A command to submit.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Draft {
    /// The vehicle that shall execute it.
    #[schema(value_type = uuid::Uuid)]
    vehicle_id: VehicleId,
    /// A name of the catalogue.
    command_name: String,
    /// Its parameters, as the catalogue's schema says.
    #[schema(value_type = Object)]
    command_params: Box<RawValue>,
    /// Why; kept in the audit log. Needed where the catalogue says so.
    #[schema(min_length = 1, max_length = 500, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    reason: Option<String>,
    /// How long it may wait for the vehicle, in milliseconds; 0 = now or never.
    deliver_within_ms: Option<u64>,
    /// How long it may run, in milliseconds.
    run_timeout_ms: Option<u64>,
    /// Among the commands that wait for one vehicle, the highest goes first: -10 to 10.
    #[serde(default)]
    priority: i16,
}

/// A command and where it stands.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Command)]
pub(crate) struct View {
    #[schema(value_type = uuid::Uuid)]
    command_id: CommandId,
    #[schema(value_type = uuid::Uuid)]
    user_id: UserId,
    #[schema(value_type = uuid::Uuid)]
    vehicle_id: VehicleId,
    command_name: String,
    /// `null` for those who may not see parameters.
    #[schema(value_type = Object)]
    command_params: Option<Box<RawValue>>,
    /// pending, in_progress, completed or failed.
    #[schema(value_type = String)]
    status: Status,
    /// awaiting_approval, queued, dispatched, running, cancelling, completed, failed, rejected, cancelled, expired or
    /// unknown.
    #[schema(value_type = String)]
    state: Phase,
    /// The terminal state; `null` until then.
    #[schema(value_type = Option<String>)]
    outcome: Option<Phase>,
    error_message: Option<String>,
    #[schema(value_type = Option<String>)]
    error_code: Option<ErrorCode>,
    #[schema(value_type = String, format = DateTime)]
    submitted_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    completed_at: Option<Timestamp>,
    /// The last moment at which it may be sent for the first time; counted from the approval, where it
    /// needs one, and until then as if that came at the last moment.
    #[schema(value_type = String, format = DateTime)]
    deliver_by: Timestamp,
    /// The offset of its newest event.
    last_offset: u64,
    /// How often it was tried.
    attempt: u32,
    priority: i16,
    reason: Option<String>,
    /// How long it may run.
    run_timeout_ms: u64,
    /// The last moment at which a second person may approve it; `null` = it needs none.
    #[schema(value_type = Option<String>, format = DateTime)]
    approve_by: Option<Timestamp>,
    /// What an approval is bound to: SHA-256, in hex, over exactly this command. `null` = it needs no
    /// approval, or the caller may not see parameters.
    #[schema(value_type = Option<String>)]
    approval_hash: Option<ApprovalHash>,
    /// The name of the second person who approved, or denied, it.
    decided_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    decided_at: Option<Timestamp>,
}

impl View {
    pub(super) fn new(command: Command, session: &Session) -> Self {
        let sees_all = session.may(Action::SeeParameters);
        let approval_hash = command.approval_hash().filter(|_| sees_all);
        let state = command.phase();
        let (completed_at, failure) = match command.state {
            At::Ended(ended) => match ended.outcome {
                Outcome::Completed => (Some(ended.at), None),
                Outcome::Failed(failure) => (Some(ended.at), Some(failure)),
            },
            At::AwaitingApproval(_)
            | At::Queued(_)
            | At::Dispatched(_)
            | At::Running(_)
            | At::Cancelling(_) => (None, None),
        };
        let order = command.order;
        let (decided_by, decided_at) = command.decision.map(|it| (it.name, it.at)).unzip();
        let (error_code, error_message) = failure.map(|it| (it.code, it.message)).unzip();
        Self {
            command_id: order.command_id,
            user_id: order.user_id,
            vehicle_id: order.vehicle_id,
            command_name: order.name,
            command_params: sees_all.then_some(order.params),
            status: state.status(),
            state,
            outcome: state.is_terminal().then_some(state),
            error_message,
            error_code,
            submitted_at: order.submitted_at,
            completed_at,
            deliver_by: order.deliver_by,
            last_offset: command.last_offset,
            attempt: command.attempt,
            priority: order.priority,
            reason: order.reason,
            run_timeout_ms: order.run_timeout.as_millis().try_into().unwrap_or(u64::MAX),
            approve_by: order.approve_by,
            approval_hash,
            decided_by,
            decided_at,
        }
    }
}

/// Submits a diagnostic command.
///
/// Answers `201` as soon as the command is stored: from then on it survives a restart. Its answers
/// come over `/ws/responses/{command_id}`. With `Prefer: wait=N` the answer waits up to N seconds
/// (at most 60) for the end of the command.
#[utoipa::path(post, path = "/api/v1/commands", tag = "commands",
    extensions(("x-permission" = json!("submit_r0"))), request_body = Draft,
    responses((status = 201, body = View), (status = 404, body = super::problem::ProblemBody),
        (status = 409, body = super::problem::ProblemBody),
        (status = 422, body = super::problem::ProblemBody)))]
pub(crate) async fn submit(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    caller.may(Action::Watch)?;
    let draft = super::json::body::<Draft>(&headers, &body)?;
    let key = key(&headers, &body)?;
    let submission = draft.checked(key)?;
    let receipt = app.commands.submit(caller.session(), submission, &caller.origin).await?;
    let Receipt { mut command, is_replay } = receipt;
    if let Some(wait) = preferred_wait(&headers) {
        command = ended(&app, command, wait).await?;
    }
    let location = format!("/api/v1/commands/{}", command.order.command_id);
    let view = Json(View::new(command, caller.session()));
    let mut response = (StatusCode::CREATED, [(header::LOCATION, location)], view).into_response();
    if is_replay {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

impl Draft {
    fn checked(self, key: Option<IdempotencyKey>) -> Result<Submission, Problem> {
        if !(-10..=10).contains(&self.priority) {
            return Err(Problem::invalid().field("/priority", "must be between -10 and 10"));
        }
        self.reason.as_deref().map_or(Ok(()), is_clean_reason)?;
        Ok(Submission {
            vehicle_id: self.vehicle_id,
            command_name: self.command_name,
            command_params: self.command_params,
            reason: self.reason,
            priority: self.priority,
            deliver_within: self.deliver_within_ms.map(Duration::from_millis),
            run_timeout: self.run_timeout_ms.map(Duration::from_millis),
            key,
        })
    }
}

/// A reason ends up in logs and pages: one line, and not a long one.
pub(super) fn is_clean_reason(reason: &str) -> Result<(), Problem> {
    if (1..=500).contains(&reason.chars().count()) && !reason.chars().any(char::is_control) {
        return Ok(());
    }
    let rule = "must be 1 to 500 characters, none of them a control character";
    Err(Problem::invalid().field("/reason", rule))
}

pub(super) fn key(headers: &HeaderMap, body: &[u8]) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    if !(1..=255).contains(&key.len()) || headers.get_all(KEY).iter().count() > 1 {
        let rule = "Idempotency-Key must be given once, with 1 to 255 printable characters";
        return Err(Problem::invalid().field("Idempotency-Key", rule));
    }
    let body_hash = digest::digest(&digest::SHA256, body).as_ref().to_vec();
    Ok(Some(IdempotencyKey { key: key.to_owned(), body_hash }))
}

pub(super) fn preferred_wait(headers: &HeaderMap) -> Option<Duration> {
    let prefer = headers.get(PREFER)?.to_str().ok()?;
    let seconds = prefer.split(',').find_map(|wish| wish.trim().strip_prefix("wait="))?;
    Some(Duration::from_secs(seconds.parse().ok()?).min(MAX_WAIT))
}

/// Waits for the end of a command, and answers where it stands then.
async fn ended(app: &App, command: Command, wait: Duration) -> Result<Command, Problem> {
    let command_id = command.order.command_id;
    let following = async {
        let mut watcher = app.live.watch(command_id, command.last_offset);
        loop {
            let frames = watcher.next().await?;
            if frames.last().is_none_or(|frame| frame.kind == Kind::End) {
                return Ok::<_, store::StoreError>(());
            }
        }
    };
    if let Ok(followed) = tokio::time::timeout(wait, following).await {
        followed?;
    }
    Ok(app.store.command(command_id).await?.unwrap_or(command))
}

/// Which commands to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Of this vehicle.
    #[param(value_type = Option<uuid::Uuid>)]
    vehicle_id: Option<VehicleId>,
    /// pending, in_progress, completed or failed.
    #[param(value_type = Option<String>, pattern = "^(pending|in_progress|completed|failed)$")]
    status: Option<Status>,
    /// awaiting_approval, queued, dispatched, running, cancelling, completed, failed, rejected, cancelled,
    /// expired or unknown.
    #[param(value_type = Option<String>, pattern = "^(awaiting_approval|queued|dispatched|running|cancelling|completed|failed|rejected|cancelled|expired|unknown)$")]
    state: Option<Phase>,
    /// Submitted by this user.
    #[param(value_type = Option<uuid::Uuid>)]
    user_id: Option<UserId>,
    /// Submitted at this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    start_date: Option<Timestamp>,
    /// Submitted at this time or earlier.
    #[param(value_type = Option<String>, format = DateTime)]
    end_date: Option<Timestamp>,
    /// How many, at most 100; default 20.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// How many to pass over.
    #[serde(default)]
    #[param(required = false, value_type = u64, maximum = 4_294_967_295_u64)]
    offset: u32,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<uuid::Uuid>)]
    cursor: Option<CommandId>,
}

/// A page of commands, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CommandPage {
    commands: Vec<View>,
    limit: u32,
    #[schema(value_type = u64)]
    offset: u32,
    /// Give it as `cursor` for the next page; `null` = this is the last.
    #[schema(value_type = Option<uuid::Uuid>)]
    next_cursor: Option<CommandId>,
}

/// Lists commands, newest first: those of the fleets that the caller may see.
#[utoipa::path(get, path = "/api/v1/commands", tag = "commands",
    extensions(("x-permission" = json!("watch"))), params(ListQuery),
    responses((status = 200, body = CommandPage)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<CommandPage>, Problem> {
    caller.may(Action::Watch)?;
    let limit = super::page::limit(query.limit)?;
    let filter = Filter {
        vehicle_id: query.vehicle_id,
        status: query.status,
        phase: query.state,
        user_id: query.user_id,
        from: query.start_date,
        until: query.end_date,
        sight: caller.session().sight(),
        before: query.cursor,
        limit,
        offset: query.offset,
    };
    let found = app.store.commands(&filter).await?;
    let next_cursor = super::page::last_of_full(&found, limit).map(|last| last.order.command_id);
    let commands = found.into_iter().map(|command| View::new(command, caller.session())).collect();
    Ok(Json(CommandPage { commands, limit, offset: query.offset, next_cursor }))
}

/// Shows a command.
#[utoipa::path(get, path = "/api/v1/commands/{command_id}", tag = "commands",
    extensions(("x-permission" = json!("watch"))),
    params(("command_id" = uuid::Uuid, Path)),
    responses((status = 200, body = View), (status = 404, body = super::problem::ProblemBody)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<View>, Problem> {
    caller.may(Action::Watch)?;
    let command = app.commands.visible(caller.session(), command_id(&id)?).await?;
    Ok(Json(View::new(command, caller.session())))
}

/// An id that is malformed is of nothing that exists.
pub(super) fn command_id(id: &str) -> Result<CommandId, Problem> {
    id.parse().map_err(|_| Problem::not_found("unknown-command", "No such command"))
}

/// One part of the vehicle's answer.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes stored JSON that is passed through as it is")]
pub(crate) struct CommandResponse {
    response_id: uuid::Uuid,
    command_id: uuid::Uuid,
    response_payload: serde_json::Value,
    sequence_number: u32,
    is_final: bool,
    #[schema(format = DateTime)]
    received_at: String,
}

/// Lists the answers of a command, in order. The array is written as it is read: however large it
/// is, it is never in memory as a whole.
#[utoipa::path(get, path = "/api/v1/commands/{command_id}/responses", tag = "commands",
    extensions(("x-permission" = json!("watch"))),
    params(("command_id" = uuid::Uuid, Path)),
    responses((status = 200, body = [CommandResponse]),
        (status = 404, body = super::problem::ProblemBody)))]
pub(crate) async fn responses(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Watch)?;
    let command = app.commands.visible(caller.session(), command_id(&id)?).await?;
    let last = command.last_offset;
    let pages = stream::try_unfold(
        Some((Arc::clone(&app.live), command.order.command_id, 0)),
        move |place| async move {
            let Some((live, id, after)) = place else { return Ok(None) };
            let (text, reached) = page(&live, id, after, last).await?;
            let next = (reached < last).then_some((live, id, reached));
            Ok::<_, std::io::Error>(Some((text, next)))
        },
    );
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], Body::from_stream(pages)))
}

/// A page of the array up to offset `last`, with its brackets and commas.
async fn page(
    live: &Live,
    id: CommandId,
    after: u64,
    last: u64,
) -> Result<(String, u64), std::io::Error> {
    let events = live.store.events_after(id, after, live.limits.page).await;
    let events = events.map_err(std::io::Error::other)?;
    let reached = events.last().map_or(last, |event| event.offset.min(last));
    let mut text = String::from(if after == 0 { "[" } else { "" });
    for event in events.iter().filter(|event| event.offset <= last) {
        if let Some(response) = response_of(event, id) {
            let is_first = event.sequence_number == Some(1);
            text.push_str(if is_first { "" } else { "," });
            text.push_str(&response);
        }
    }
    text.push_str(if reached >= last { "]" } else { "" });
    Ok((text, reached))
}

/// The response inside an event, with the id of its command.
fn response_of(event: &Event, command_id: CommandId) -> Option<String> {
    #[derive(Deserialize)]
    struct Stored<'a> {
        #[serde(borrow)]
        response: &'a RawValue,
    }
    let stored: Stored<'_> = (event.kind == Kind::Response)
        .then(|| serde_json::from_str(&event.frame).ok())
        .flatten()?;
    let fields = stored.response.get().strip_prefix('{')?;
    Some(format!(r#"{{"command_id":"{command_id}",{fields}"#))
}

/// Cancels a command: at once if nothing has been sent to the vehicle, else by asking the vehicle.
#[utoipa::path(post, path = "/api/v1/commands/{command_id}/cancel", tag = "commands",
    extensions(("x-permission" = json!("watch"))),
    params(("command_id" = uuid::Uuid, Path)),
    responses((status = 200, body = View), (status = 202, body = View),
        (status = 409, body = super::problem::ProblemBody)))]
pub(crate) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Watch)?;
    let command = app.commands.cancel(caller.session(), command_id(&id)?, &caller.origin).await?;
    let status = if command.phase().is_terminal() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(View::new(command, caller.session()))))
}
