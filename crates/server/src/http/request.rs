//! What happens around every request: names, log line, metrics, problems, security headers.
//!
//! Refuses to log addresses with secrets in them: the route's template stands for the path.

use super::App;
use super::origin::RequestNames;
use super::problem::Problem;
use crate::observe;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use std::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// What no answer of ours may be used for.
const SECURITY: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
];

/// Names the request, times it, and writes down the problem that it may have ended in.
pub(super) async fn observe(State(_): State<App>, mut request: Request, next: Next) -> Response {
    let names = names(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "unmatched".to_owned());
    request.extensions_mut().insert(names.clone());
    let span = tracing::info_span!(
        "request",
        request_id = names.request_id,
        trace_id = names.trace_id,
        route
    );
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    if let Some(problem) = problem_of(&mut response) {
        let headers = std::mem::take(response.headers_mut());
        response = problem.render(names.trace_id.clone());
        keep(&headers, response.headers_mut());
    }
    if let Ok(value) = HeaderValue::from_str(&names.request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    observe::http_request(&route, method.as_str(), status.as_u16(), started.elapsed());
    span.in_scope(|| tracing::debug!(%method, status = status.as_u16(), "http_request"));
    response
}

/// The problem that a failure ended in, whoever found it.
fn problem_of(response: &mut Response) -> Option<Problem> {
    let status = response.status();
    let ours = response.extensions_mut().remove::<Problem>();
    let is_failure = status.is_client_error() || status.is_server_error();
    ours.or_else(|| is_failure.then(|| Problem::of_status(status)))
}

/// Keeps the headers that a failure had beside its body, such as `Allow`.
fn keep(from: &HeaderMap, to: &mut HeaderMap) {
    for name in [header::ALLOW, header::UPGRADE, header::CONNECTION] {
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
}

/// Adds the headers that every answer carries.
pub(super) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

pub(super) fn names(headers: &HeaderMap) -> RequestNames {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let request_id = given
        .filter(|id| is_sane(id))
        .map_or_else(|| Uuid::now_v7().to_string(), ToOwned::to_owned);
    let parent = headers.get(TRACE_PARENT).and_then(|value| value.to_str().ok());
    let trace_id = parent
        .and_then(trace_of)
        .map_or_else(|| Uuid::new_v4().simple().to_string(), ToOwned::to_owned);
    RequestNames { request_id, trace_id }
}

/// Whether a client's id for its request may be repeated in headers and logs.
fn is_sane(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=128).contains(&id.len()) && id.bytes().all(allowed)
}

/// The trace id of a W3C `traceparent`: `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`.
fn trace_of(parent: &str) -> Option<&str> {
    let mut fields = parent.split('-');
    let (_, trace) = (fields.next().filter(|version| version.len() == 2)?, fields.next()?);
    let is_hex =
        trace.len() == 32 && trace.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex && trace.bytes().any(|byte| byte != b'0')).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_carried_on() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace_of(parent), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!(trace_of("00-xyz-1-01"), None);
        assert_eq!(
            trace_of(&parent.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32))),
            None
        );
    }

    #[test]
    fn insane_request_ids_are_replaced() {
        assert!(is_sane("build-42.7_x"));
        assert!(!is_sane("a b") && !is_sane("") && !is_sane(&"x".repeat(129)));
    }
}
