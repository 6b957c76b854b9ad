//! The second person over HTTP: approve and deny.
//!
//! Refuses an approval that does not say what was seen, and machines: a person decides.

use super::App;
use super::caller::Person;
use super::commands::{View, command_id, is_clean_reason};
use super::json::Json;
use super::problem::{Problem, ProblemBody};
use axum::extract::{Path, State};
use model::command::{ApprovalHash, NotAHash};
use model::user::Action;
use serde::Deserialize;

/// A word for a command.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approval {
    /// The `approval_hash` of the command that the caller saw.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    approval_hash: String,
}

/// A word against a command.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Denial {
    /// Why; whoever submitted the command reads it.
    #[schema(min_length = 1, max_length = 500, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    reason: String,
}

/// Approves a command that waits for a second person.
///
/// Never one's own. The approval is bound to the command as the caller saw it: with another
/// `approval_hash` it is refused. Approving again changes nothing.
#[utoipa::path(post, path = "/api/v1/commands/{command_id}/approve", tag = "commands",
    extensions(("x-permission" = json!("approve"))),
    params(("command_id" = uuid::Uuid, Path)), request_body = Approval,
    responses((status = 200, body = View), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 410, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub(crate) async fn approve(
    State(app): State<App>,
    Person(caller): Person,
    Path(id): Path<String>,
    Json(body): Json<Approval>,
) -> Result<Json<View>, Problem> {
    caller.may(Action::Approve)?;
    let wrong = |error: NotAHash| Problem::invalid().field("/approval_hash", error.to_string());
    let hash: ApprovalHash = body.approval_hash.parse().map_err(wrong)?;
    let (id, session) = (command_id(&id)?, caller.session());
    let command = app.commands.approve(session, id, hash, &caller.origin).await?;
    Ok(Json(View::new(command, session)))
}

/// Denies a command that waits for a second person: it ends, and never ran.
///
/// Never one's own: that one is cancelled. Denying again changes nothing.
#[utoipa::path(post, path = "/api/v1/commands/{command_id}/deny", tag = "commands",
    extensions(("x-permission" = json!("approve"))),
    params(("command_id" = uuid::Uuid, Path)), request_body = Denial,
    responses((status = 200, body = View), (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 410, body = ProblemBody), (status = 422, body = ProblemBody)))]
pub(crate) async fn deny(
    State(app): State<App>,
    Person(caller): Person,
    Path(id): Path<String>,
    Json(body): Json<Denial>,
) -> Result<Json<View>, Problem> {
    caller.may(Action::Approve)?;
    is_clean_reason(&body.reason)?;
    let (id, session) = (command_id(&id)?, caller.session());
    let command = app.commands.deny(session, id, body.reason, &caller.origin).await?;
    Ok(Json(View::new(command, session)))
}
