//! Tokens of machines over HTTP: made by their owners, shown once, revoked.
//!
//! Refuses a token that asks for a token, and to show a secret again.

use super::App;
use super::caller::Person;
use super::json::Json;
use super::problem::{Problem, ProblemBody};
use super::query::Query;
use super::sessions::{self, Owner};
use super::text;
use crate::auth::{TokenWish, hash_of, revoke_token};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use model::Timestamp;
use model::id::{FleetId, SessionId, UserId};
use model::user::{Action, Role};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use store::Token;

/// A token to make.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiTokenDraft)]
pub(crate) struct Draft {
    /// What it is called, for people.
    #[schema(
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    name: String,
    /// viewer, engineer, senior, approver, auditor or admin, if its owner may all that; absent = what
    /// its owner is now. If its owner becomes less, so does the token.
    #[schema(value_type = Option<String>,
        pattern = "^(viewer|engineer|senior|approver|auditor|admin)$")]
    role: Option<Role>,
    /// The only fleets that it sees, of those that its owner sees; absent = all of those.
    #[schema(value_type = Option<Vec<uuid::Uuid>>)]
    fleets: Option<Vec<FleetId>>,
    /// When it ends, at most `auth.token_life` from now.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// A token that is alive. Its secret is not known.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ApiToken)]
pub(crate) struct View {
    #[schema(value_type = uuid::Uuid)]
    token_id: SessionId,
    #[schema(value_type = uuid::Uuid)]
    user_id: UserId,
    name: String,
    /// viewer, engineer, senior, approver, auditor or admin.
    #[schema(value_type = String)]
    role: Role,
    /// The only fleets that it sees; `null` = those that its owner sees.
    #[schema(value_type = Option<Vec<uuid::Uuid>>)]
    fleets: Option<Vec<FleetId>>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When it was used last, to the minute; `null` = never.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// What the audit calls it.
    session_hash: String,
}

impl From<Token> for View {
    fn from(token: Token) -> Self {
        let Token { session_id, user_id, name, role, fleets, created_at, .. } = token;
        Self {
            token_id: session_id,
            user_id,
            name,
            role,
            fleets,
            created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            session_hash: hash_of(session_id),
        }
    }
}

/// A new token. No `Debug`: it has the secret.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = NewApiToken)]
pub(crate) struct Created {
    /// Gives access: `Authorization: Bearer <token>`. It is shown this once.
    #[schema(pattern = "^fwa_[A-Za-z0-9_-]{43}$")]
    token: String,
    #[serde(flatten)]
    view: View,
}

/// Makes a token for a machine, which gives what its owner may, within its role and its fleets.
///
/// It serves for everything but the affairs of people: users, grants, logins, passwords and tokens.
/// It ends when it says, when it is revoked, when its owner gets a new password or is disabled.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens",
    extensions(("x-permission" = json!("login"))),
    responses((status = 201, body = Created), (status = 409, body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub(crate) async fn create(
    State(app): State<App>,
    Person(caller): Person,
    Json(draft): Json<Draft>,
) -> Result<impl IntoResponse, Problem> {
    let Draft { name, role, fleets, expires_at } = draft;
    let wish = TokenWish { name: text::name("/name", name)?, role, fleets, expires_at };
    let issued = app.auth.issue_api_token(caller.session(), wish, &caller.origin).await?;
    let view = View::from(issued.token);
    let location = [(header::LOCATION, format!("/api/v1/tokens/{}", view.token_id))];
    let token = issued.secret.expose_secret().to_owned();
    Ok((StatusCode::CREATED, location, Json(Created { token, view })))
}

/// Lists the tokens of a user that are alive, newest first; at most 1,000.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens",
    extensions(("x-permission" = json!("login"))), params(Owner),
    responses((status = 200, body = [View]), (status = 404, body = ProblemBody)))]
pub(crate) async fn list(
    State(app): State<App>,
    Person(caller): Person,
    Query(whose): Query<Owner>,
) -> Result<Json<Vec<View>>, Problem> {
    let user_id = sessions::owner(&app, &caller, &whose).await?;
    let tokens = app.store.tokens(user_id).await?;
    Ok(Json(tokens.into_iter().map(View::from).collect()))
}

/// Revokes a token: requests and open sockets of it are refused within a second, on every server.
#[utoipa::path(delete, path = "/api/v1/tokens/{token_id}", tag = "tokens",
    extensions(("x-permission" = json!("login"))),
    params(("token_id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ProblemBody)))]
pub(crate) async fn revoke(
    State(app): State<App>,
    Person(caller): Person,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let token_id: SessionId = id.parse().map_err(|_| unknown())?;
    let is_admin = caller.may(Action::Administer).is_ok();
    let of = (!is_admin).then(|| caller.session().user_id());
    let deed = |object| caller.deed("authn_token_revoked", object);
    let is_revoked = revoke_token(&app.store, token_id, of, deed).await?;
    is_revoked.then_some(StatusCode::NO_CONTENT).ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::not_found("unknown-token", "No such token")
}
