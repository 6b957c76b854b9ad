//! What a user may do, over HTTP.
//!
//! Refuses to grant anything: permissions are those of the role, fixed in the model.

use super::App;
use super::caller::Caller;
use super::grants;
use super::json::Json;
use super::problem::{Problem, ProblemBody};
use super::users::{self, user_id};
use axum::extract::{Path, State};
use model::id::UserId;
use model::user::{Action, Role};
use serde::Serialize;

/// What a user may do, and where.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Permissions)]
pub(crate) struct View {
    #[schema(value_type = uuid::Uuid)]
    user_id: UserId,
    /// viewer, engineer, senior, approver, auditor or admin.
    #[schema(value_type = String)]
    role: Role,
    /// Whether they may log in; if not, they may do nothing.
    is_active: bool,
    /// watch, see_parameters, submit_r0 to submit_r3, approve, read_audit, administer. A command of the
    /// catalogue may name a higher role than its risk class does.
    permissions: Vec<&'static str>,
    /// Whether they see every fleet, granted or not.
    sees_all_fleets: bool,
    /// The fleets that they have been granted.
    fleets: Vec<grants::View>,
}

/// Shows what a user may do, and in which fleets. One's own is for everybody, that of others for
/// admins.
#[utoipa::path(get, path = "/api/v1/users/{user_id}/permissions", tag = "users",
    extensions(("x-permission" = json!("login"))),
    params(("user_id" = uuid::Uuid, Path)),
    responses((status = 200, body = View), (status = 404, body = ProblemBody)))]
pub(crate) async fn permissions(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<View>, Problem> {
    let user_id = user_id(&id)?;
    if user_id != caller.session().user_id() {
        caller.may(Action::Administer)?;
    }
    let user = app.store.user(user_id).await?.ok_or_else(users::unknown)?;
    let granted = app.store.grants(user_id).await?;
    let permitted = Action::ALL.into_iter().filter(|action| user.role.may(*action));
    Ok(Json(View {
        user_id,
        role: user.role,
        is_active: user.is_active,
        permissions: permitted.map(Action::word).collect(),
        sees_all_fleets: user.role.sees_all_fleets(),
        fleets: granted.into_iter().map(grants::View::from).collect(),
    }))
}
