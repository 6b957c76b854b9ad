//! Sign-in by OpenID Connect, as browsers meet it.
//!
//! Refuses to say anything in words of the provider: a page of ours is told a code of ours.

#[cfg(feature = "oidc")]
mod doors;

#[cfg(feature = "oidc")]
pub(super) use doors::routes;

use super::App;
use super::json::Json;
use axum::extract::State;
use serde::Serialize;

/// Another way to sign in than by password.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SingleSignOn)]
pub(crate) struct View {
    /// Whether there is one.
    is_offered: bool,
    /// What it is called: "Sign in with …".
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Where a browser begins it; `?next=` takes the page to come back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<&'static str>,
}

/// Where a browser begins.
const START: &str = "/auth/oidc/start";

/// Tells whether there is another way to sign in than by password, and how a browser begins it.
#[utoipa::path(get, path = "/api/v1/auth/oidc", tag = "auth", security(()),
    responses((status = 200, body = View)))]
pub(crate) async fn offer(State(app): State<App>) -> Json<View> {
    let config = &app.config.oidc;
    let is_offered = config.issuer.is_some();
    let name = is_offered.then(|| config.name.clone());
    Json(View { is_offered, name, start: is_offered.then_some(START) })
}
