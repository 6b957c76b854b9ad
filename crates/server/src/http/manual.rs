//! The manual of the API for people: a page with everything it needs in the binary.
//!
//! Refuses to load anything from elsewhere, by a policy of its own.

use super::App;
use super::problem::Problem;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use std::sync::Arc;
use utoipa_swagger_ui::Config;

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
        .route(PAGE, get(async || file("index.html")))
        .route("/docs/{file}", get(async |Path(name): Path<String>| file(&name)))
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
fn file(name: &str) -> Result<Response, Problem> {
    // The validator would send the description of this installation to somebody else.
    let config = Config::from("/openapi.json").validator_url("none").persist_authorization(false);
    let unknown = || Problem::of_status(StatusCode::NOT_FOUND);
    let found = utoipa_swagger_ui::serve(name, Arc::new(config)).map_err(|error| {
        tracing::error!(%error, "the manual cannot be shown");
        Problem::internal()
    })?;
    let found = found.ok_or_else(unknown)?;
    let mut response = found.bytes.into_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    if let Ok(media) = HeaderValue::try_from(found.content_type) {
        headers.insert(header::CONTENT_TYPE, media);
    }
    Ok(response)
}
