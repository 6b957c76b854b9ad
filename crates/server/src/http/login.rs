//! Logging in and out.
//!
//! Refuses to say why a login failed, and tokens in cookies.

use super::App;
use super::caller::Caller;
use super::json::Json;
use super::origin;
use super::problem::{Problem, ProblemBody};
use crate::auth::Tokens;
use axum::extract::State;
use model::id::UserId;
use model::user::Role;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// Who somebody says they are. No `Debug`: it holds a password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    username: String,
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// The refresh token of a login or of the refresh before. No `Debug`: it is a secret.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renewal {
    #[schema(value_type = String)]
    refresh_token: SecretString,
}

/// What a login gives. No `Debug`: these are secrets.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Tokens)]
pub(crate) struct View {
    /// Gives access: `Authorization: Bearer <access_token>`.
    access_token: String,
    /// Exchanges for the next tokens, once.
    refresh_token: String,
    /// Always `bearer`.
    token_type: &'static str,
    /// How long the access token is valid, in seconds.
    expires_in: u64,
}

impl From<Tokens> for View {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access_token.expose_secret().to_owned(),
            refresh_token: tokens.refresh_token.expose_secret().to_owned(),
            token_type: "bearer",
            expires_in: tokens.expires_in.as_secs(),
        }
    }
}

/// Logs in.
///
/// An unknown name, a wrong password and a user who may not log in are answered alike. Whoever
/// fails too often waits: `429` says how long.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", security(()),
    responses((status = 200, body = View), (status = 401, body = ProblemBody),
        (status = 429, body = ProblemBody)))]
pub(crate) async fn login(
    State(app): State<App>,
    origin::From(origin): origin::From,
    Json(credentials): Json<Credentials>,
) -> Result<Json<View>, Problem> {
    let Credentials { username, password } = credentials;
    let tokens = app.auth.login(&username, password, &origin).await?;
    Ok(Json(tokens.into()))
}

/// Exchanges a refresh token for the next tokens.
///
/// A refresh token is good once. Presenting one twice ends the session: one of the two was stolen.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "auth", security(()),
    responses((status = 200, body = View), (status = 401, body = ProblemBody)))]
pub(crate) async fn refresh(
    State(app): State<App>,
    origin::From(origin): origin::From,
    Json(renewal): Json<Renewal>,
) -> Result<Json<View>, Problem> {
    let tokens = app.auth.refresh(renewal.refresh_token.expose_secret(), &origin).await?;
    Ok(Json(tokens.into()))
}

/// What came of something that answers nothing else.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Done {
    /// For people.
    message: &'static str,
}

/// Ends the session: its tokens open nothing any more, its sockets are closed. Anybody may.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth",
    extensions(("x-permission" = json!("login"))),
    responses((status = 200, body = Done)))]
pub(crate) async fn logout(State(app): State<App>, caller: Caller) -> Result<Json<Done>, Problem> {
    app.auth.logout(caller.session(), &caller.origin).await?;
    Ok(Json(Done { message: "logged out" }))
}

/// Who the caller is.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Me {
    #[schema(value_type = uuid::Uuid)]
    user_id: UserId,
    username: String,
    /// viewer, engineer, senior, approver, auditor or admin.
    #[schema(value_type = String)]
    role: Role,
    email: Option<String>,
}

/// Shows who the caller is. Anybody may ask that.
#[utoipa::path(get, path = "/api/v1/auth/me", tag = "auth",
    extensions(("x-permission" = json!("login"))), responses((status = 200, body = Me)))]
pub(crate) async fn me(caller: Caller) -> Json<Me> {
    let session = caller.session();
    Json(Me {
        user_id: session.user_id(),
        username: session.username().to_owned(),
        role: session.role(),
        email: session.email().map(ToOwned::to_owned),
    })
}
