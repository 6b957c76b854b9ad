//! Bodies: JSON that is what it says, with an answer that names what is wrong.
//!
//! Refuses other media types, deep nesting, unknown fields and bodies that take too long to come.

use super::App;
use super::problem::Problem;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::nesting::depth;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How deep a body may nest.
const DEPTH: usize = 64;

/// A JSON body, read or to be written.
pub(crate) struct Json<T>(pub(crate) T);

/// A whole body, whatever it is.
pub(crate) struct Whole(pub(crate) Bytes);

impl FromRequest<App> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let arriving = Bytes::from_request(request, app);
        match tokio::time::timeout(app.config.http.body_timeout, arriving).await {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(rejection)) => Err(Problem::of_status(rejection.status())),
            Err(_) => Err(Problem::of_status(StatusCode::REQUEST_TIMEOUT)),
        }
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        let Whole(bytes) = Whole::from_request(request, app).await?;
        body(&headers, &bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Reads a body that has to be JSON.
pub(crate) fn body<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    if !is_json(headers) {
        let problem = Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        return Err(problem.detail("send Content-Type: application/json"));
    }
    let malformed = |detail: String| {
        Problem::new(StatusCode::BAD_REQUEST, "malformed-json", "The body is no JSON")
            .detail(detail)
    };
    if depth(body) > DEPTH {
        return Err(malformed(format!("it nests deeper than {DEPTH} levels")));
    }
    serde_json::from_slice(body).map_err(|error| {
        let detail = error.to_string();
        if error.is_data() { Problem::invalid().detail(detail) } else { malformed(detail) }
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media.and_then(|media| media.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
