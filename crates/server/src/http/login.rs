//! Logging in and out.
//!
//! Refuses to say why a login failed, and access tokens in cookies.

use super::App;
use super::caller::{Caller, Person};
use super::cookie;
use super::json::Json;
use super::origin;
use super::problem::{Problem, ProblemBody};
use crate::auth::Tokens;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
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
    /// Whether the refresh token goes into a cookie that no script can read, and not into the answer.
    #[serde(default)]
    #[schema(required = false)]
    cookie: bool,
}

/// The refresh token of a login or of the refresh before. No `Debug`: it is a secret.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renewal {
    /// Absent = the one in the cookie, from a page of this server; the next one goes there too.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
}

/// What a login gives. No `Debug`: these are secrets.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Tokens)]
pub(crate) struct View {
    /// Gives access: `Authorization: Bearer <access_token>`.
    access_token: String,
    /// Exchanges for the next tokens, once; absent if it is in the cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Always `bearer`.
    token_type: &'static str,
    /// How long the access token is valid, in seconds.
    expires_in: u64,
}

/// The answer; the refresh token is in it, or in the cookie.
fn answer(app: &App, tokens: &Tokens, is_in_cookie: bool) -> Response {
    let refresh_token = tokens.refresh_token.expose_secret();
    let set = is_in_cookie.then(|| cookie::set(refresh_token, app.config.auth.refresh_idle));
    let view = View {
        access_token: tokens.access_token.expose_secret().to_owned(),
        refresh_token: (!is_in_cookie).then(|| refresh_token.to_owned()),
        token_type: "bearer",
        expires_in: tokens.expires_in.as_secs(),
    };
    (with_cookie(set.flatten()), Json(view)).into_response()
}

fn with_cookie(
    value: Option<HeaderValue>,
) -> AppendHeaders<Option<(header::HeaderName, HeaderValue)>> {
    AppendHeaders(value.map(|value| (header::SET_COOKIE, value)))
}

/// Logs in.
///
/// An unknown name, a wrong password and a user who may not log in are answered alike. Whoever
/// fails too often waits: `429` says how long. A password that an admin has set has to be changed
/// first: `403` with `password-change-needed`.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", security(()),
    responses((status = 200, body = View), (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody), (status = 429, body = ProblemBody)))]
pub(crate) async fn login(
    State(app): State<App>,
    origin::From(origin): origin::From,
    Json(credentials): Json<Credentials>,
) -> Result<Response, Problem> {
    let Credentials { username, password, cookie } = credentials;
    let tokens = app.auth.login(&username, password, &origin).await?;
    Ok(answer(&app, &tokens, cookie))
}

/// Exchanges a refresh token for the next tokens.
///
/// A refresh token is good once. Presenting one twice ends the session: one of the two was stolen.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "auth", security(()),
    responses((status = 200, body = View), (status = 401, body = ProblemBody)))]
pub(crate) async fn refresh(
    State(app): State<App>,
    origin::From(origin): origin::From,
    headers: HeaderMap,
    Json(renewal): Json<Renewal>,
) -> Result<Response, Problem> {
    if let Some(token) = renewal.refresh_token {
        let tokens = app.auth.refresh(token.expose_secret(), &origin).await?;
        return Ok(answer(&app, &tokens, false));
    }
    let missing = || Problem::unauthenticated("give a refresh token");
    let token = cookie::token(&headers)?.ok_or_else(missing)?;
    let tokens = app.auth.refresh(&token, &origin).await?;
    Ok(answer(&app, &tokens, true))
}

/// What came of something that answers nothing else.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Done {
    /// For people.
    pub(super) message: &'static str,
}

/// Ends the session: its tokens open nothing any more, its sockets are closed. Anybody may.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth",
    extensions(("x-permission" = json!("login"))),
    responses((status = 200, body = Done)))]
pub(crate) async fn logout(
    State(app): State<App>,
    Person(caller): Person,
) -> Result<impl IntoResponse, Problem> {
    app.auth.logout(caller.session(), &caller.origin).await?;
    Ok((with_cookie(cookie::clear()), Json(Done { message: "logged out" })))
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
