//! The web console: its page at every address that is nobody else's, and the files that it loads.
//!
//! Refuses to stand in the way: what belongs to the interface is answered by the interface alone.

use super::App;
use super::encoding;
use super::json::Json;
use super::problem::Problem;
use ::console::Asset;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

/// Everything comes from here, and nothing in the page itself is run.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; font-src 'self'; base-uri 'none'; object-src 'none'; \
     frame-ancestors 'none'; form-action 'self'; require-trusted-types-for 'script'",
);
/// A name with a hash in it has one content for ever.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// The first parts of addresses that are no pages of the console, whatever follows.
const RESERVED: [&str; 13] = [
    ".well-known",
    "api",
    "assets",
    "asyncapi.json",
    "auth",
    "docs",
    "health",
    "livez",
    "metrics",
    "openapi.json",
    "problems",
    "readyz",
    "ws",
];

/// The page, and the files.
pub(super) fn routes() -> Router<App> {
    let files = ::console::paths().filter(|path| path.starts_with("/assets/"));
    files
        .fold(Router::new(), |router, path| router.route(path, get(file)))
        .route("/", get(page))
        .fallback(elsewhere)
}

/// What a page has to know before anybody has logged in.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = UiConfig)]
pub(crate) struct View {
    /// The version of the server.
    version: &'static str,
    /// How long a command may wait for its vehicle if a submission does not say, in milliseconds.
    deliver_within_ms: u64,
    /// How long a vehicle may work on a command if neither the submission nor the catalogue says.
    run_timeout_ms: u64,
}

/// Tells a page what it has to know before anybody has logged in.
#[utoipa::path(get, path = "/api/v1/ui-config", tag = "console", security(()),
    responses((status = 200, body = View)))]
pub(crate) async fn config(State(app): State<App>) -> Json<View> {
    let commands = &app.config.commands;
    Json(View {
        version: env!("CARGO_PKG_VERSION"),
        deliver_within_ms: milliseconds(commands.deliver_within),
        run_timeout_ms: milliseconds(commands.run_timeout),
    })
}

fn milliseconds(span: std::time::Duration) -> u64 {
    span.as_millis().try_into().unwrap_or(u64::MAX)
}

async fn page(headers: HeaderMap) -> Result<Response, Problem> {
    let page = ::console::page().ok_or_else(unknown)?;
    serve(page, &headers)
}

async fn file(uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let asset = ::console::asset(uri.path()).ok_or_else(unknown)?;
    serve(asset, &headers)
}

/// An address that nobody else answers: a page of the console, for those who read pages.
async fn elsewhere(
    method: axum::http::Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let first = uri.path().trim_start_matches('/').split('/').next().unwrap_or_default();
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let reads_pages = accepts.is_some_and(|accepts| accepts.contains("text/html"));
    if !method.is_safe() || !reads_pages || RESERVED.contains(&first) {
        return Err(unknown());
    }
    page(headers).await
}

fn unknown() -> Problem {
    Problem::of_status(StatusCode::NOT_FOUND)
}

fn serve(asset: &'static Asset, asked: &HeaderMap) -> Result<Response, Problem> {
    let known = asked.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let is_known = known.is_some_and(|tags| tags.split(',').any(|tag| is_tag(tag, asset.etag)));
    let mut response =
        if is_known { StatusCode::NOT_MODIFIED.into_response() } else { content(asset, asked)? };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_static(asset.etag));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let cached = if asset.is_immutable { FOR_EVER } else { ASK_AGAIN };
    headers.insert(header::CACHE_CONTROL, cached);
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    Ok(response)
}

/// Whether a tag names this content; proxies that change the encoding make it a weak one.
fn is_tag(tag: &str, etag: &str) -> bool {
    let tag = tag.trim();
    tag == "*" || tag.trim_start_matches("W/") == etag
}

fn content(asset: &'static Asset, asked: &HeaderMap) -> Result<Response, Problem> {
    let media = (header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    if let Some(brotli) = asset.brotli().filter(|_| encoding::reads(asked, "br")) {
        let encoding = (header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        return Ok(([media, encoding], brotli).into_response());
    }
    let plain = asset.plain().map_err(|error| {
        tracing::error!(%error, "a file of the console cannot be read");
        Problem::internal()
    })?;
    Ok(([media], plain.into_owned()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_was_weakened_on_the_way_is_known() {
        assert!(is_tag(" W/\"a\"", "\"a\"") && is_tag("*", "\"a\""));
        assert!(!is_tag("\"b\"", "\"a\""));
    }
}
