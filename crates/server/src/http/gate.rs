//! What is refused by its first line alone, before any route sees it.
//!
//! Refuses addresses that are too long, hold control characters, or hold a token: an address is
//! written into logs and histories.

use super::problem::Problem;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

/// Bytes of the longest path with its query.
const LONGEST: usize = 8 * 1024;
/// Browsers cannot give a WebSocket a header: there, and only there, a token may stand in the query.
const SOCKETS: &str = "/ws";

/// Lets through what can be asked.
pub(super) async fn check(request: Request, next: Next) -> Response {
    match refused(request.uri()) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

pub(super) fn refused(uri: &Uri) -> Option<Problem> {
    let (path, query) = (uri.path(), uri.query().unwrap_or_default());
    let bad = || Problem::of_status(StatusCode::BAD_REQUEST);
    if path.len() + query.len() > LONGEST {
        let problem = Problem::of_status(StatusCode::URI_TOO_LONG);
        return Some(problem.detail(format!("it has more than {LONGEST} bytes")));
    }
    if has_control(path) || has_control(query) {
        return Some(bad().detail("the address holds a control character"));
    }
    let is_token = |name: &str| matches!(name, "token" | "access_token" | "refresh_token");
    let is_socket = path == SOCKETS || path.starts_with("/ws/");
    if !is_socket && form_urlencoded::parse(query.as_bytes()).any(|(name, _)| is_token(&name)) {
        return Some(
            bad().detail("give the token in the Authorization header, not in the address"),
        );
    }
    None
}

/// Whether an address holds a percent-encoded control character; a bare one is no HTTP.
fn has_control(encoded: &str) -> bool {
    encoded.as_bytes().windows(3).any(|bytes| matches!(bytes, [b'%', b'0' | b'1', _]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(address: &str) -> bool {
        refused(&address.parse().unwrap()).is_some()
    }

    #[test]
    fn tokens_stand_in_the_address_of_sockets_only() {
        assert!(is_refused("/api/v1/vehicles?limit=1&token=x"));
        assert!(is_refused("/api/v1/vehicles?%74oken=x"));
        assert!(!is_refused("/ws/responses/1?token=x") && !is_refused("/ws?token=x"));
    }

    #[test]
    fn control_characters_and_endless_addresses_are_refused() {
        assert!(is_refused("/api/v1/vehicles?search=%00") && is_refused("/api/v1/%1bvehicles"));
        assert!(!is_refused("/api/v1/vehicles?search=100%25"));
        assert!(is_refused(&format!("/{}", "x".repeat(LONGEST))));
    }
}
