//! Logins over HTTP: one's own, and for admins anybody's.
//!
//! Refuses to tell whether a login of somebody else exists.

use super::App;
use super::caller::{Caller, Person};
use super::json::Json;
use super::problem::{Problem, ProblemBody};
use super::query::Query;
use super::users;
use crate::auth::hash_of;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::Timestamp;
use model::id::{SessionId, UserId};
use model::user::Action;
use serde::{Deserialize, Serialize};
use store::Login;

/// Whose logins or tokens.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Owner {
    /// Of this user, for admins; absent = one's own.
    #[param(value_type = Option<uuid::Uuid>)]
    user_id: Option<UserId>,
}

/// A login that is alive.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Session)]
pub(crate) struct View {
    #[schema(value_type = uuid::Uuid)]
    session_id: SessionId,
    #[schema(value_type = uuid::Uuid)]
    user_id: UserId,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ends, whatever happens.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When it ends unless it is refreshed.
    #[schema(value_type = String, format = DateTime)]
    idle_until: Timestamp,
    /// What the audit calls it.
    session_hash: String,
    /// Whether it is the one that asks.
    is_current: bool,
}

impl View {
    fn new(login: &Login, caller: &Caller) -> Self {
        Self {
            is_current: caller.session().session_id() == Some(login.session_id),
            session_hash: hash_of(login.session_id),
            session_id: login.session_id,
            user_id: login.user_id,
            created_at: login.created_at,
            expires_at: login.expires_at,
            idle_until: login.idle_until,
        }
    }
}

/// How many logins have been ended.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct EndedSessions {
    ended: u64,
}

/// Everybody disposes of their own logins; those of others, if they exist, are for admins.
pub(super) async fn owner(app: &App, caller: &Caller, owner: &Owner) -> Result<UserId, Problem> {
    let own = caller.session().user_id();
    let user_id = owner.user_id.unwrap_or(own);
    if user_id != own {
        caller.may(Action::Administer)?;
    }
    app.store.user(user_id).await?.ok_or_else(users::unknown)?;
    Ok(user_id)
}

/// Lists the logins of a user that are alive, newest first; at most 1,000.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions",
    extensions(("x-permission" = json!("login"))), params(Owner),
    responses((status = 200, body = [View]), (status = 404, body = ProblemBody)))]
pub(crate) async fn list(
    State(app): State<App>,
    Person(caller): Person,
    Query(whose): Query<Owner>,
) -> Result<Json<Vec<View>>, Problem> {
    let user_id = owner(&app, &caller, &whose).await?;
    let logins = app.store.logins(user_id).await?;
    Ok(Json(logins.iter().map(|login| View::new(login, &caller)).collect()))
}

/// Ends a login: requests and open sockets of it are refused within a second, on every server.
#[utoipa::path(delete, path = "/api/v1/sessions/{session_id}", tag = "sessions",
    extensions(("x-permission" = json!("login"))),
    params(("session_id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ProblemBody)))]
pub(crate) async fn end(
    State(app): State<App>,
    Person(caller): Person,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let unknown = || Problem::not_found("unknown-session", "No such session");
    let session_id: SessionId = id.parse().map_err(|_| unknown())?;
    let is_admin = caller.may(Action::Administer).is_ok();
    let of = (!is_admin).then(|| caller.session().user_id());
    let deed = caller.deed("session_ended", format!("session/{}", hash_of(session_id)));
    if app.store.end_login(session_id, of, deed).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(unknown())
}

/// Ends all logins of a user, that which asks included if they are one's own.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "sessions",
    extensions(("x-permission" = json!("login"))), params(Owner),
    responses((status = 200, body = EndedSessions), (status = 404, body = ProblemBody)))]
pub(crate) async fn end_all(
    State(app): State<App>,
    Person(caller): Person,
    Query(whose): Query<Owner>,
) -> Result<Json<EndedSessions>, Problem> {
    let user_id = owner(&app, &caller, &whose).await?;
    let deed = caller.deed("session_ended", format!("user/{user_id}"));
    let ended = app.store.end_logins(user_id, deed).await?;
    Ok(Json(EndedSessions { ended }))
}
