//! Users over HTTP, for admins.
//!
//! Refuses to delete anybody, because the history names them, and to let admins lock themselves out.

use super::App;
use super::caller::{Caller, Person};
use super::json::Json;
use super::page;
use super::problem::{Problem, ProblemBody};
use super::query::Query;
use super::text;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::IntoResponse;
use model::id::{FleetId, UserId};
use model::user::{Action, Role};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{NewUser, Sight, StoreError, User, UserChange};

/// A user.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = User)]
pub(crate) struct View {
    #[schema(value_type = uuid::Uuid)]
    user_id: UserId,
    username: String,
    email: Option<String>,
    /// viewer, engineer, senior, approver, auditor or admin.
    #[schema(value_type = String)]
    role: Role,
    /// Whether they may log in.
    is_active: bool,
    /// Whether they have to change their password first: an admin has set it.
    must_change_password: bool,
}

impl From<User> for View {
    fn from(user: User) -> Self {
        let User { user_id, username, email, role, is_active, must_change_password, .. } = user;
        Self { user_id, username, email, role, is_active, must_change_password }
    }
}

/// A user to add. No `Debug`: it holds a password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserDraft)]
pub(crate) struct Draft {
    #[schema(pattern = "^[A-Za-z0-9._@-]{1,64}$")]
    username: String,
    /// At least 15 characters, and not easy to guess. Their owner changes it at the first login.
    #[schema(value_type = String, format = Password, min_length = 15, max_length = 1024)]
    password: SecretString,
    /// viewer, engineer, senior, approver, auditor or admin.
    #[schema(value_type = String, pattern = "^(viewer|engineer|senior|approver|auditor|admin)$")]
    role: Role,
    #[schema(format = Email)]
    email: Option<String>,
    /// The fleets that they may see; admins see all.
    #[serde(default)]
    #[schema(value_type = Vec<uuid::Uuid>)]
    fleets: Vec<FleetId>,
}

/// What to change of a user; what is absent stays. No `Debug`: it holds a password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserChange)]
pub(crate) struct Change {
    #[schema(value_type = Option<String>,
        pattern = "^(viewer|engineer|senior|approver|auditor|admin)$")]
    role: Option<Role>,
    /// `false` ends their sessions.
    is_active: Option<bool>,
    #[schema(format = Email)]
    email: Option<String>,
    /// Ends their sessions and tokens; their owner changes it at the next login, unless it is the
    /// caller's own.
    #[schema(value_type = Option<String>, format = Password, min_length = 15, max_length = 1024)]
    password: Option<SecretString>,
}

/// Which users to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// How many, at most 100; default 20.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// How many to pass over.
    #[serde(default)]
    #[param(required = false, value_type = u64, maximum = 4_294_967_295_u64)]
    offset: u32,
}

/// Lists users by name. `Link` says where the next page is.
#[utoipa::path(get, path = "/api/v1/users", tag = "users",
    extensions(("x-permission" = json!("administer"))), params(ListQuery),
    responses((status = 200, body = [View])))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Administer)?;
    let limit = page::limit(query.limit)?;
    let users = app.store.users(limit, query.offset).await?;
    let mut headers = HeaderMap::new();
    if u32::try_from(users.len()).is_ok_and(|count| count == limit) {
        page::next(&mut headers, &uri, query.offset.saturating_add(limit));
    }
    Ok((headers, Json(users.into_iter().map(View::from).collect::<Vec<_>>())))
}

/// Shows a user.
#[utoipa::path(get, path = "/api/v1/users/{user_id}", tag = "users",
    extensions(("x-permission" = json!("administer"))),
    params(("user_id" = uuid::Uuid, Path)),
    responses((status = 200, body = View), (status = 404, body = ProblemBody)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<View>, Problem> {
    caller.may(Action::Administer)?;
    let user = app.store.user(user_id(&id)?).await?.ok_or_else(unknown)?;
    Ok(Json(user.into()))
}

/// Adds a user.
#[utoipa::path(post, path = "/api/v1/users", tag = "users",
    extensions(("x-permission" = json!("administer"))),
    responses((status = 201, body = View), (status = 409, body = ProblemBody),
        (status = 422, body = ProblemBody)))]
pub(crate) async fn add(
    State(app): State<App>,
    Person(caller): Person,
    Json(draft): Json<Draft>,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Administer)?;
    let new = draft.checked(&app).await?;
    let details = json!({ "role": new.role, "fleets": new.fleets });
    let deed = caller.detailed("user_created", format!("user/{}", new.username), details);
    let fleets = new.fleets.clone();
    let added = match app.store.add_user(new, deed).await {
        Err(StoreError::Failed(_)) if !app.store.are_seen(Sight::default(), &fleets).await? => {
            return Err(Problem::invalid().field("/fleets", "names a fleet that does not exist"));
        }
        added => added?,
    };
    let taken = || Problem::conflict("name-taken", "There is a user of that name");
    let user = app.store.user(added.ok_or_else(taken)?).await?.ok_or_else(unknown)?;
    let location = [(header::LOCATION, format!("/api/v1/users/{}", user.user_id))];
    Ok((StatusCode::CREATED, location, Json(View::from(user))))
}

/// Changes a user. A new role counts within a second, on open sockets too.
#[utoipa::path(patch, path = "/api/v1/users/{user_id}", tag = "users",
    extensions(("x-permission" = json!("administer"))),
    params(("user_id" = uuid::Uuid, Path)),
    responses((status = 200, body = View), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub(crate) async fn change(
    State(app): State<App>,
    Person(caller): Person,
    Path(id): Path<String>,
    Json(change): Json<Change>,
) -> Result<Json<View>, Problem> {
    caller.may(Action::Administer)?;
    let user_id = user_id(&id)?;
    let locks_out = change.role.is_some_and(|role| !role.may(Action::Administer))
        || change.is_active == Some(false);
    if locks_out {
        is_another(&caller, user_id)?;
    }
    let action = if change.role.is_some() { "authz_change" } else { "user_updated" };
    let deed = caller.detailed(action, format!("user/{user_id}"), change.details());
    let is_foreign = user_id != caller.session().user_id();
    if change.password.is_some() && app.store.has_identity(user_id).await? {
        return Err(Problem::conflict("single-sign-on", "They sign in elsewhere")
            .detail("a user whom the OpenID provider vouches for has no password"));
    }
    let change = change.checked(&app, is_foreign).await?;
    if !app.store.change_user(user_id, change, deed).await? {
        return Err(unknown());
    }
    let user = app.store.user(user_id).await?.ok_or_else(unknown)?;
    Ok(Json(user.into()))
}

/// Locks a user out for good. Nobody is deleted: the history names them, and `PATCH` with
/// `is_active` lets them in again.
#[utoipa::path(delete, path = "/api/v1/users/{user_id}", tag = "users",
    extensions(("x-permission" = json!("administer"))),
    params(("user_id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
pub(crate) async fn deactivate(
    State(app): State<App>,
    Person(caller): Person,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may(Action::Administer)?;
    let user_id = user_id(&id)?;
    is_another(&caller, user_id)?;
    let change = UserChange { is_active: Some(false), ..UserChange::default() };
    let deed = caller.deed("user_archived", format!("user/{user_id}"));
    let is_known = app.store.change_user(user_id, change, deed).await?;
    is_known.then_some(StatusCode::NO_CONTENT).ok_or_else(unknown)
}

impl Draft {
    async fn checked(self, app: &App) -> Result<NewUser, Problem> {
        let username = text::username(self.username)?;
        let email = self.email.map(text::email).transpose()?;
        let password_hash = app.auth.hash_password(self.password).await?;
        let (role, fleets) = (self.role, self.fleets);
        let must_change_password = true;
        Ok(NewUser { username, email, role, password_hash, must_change_password, fleets })
    }
}

impl Change {
    /// A foreign password has to be changed by whoever gets it.
    async fn checked(self, app: &App, is_foreign: bool) -> Result<UserChange, Problem> {
        let email = self.email.map(text::email).transpose()?;
        let password_hash = match self.password {
            Some(password) => Some(app.auth.hash_password(password).await?),
            None => None,
        };
        let (role, is_active) = (self.role, self.is_active);
        Ok(UserChange { role, is_active, email, password_hash, must_change_password: is_foreign })
    }

    /// What the audit learns: of a password, only that there is a new one.
    fn details(&self) -> Value {
        json!({
            "role": self.role,
            "is_active": self.is_active,
            "email": self.email,
            "has_new_password": self.password.is_some(),
        })
    }
}

/// An id that is malformed is of nothing that exists.
pub(super) fn user_id(id: &str) -> Result<UserId, Problem> {
    id.parse().map_err(|_| unknown())
}

pub(super) fn unknown() -> Problem {
    Problem::not_found("unknown-user", "No such user")
}

/// Goes on only if the caller does it to somebody else.
fn is_another(caller: &Caller, user_id: UserId) -> Result<(), Problem> {
    if caller.session().user_id() != user_id {
        return Ok(());
    }
    Err(Problem::conflict("own-account", "Admins cannot lock themselves out")
        .detail("ask another admin to do it"))
}
