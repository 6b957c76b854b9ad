//! Changing one's own password over HTTP.
//!
//! Refuses to take a token for it: whoever found a page open does not know the password.

use super::App;
use super::json::Json;
use super::login::Done;
use super::origin;
use super::problem::{Problem, ProblemBody};
use axum::extract::State;
use secrecy::SecretString;
use serde::Deserialize;

/// A password and the next one. No `Debug`: these are secrets.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordChange)]
pub(crate) struct Draft {
    username: String,
    #[schema(value_type = String, format = Password)]
    current: SecretString,
    /// At least 15 characters, not easy to guess, and another one.
    #[schema(value_type = String, format = Password, min_length = 15, max_length = 1024)]
    new: SecretString,
}

/// Changes the password of whoever knows it, and ends all their sessions and API tokens.
///
/// A password that an admin has set is good for nothing else. Who does not know the present one is
/// answered as by a login.
#[utoipa::path(post, path = "/api/v1/auth/password", tag = "auth", security(()),
    responses((status = 200, body = Done), (status = 401, body = ProblemBody),
        (status = 422, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub(crate) async fn change(
    State(app): State<App>,
    origin::From(origin): origin::From,
    Json(draft): Json<Draft>,
) -> Result<Json<Done>, Problem> {
    let Draft { username, current, new } = draft;
    app.auth.change_password(&username, current, new, &origin).await?;
    Ok(Json(Done { message: "password changed: log in with it" }))
}
