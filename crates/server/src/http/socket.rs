//! The way into a WebSocket: `/ws/responses/{command_id}`.
//!
//! Refuses a foreign Origin before the upgrade, and everything else after it, by close code: a
//! browser tells its page nothing of a refused upgrade.

use super::App;
use super::problem::Problem;
use crate::auth::{Pass, VerifyError};
use crate::live::socket::{self, End, Limits, Visit};
use crate::observe;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Response, header};
use axum::response::IntoResponse;
use model::id::{CommandId, VehicleId};
use model::user::Action;

/// What a connection reads at once. The usual 128 KiB would be most of what an idle watcher costs.
const READ_BUFFER: usize = 4 * 1024;
/// How much is joined into one write.
const WRITE_BUFFER: usize = 64 * 1024;

/// Streams the answers of a command; see `docs/streaming.md`.
pub(crate) async fn responses(
    State(app): State<App>,
    Path(command_id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response<axum::body::Body>, Problem> {
    let upgrade = upgrade.map_err(|rejection| {
        let status = rejection.into_response().status();
        Problem::of_status(status).detail("connect with a WebSocket client")
    })?;
    if !is_own(&headers, &app.config.allowed_origins) {
        observe::websocket_rejected("foreign_origin");
        tracing::warn!(reason = "foreign_origin", "websocket_connection_rejected");
        return Err(Problem::forbidden("this Origin is not in allowed_origins"));
    }
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(app.config.ws.max_frame_bytes)
        .max_frame_size(app.config.ws.max_frame_bytes);
    let wanted = Wanted { command_id, query: query.unwrap_or_default() };
    let place = app.tasks.token();
    Ok(upgrade.on_upgrade(async move |socket| {
        session(socket, app, wanted).await;
        drop(place);
    }))
}

/// What the address said.
struct Wanted {
    command_id: String,
    query: String,
}

/// Whether the page that asks is ours, allowed, or no page at all.
fn is_own(headers: &HeaderMap, allowed: &[String]) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let (Ok(origin), None) = (origin.to_str(), origins.next()) else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_same = ["http", "https"].iter().any(|scheme| origin == format!("{scheme}://{host}"));
    is_same || allowed.iter().any(|entry| entry == origin)
}

async fn session(socket: WebSocket, app: App, wanted: Wanted) {
    let (visit, vehicle_id) = match admit(&app, &wanted).await {
        Ok(admitted) => admitted,
        Err(end) => {
            observe::websocket_rejected(end.reason());
            tracing::warn!(reason = end.reason(), "websocket_connection_rejected");
            return socket::turn_away(socket, end).await;
        }
    };
    let user_id = visit.pass.session.user_id();
    let Some(seat) = app.seats.take(user_id) else {
        observe::websocket_rejected("too_many_sockets");
        tracing::warn!(%user_id, reason = "too_many_sockets", "websocket_connection_rejected");
        return socket::turn_away(socket, End::OverLimit("too many sockets")).await;
    };
    let (command_id, after) = (visit.command_id, visit.after);
    let username = visit.pass.session.username().to_owned();
    let counted = observe::websocket_open();
    tracing::info!(%command_id, %vehicle_id, %user_id, username, "websocket_connection_established");
    if after > 0 {
        tracing::info!(%command_id, %vehicle_id, %user_id, username, after, "websocket_resumed");
    } else {
        tracing::info!(%command_id, %vehicle_id, %user_id, username, "websocket_subscribed");
    }
    let limits = limits(&app);
    let end = socket::serve(socket, visit, (app.live, app.auth), limits, app.shutdown).await;
    drop((seat, counted));
    let reason = end.reason();
    observe::websocket_closed(reason);
    tracing::info!(%command_id, %vehicle_id, %user_id, username, reason, "websocket_closed");
}

fn limits(app: &App) -> Limits {
    let ws = &app.config.ws;
    Limits {
        idle_close: ws.idle_close,
        ping_interval: ws.ping_interval,
        peer_timeout: ws.peer_timeout,
        stuck_after: ws.stuck_after,
        max_subscriptions: ws.max_subscriptions,
        max_actions_per_second: ws.max_actions_per_second,
    }
}

/// Authenticates and authorizes. A command that may not be seen does not exist.
async fn admit(app: &App, wanted: &Wanted) -> Result<(Visit, VehicleId), End> {
    let asked = Asked::read(&wanted.query)?;
    let (pass, bound_to) = asked.pass(app).await?;
    let unknown = End::Denied("no such command");
    let command_id: CommandId = wanted.command_id.parse().map_err(|_| unknown)?;
    if bound_to.is_some_and(|bound| bound != command_id) || !pass.session.may(Action::Watch) {
        return Err(unknown);
    }
    let place = app.store.place_of_command(command_id).await.map_err(|error| {
        tracing::warn!(%error, "cannot find a command");
        End::StoreFailed
    })?;
    let (vehicle_id, fleet_id) = place.ok_or(unknown)?;
    if !pass.session.sees(fleet_id, app.store.now()) {
        return Err(unknown);
    }
    Ok((Visit { pass, command_id, after: asked.after }, vehicle_id))
}

/// What the query string asks; every name at most once.
#[derive(Default)]
struct Asked {
    token: Option<String>,
    ticket: Option<String>,
    after: u64,
}

impl Asked {
    fn read(query: &str) -> Result<Self, End> {
        let mut asked = Self::default();
        let mut has_after = false;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let is_second = match &*name {
                "token" => asked.token.replace(value.into_owned()).is_some(),
                "ticket" => asked.ticket.replace(value.into_owned()).is_some(),
                "after" => {
                    asked.after = value.parse().map_err(|_| End::Denied("after is no offset"))?;
                    std::mem::replace(&mut has_after, true)
                }
                _ => false,
            };
            if is_second {
                return Err(End::Denied("a query parameter was given twice"));
            }
        }
        Ok(asked)
    }

    /// Who asks, and the one command that they may see if they came with a ticket for it.
    async fn pass(&self, app: &App) -> Result<(Pass, Option<CommandId>), End> {
        let checked = match (&self.token, &self.ticket) {
            (Some(token), None) => app.auth.verify(token).await.map(|pass| (pass, None)),
            (None, Some(ticket)) => app.auth.redeem_ticket(ticket).await,
            (Some(_), Some(_)) => return Err(End::Denied("give either token or ticket")),
            (None, None) => return Err(End::Denied("give ?token= or ?ticket=")),
        };
        checked.map_err(|error| {
            let is_ours = matches!(error, VerifyError::Store(_));
            if is_ours { End::StoreFailed } else { End::Denied(error.reason()) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "car.example:8000".parse().unwrap());
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        headers
    }

    #[test]
    fn origins_are_compared_whole() {
        let allowed = ["https://bench.example".to_owned()];
        for origin in ["http://car.example:8000", "https://bench.example"] {
            assert!(is_own(&from(origin), &allowed), "{origin}");
        }
        for origin in ["http://car.example", "null", "", "https://bench.example.evil.example"] {
            assert!(!is_own(&from(origin), &allowed), "{origin}");
        }
        assert!(is_own(&HeaderMap::new(), &[]));
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        assert!(Asked::read("token=a&token=b").is_err());
        assert!(Asked::read("token=a&after=x").is_err());
        assert_eq!(Asked::read("after=7&token=a").map(|asked| asked.after), Ok(7));
    }
}
