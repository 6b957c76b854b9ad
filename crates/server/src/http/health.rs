//! Whether the node is alive, ready and well, for those who run it.
//!
//! Refuses to be a burden: one question to the store at most, and an answer within two seconds.

use super::App;
use super::json::Json;
use super::problem::{Problem, ProblemBody};
use crate::observe;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use store::StoreError;

/// How long the store may take to answer before the node counts as not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// That the process answers.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Alive {
    /// Always `alive`.
    status: &'static str,
}

/// Says that the process answers; asks nobody else.
#[utoipa::path(get, path = "/livez", tag = "health", security(()),
    responses((status = 200, body = Alive)))]
pub(crate) async fn livez() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// The same as `/livez`.
#[utoipa::path(get, path = "/health/live", tag = "health", security(()),
    responses((status = 200, body = Alive)))]
pub(crate) async fn live() -> Json<Alive> {
    livez().await
}

/// What the node is.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Healthy {
    /// Always `healthy`.
    status: &'static str,
    service: &'static str,
    version: &'static str,
}

/// Says what answers, and in which version.
#[utoipa::path(get, path = "/health", tag = "health", security(()),
    responses((status = 200, body = Healthy)))]
pub(crate) async fn health() -> Json<Healthy> {
    let version = env!("CARGO_PKG_VERSION");
    Json(Healthy { status: "healthy", service: "fleetwire", version })
}

/// Whether the node takes work.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Readiness {
    /// `ready`, or `degraded`: it answers, but not everything works.
    status: &'static str,
    /// What it depends on, if asked for by `?verbose`.
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Checks>,
}

/// Each dependency in a word.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Checks {
    /// `ok`, or `full`: the disk has no room left; it can be read.
    store: &'static str,
    /// `ok`: events pass from node to node, or need not; `away`: Redis does not answer, and watchers
    /// get events of other nodes up to two seconds late.
    bus: &'static str,
}

/// Says whether the node takes work: `503` while the store does not answer.
#[utoipa::path(get, path = "/readyz", tag = "health", security(()),
    params(("verbose" = Option<String>, Query, pattern = r"^[^\x00-\x1f]*$",
        description = "Names each dependency")),
    responses((status = 200, body = Readiness), (status = 503, body = ProblemBody)))]
pub(crate) async fn readyz(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Json<Readiness>, Problem> {
    let store = store(&app).await?;
    let bus = if app.commands.bus().is_up() { "ok" } else { "away" };
    let status = if store == "ok" && bus == "ok" { "ready" } else { "degraded" };
    let is_verbose = query.is_some_and(|query| query.starts_with("verbose"));
    let checks = is_verbose.then_some(Checks { store, bus });
    Ok(Json(Readiness { status, checks }))
}

/// The same as `/readyz?verbose`.
#[utoipa::path(get, path = "/health/ready", tag = "health", security(()),
    responses((status = 200, body = Readiness), (status = 503, body = ProblemBody)))]
pub(crate) async fn ready(app: State<App>) -> Result<Json<Readiness>, Problem> {
    readyz(app, RawQuery(Some("verbose".to_owned()))).await
}

async fn store(app: &App) -> Result<&'static str, Problem> {
    let not_ready = |fault: &str| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "The node takes no work now")
            .field("store", fault)
            .retry_after(PATIENCE)
    };
    match tokio::time::timeout(PATIENCE, app.store.check(app.commands.node())).await {
        Ok(Ok(())) => Ok("ok"),
        Ok(Err(StoreError::Full(_))) => Ok("full"),
        Ok(Err(error)) => {
            tracing::warn!(cause = observe::chain(&error), "not ready");
            Err(not_ready("does not take writes"))
        }
        Err(_) => Err(not_ready("does not answer")),
    }
}

/// The metrics of this node, in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "health", security(()),
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render())
}

/// The public keys that access tokens are signed with, as a JWKS.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth", security(()),
    responses((status = 200, body = Object)))]
pub(crate) async fn jwks(State(app): State<App>) -> Json<Value> {
    Json(app.auth.jwks())
}
