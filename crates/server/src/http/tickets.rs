//! Tickets: how a page opens a socket without putting its token into an address.
//!
//! Refuses a ticket for a command that the caller may not see.

use super::App;
use super::caller::Caller;
use super::json::Json;
use super::problem::{Problem, ProblemBody};
use axum::extract::State;
use axum::http::StatusCode;
use model::id::CommandId;
use model::user::Action;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

/// What the ticket shall open.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TicketDraft)]
pub(crate) struct Draft {
    /// The one command; absent = any.
    #[schema(value_type = Option<uuid::Uuid>)]
    command_id: Option<CommandId>,
}

/// A ticket. No `Debug`: it is a secret.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Ticket)]
pub(crate) struct View {
    /// Opens one socket: `?ticket=<ticket>`.
    ticket: String,
    /// How long it is good, in seconds.
    expires_in: u64,
}

/// Makes a ticket, good once and for a short time.
#[utoipa::path(post, path = "/api/v1/ws-tickets", tag = "streaming",
    extensions(("x-permission" = json!("watch"))),
    responses((status = 201, body = View), (status = 404, body = ProblemBody)))]
pub(crate) async fn issue(
    State(app): State<App>,
    caller: Caller,
    Json(draft): Json<Draft>,
) -> Result<(StatusCode, Json<View>), Problem> {
    caller.may(Action::Watch)?;
    if let Some(command_id) = draft.command_id {
        app.commands.visible(caller.session(), command_id).await?;
    }
    let issued = app.auth.issue_ticket(caller.session(), draft.command_id).await?;
    let ticket = issued.ticket.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(View { ticket, expires_in: issued.expires_in.as_secs() })))
}
