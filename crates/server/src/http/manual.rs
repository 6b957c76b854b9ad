//! The manual of the API for people: a page with everything it needs in the binary.
//!
//! Refuses to load anything from elsewhere, by a policy of its own.

use super::App;
use super::encoding;
use super::problem::Problem;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

/// What the sockets speak, as AsyncAPI 3.
const STREAMS: &str = include_str!("../../../../docs/asyncapi.json");
/// Where the page is.
const PAGE: &str = "/docs/";
/// The page styles its parts by attributes, and draws its icons from `data:` addresses.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// The page, the description that it shows, and the way there.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/docs", get(async || Redirect::permanent(PAGE)))
        .route(PAGE, get(async |asked: HeaderMap| file("index.html", &asked)))
        .route(
            "/docs/{file}",
            get(async |Path(name): Path<String>, asked: HeaderMap| file(&name, &asked)),
        )
        .route("/openapi.json", get(description))
        .route("/asyncapi.json", get(async || json(STREAMS)))
}

fn json(text: impl IntoResponse) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text)
}

async fn description() -> impl IntoResponse {
    json(super::description::openapi())
}

/// A file of the page.
fn file(name: &str, asked: &HeaderMap) -> Result<Response, Problem> {
    let file = ::manual::file(name).ok_or_else(|| Problem::of_status(StatusCode::NOT_FOUND))?;
    let mut response = match file.gzip().filter(|_| encoding::reads(asked, "gzip")) {
        Some(gzip) => ([(header::CONTENT_ENCODING, "gzip")], gzip).into_response(),
        None => file.plain().ok_or_else(Problem::internal)?.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media_type));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    Ok(response)
}
