//! The events of a command for clients without WebSocket.
//!
//! Refuses a cursor of its own: SSE and long-poll are the same watcher.

use super::App;
use super::caller::Caller;
use super::problem::Problem;
use super::query::Query;
use crate::live::frame::Frame;
use crate::live::sse::{self, Poll};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::user::Action;
use serde::Deserialize;
use std::time::Duration;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Proxies that understand it do not hold events back.
const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// The longest that a long-poll may wait.
const MAX_WAIT: u64 = 60;

/// Where to begin and how long to wait.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FollowQuery {
    /// Only events after this offset; `Last-Event-ID` says the same.
    #[param(format = "uint64", maximum = 18_446_744_073_709_551_615_u64)]
    after: Option<u64>,
    /// Long-poll: seconds to wait for the next event, at most 60; default 25.
    #[param(format = "uint64")]
    wait: Option<u64>,
}

/// A page of the events of a command.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes what is joined from frames")]
pub(crate) struct EventPage {
    #[schema(value_type = Vec<Object>)]
    events: Vec<Frame>,
    /// Give it as `after` for the next page.
    next_after: u64,
    /// Whether there is none.
    terminal: bool,
}

/// Follows the events of a command.
///
/// Server-sent events unless the client accepts `application/json` only: then one page of
/// `{events, next_after, terminal}`, as soon as there is one.
#[utoipa::path(get, path = "/api/v1/commands/{command_id}/events", tag = "commands",
    extensions(("x-permission" = json!("watch"))),
    params(("command_id" = uuid::Uuid, Path), FollowQuery),
    responses((status = 200, description = "The events",
            content((String = "text/event-stream"), (EventPage = "application/json"))),
        (status = 404, body = super::problem::ProblemBody),
        (status = 429, body = super::problem::ProblemBody)))]
pub(crate) async fn follow(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<FollowQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.may(Action::Watch)?;
    let command_id = super::commands::command_id(&id)?;
    app.commands.visible(caller.session(), command_id).await?;
    let after = query.after.or_else(|| last_event_id(&headers)).unwrap_or(0);
    let seat = app.seats.take(caller.session().user_id()).ok_or_else(over_limit)?;
    let watcher = app.live.watch(command_id, after);
    if wants_json(&headers) {
        let wait = Duration::from_secs(query.wait.unwrap_or(25).min(MAX_WAIT));
        let from = (app.auth.clone(), caller.pass);
        return Ok(page(&sse::poll((watcher, seat), wait, from, app.shutdown.clone()).await?));
    }
    let body = sse::body((watcher, seat), (app.auth.clone(), caller.pass), app.shutdown.clone());
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (NO_BUFFERING, HeaderValue::from_static("no")),
    ];
    Ok((head, Body::from_stream(body)).into_response())
}

fn over_limit() -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-streams", "Too many streams")
        .detail("this user, or all together, have as many streams and sockets as they may: end one")
}

pub(super) fn last_event_id(headers: &HeaderMap) -> Option<u64> {
    headers.get(LAST_EVENT_ID)?.to_str().ok()?.parse().ok()
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| {
        accept.contains("application/json") && !accept.contains("text/event-stream")
    })
}

/// The frames are JSON already: they are joined, not encoded again.
fn page(poll: &Poll) -> Response {
    let texts: Vec<&str> = poll.frames.iter().map(Frame::text).collect();
    let body = format!(
        r#"{{"events":[{}],"next_after":{},"terminal":{}}}"#,
        texts.join(","),
        poll.next_after,
        poll.is_terminal
    );
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}
