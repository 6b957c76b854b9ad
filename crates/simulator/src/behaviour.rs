//! Lets requests of commands be counted, delayed and spoilt as the vehicle is set.
//!
//! Requests without a command id pass untouched; what a request means is the business of `sovd`.

mod stream;

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream as streams};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ledger::Effect;
use crate::refusal::Refusal;
use crate::setting::Failure;
use crate::vehicle::{Conduct, Simulated};

const COMMAND_ID: &str = "x-fleetwire-command-id";
const MAX_REQUEST_BYTES: usize = 1024 * 1024;
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
const BROKEN_JSON: &str = r#"{"items": [{"code": "P04"#;

/// What answering needs: the vehicle, and where work goes that must outlive its request.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) vehicle: Arc<Simulated>,
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

/// Answers a request, in the way the vehicle is set if a command sent it.
pub(crate) async fn act(State(stage): State<Stage>, request: Request, next: Next) -> Response {
    let Some(command) = command_of(request.headers()) else {
        return next.run(request).await;
    };
    let streamed = wants_stream(request.headers());
    let effect = if request.method().is_safe() { Effect::Reads } else { Effect::Changes };
    let request = match in_full(request).await {
        Ok(request) => request,
        Err(refusal) => return refusal.into_response(),
    };
    let conduct = stage.vehicle.receive(&command, effect);
    let answer = stage.answer(&conduct, request, next).await;
    spoil(answer, conduct, streamed).await
}

impl Stage {
    /// A delayed request takes effect even if its client leaves meanwhile: it was counted.
    async fn answer(&self, conduct: &Conduct, request: Request, next: Next) -> Response {
        let Some(delay) = conduct.delay else { return next.run(request).await };
        let work = async move {
            tokio::time::sleep(delay).await;
            next.run(request).await
        };
        let shutdown = self.shutdown.clone();
        let task = self.tasks.spawn(shutdown.run_until_cancelled_owned(work));
        let done = task.await.ok().flatten();
        done.unwrap_or_else(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
    }
}

/// Turns the true answer into the one that is sent.
async fn spoil(answer: Response, conduct: Conduct, streamed: bool) -> Response {
    let parts = conduct.parts.filter(|_| streamed);
    match (conduct.fault, parts) {
        (Some(Failure::Timeout), _) => std::future::pending().await,
        (Some(Failure::Malformed), _) => broken(),
        (fault, Some(parts)) => stream::answer(parts, fault),
        (Some(Failure::Truncated), None) => truncated(answer).await,
        (Some(Failure::Unreachable | Failure::Duplicate | Failure::Reorder) | None, None) => answer,
    }
}

/// The request with its body read to the end.
async fn in_full(request: Request) -> Result<Request, Refusal> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, MAX_REQUEST_BYTES)
        .await
        .map_err(|_| Refusal::Unreadable { limit: MAX_REQUEST_BYTES })?;
    Ok(Request::from_parts(head, body.into()))
}

fn broken() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], BROKEN_JSON).into_response()
}

/// Announces the whole answer, sends half of it and breaks off.
async fn truncated(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    let whole = to_bytes(body, MAX_ANSWER_BYTES).await.unwrap_or_default();
    let whole = if whole.is_empty() { Bytes::from_static(BROKEN_JSON.as_bytes()) } else { whole };
    if head.status == StatusCode::NO_CONTENT {
        // An answer without content could not be cut short.
        head.status = StatusCode::OK;
    }
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let half = whole.slice(..whole.len() / 2);
    let sent = streams::iter([Ok(half)]).chain(streams::once(breaking_off()));
    Response::from_parts(head, Body::from_stream(sent))
}

/// Fails only after a pause: the half before it is sent when the body has nothing to give.
async fn breaking_off() -> io::Result<Bytes> {
    tokio::task::yield_now().await;
    Err(io::ErrorKind::ConnectionAborted.into())
}

fn command_of(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(COMMAND_ID)?.to_str().ok()?;
    Some(id.to_owned())
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let mut accepted =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.any(|types| types.contains("text/event-stream"))
}
