//! The way into a WebSocket: `/ws` and `/ws/responses/{command_id}`.
//!
//! Refuses a foreign Origin before the upgrade, and everything else after it, by close code: a
//! browser tells its page nothing of a refused upgrade.

use super::App;
use super::origin::From;
use super::problem::Problem;
use super::upgrade::{self, Upgrading};
use crate::auth::{self, Origin, Pass, VerifyError};
use crate::command::accept::{CancelError, UnseenError};
use crate::live::seats::Seat;
use crate::live::socket::{
    Cancel, Dialect, End, FULL, Limits, Refusal, Session, Socket, Visit, Wanted,
};
use crate::observe;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Response, header};
use model::id::{CommandId, VehicleId};
use model::user::Action;
use std::pin::Pin;
use std::sync::Arc;
use tracing::field::{DisplayValue, display};

/// Precedes a token among the subprotocols that a client offers.
const BEARER: &str = "bearer.";

/// Streams the answers of a command, by the inherited protocol unless the client offers the full one;
/// see `docs/streaming.md`.
pub(crate) async fn responses(
    State(app): State<App>,
    Path(command_id): Path<String>,
    From(origin): From,
    request: Request,
) -> Result<Response<Body>, Problem> {
    open(app, request, Some(command_id), origin)
}

/// Streams what is subscribed to, by the full protocol; see `docs/streaming.md`.
pub(crate) async fn all(
    State(app): State<App>,
    From(origin): From,
    request: Request,
) -> Result<Response<Body>, Problem> {
    open(app, request, None, origin)
}

/// What the path and the offers of a client said.
struct Wish {
    command_id: Option<String>,
    dialect: Dialect,
    origin: Origin,
}

fn open(
    app: App,
    mut request: Request,
    command_id: Option<String>,
    origin: Origin,
) -> Result<Response<Body>, Problem> {
    let is_offered = upgrade::offers(request.headers()).any(|name| name == FULL);
    let dialect = match &command_id {
        Some(_) if !is_offered => Dialect::Plain,
        _ => Dialect::Full,
    };
    let (response, upgrading) = upgrade::begin(&mut request, is_offered.then_some(FULL))?;
    if !is_own(request.headers(), &app.config.allowed_origins) {
        observe::websocket_rejected("foreign_origin");
        tracing::warn!(reason = "foreign_origin", "websocket_connection_rejected");
        return Err(Problem::forbidden("this Origin is not in allowed_origins"));
    }
    let asked = Asked::read(&request);
    let wish = Wish { command_id, dialect, origin };
    let tasks = app.tasks.clone();
    // What is needed only to get in is gone while the session lasts.
    tasks.spawn(session(Box::pin(enter(app, upgrading, wish, asked))));
    Ok(response)
}

/// Whether the page that asks is ours, allowed, or no page at all.
pub(super) fn is_own(headers: &HeaderMap, allowed: &[String]) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let (Ok(origin), None) = (origin.to_str(), origins.next()) else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_same = ["http", "https"].iter().any(|scheme| origin == format!("{scheme}://{host}"));
    is_same || allowed.iter().any(|entry| entry == origin)
}

async fn session(entering: Pin<Box<impl Future<Output = Option<(Box<Session>, Place)>>>>) {
    let Some((session, place)) = entering.await else { return };
    let reason = session.serve().await.reason();
    observe::websocket_closed(reason);
    let (user_id, username) = (place.user.user_id(), place.user.username());
    let (command_id, vehicle_id) = place.of.map(shown).unzip();
    tracing::info!(command_id, vehicle_id, %user_id, username, reason, "websocket_closed");
}

/// The command in the path, and its vehicle.
type Of = (CommandId, VehicleId);

fn shown((command_id, vehicle_id): Of) -> (DisplayValue<CommandId>, DisplayValue<VehicleId>) {
    (display(command_id), display(vehicle_id))
}

/// What a session takes while it lasts.
struct Place {
    user: Arc<auth::Session>,
    of: Option<Of>,
    _seat: Seat,
    _counted: observe::Counted,
}

/// Lets a client in; `None` = it has been turned away.
async fn enter(
    app: App,
    upgrading: Upgrading,
    wish: Wish,
    asked: Result<Asked, End>,
) -> Option<(Box<Session>, Place)> {
    let mut socket = Socket::new(upgrading.bare().await?, wish.dialect, limits(&app));
    let visit = match admit(&app, &mut socket, &wish, asked).await {
        Ok(visit) => visit,
        Err(end) => return reject(socket, end).await,
    };
    let user = Arc::clone(&visit.pass.session);
    let (user_id, username) = (user.user_id(), user.username());
    let Some(seat) = app.seats.take(user_id) else {
        return reject(socket, End::OverLimit("too many sockets")).await;
    };
    let of = visit.command.as_ref().map(|it| (it.head.command_id, it.head.vehicle_id));
    let (command_id, vehicle_id) = of.map(shown).unzip();
    // With its command and the offset, if it came for one: one line for each connection is enough.
    tracing::info!(
        command_id,
        vehicle_id,
        after = visit.command.as_ref().map(|it| it.after),
        %user_id,
        username,
        "websocket_connection_established"
    );
    let place = Place { user, of, _seat: seat, _counted: observe::websocket_open() };
    let both = (Arc::clone(&app.live), app.auth.clone());
    let shutdown = app.shutdown.clone();
    let session = Session::begin(socket, visit, both, cancelling(app, wish.origin), shutdown);
    Some((session, place))
}

/// How a session cancels commands.
fn cancelling(app: App, origin: Origin) -> Cancel {
    Box::new(move |session, command_id| {
        let (app, origin) = (app.clone(), origin.clone());
        Box::pin(async move {
            let cancelled = app.commands.cancel(&session, command_id, &origin).await;
            cancelled
                .map(drop)
                .map_err(|error| Refusal { code: refusal(&error), message: error.to_string() })
        })
    })
}

fn refusal(error: &CancelError) -> &'static str {
    match error {
        CancelError::Unseen(UnseenError::UnknownCommand) => "unknown-command",
        CancelError::NotPermitted => "forbidden",
        CancelError::Ended(_) => "already-ended",
        CancelError::Unseen(UnseenError::Store(_)) | CancelError::Store(_) => "unavailable",
    }
}

async fn reject<T>(socket: Socket, end: End) -> Option<T> {
    observe::websocket_rejected(end.reason());
    tracing::warn!(reason = end.reason(), "websocket_connection_rejected");
    socket.turn_away(end).await;
    None
}

fn limits(app: &App) -> Limits {
    let ws = &app.config.ws;
    Limits {
        idle_close: ws.idle_close,
        ping_interval: ws.ping_interval,
        peer_timeout: ws.peer_timeout,
        stuck_after: ws.stuck_after,
        auth_grace: ws.auth_grace,
        max_subscriptions: ws.max_subscriptions,
        max_actions_per_second: ws.max_actions_per_second,
        max_frame_bytes: ws.max_frame_bytes,
    }
}

/// Authenticates and authorizes. A command that may not be seen does not exist.
async fn admit(
    app: &App,
    socket: &mut Socket,
    wish: &Wish,
    asked: Result<Asked, End>,
) -> Result<Visit, End> {
    let Asked { proof, after } = asked?;
    let (pass, bound_to) = match proof {
        Some(proof) => verified(app, proof).await?,
        None if wish.dialect == Dialect::Plain => {
            return Err(End::Denied("give ?token= or ?ticket="));
        }
        None => {
            let token = socket.introduction(app.config.ws.auth_within).await?;
            verified(app, Proof::Token(token)).await?
        }
    };
    let Some(command_id) = &wish.command_id else {
        let is_watcher = pass.session.may(Action::Watch);
        return is_watcher.then_some(Visit { pass, bound_to, command: None }).ok_or(End::Forbidden);
    };
    let command_id: CommandId = command_id.parse().map_err(|_| End::Unknown)?;
    if bound_to.is_some_and(|bound| bound != command_id) || !pass.session.may(Action::Watch) {
        return Err(End::Unknown);
    }
    let mut found = app.live.heads(&[command_id]).await.map_err(|error| {
        tracing::warn!(%error, "cannot find a command");
        End::StoreFailed
    })?;
    let (topic, head) = found.remove(&command_id).ok_or(End::Unknown)?;
    if !pass.session.sees(head.fleet_id, app.store.now()) {
        return Err(End::Unknown);
    }
    Ok(Visit { pass, bound_to, command: Some(Wanted { topic, head, after }) })
}

/// How a client says who it is.
pub(super) enum Proof {
    Token(String),
    Ticket(String),
}

/// Who asks, and the one command that they may see if they came with a ticket for it.
async fn verified(app: &App, proof: Proof) -> Result<(Pass, Option<CommandId>), End> {
    let checked = match proof {
        Proof::Token(token) => app.auth.verify(&token).await.map(|pass| (pass, None)),
        Proof::Ticket(ticket) => app.auth.redeem_ticket(&ticket).await,
    };
    checked.map_err(|error| {
        let is_ours = matches!(error, VerifyError::Store(_));
        if is_ours { End::StoreFailed } else { End::Denied(error.reason()) }
    })
}

/// What the address and the headers asked; everything at most once.
pub(super) struct Asked {
    proof: Option<Proof>,
    pub(super) after: u64,
}

impl Asked {
    fn read(request: &Request) -> Result<Self, End> {
        let bearers = upgrade::offers(request.headers()).filter_map(|it| it.strip_prefix(BEARER));
        Self::of(request.uri().query().unwrap_or_default(), bearers)
    }

    pub(super) fn of<'a>(query: &str, bearers: impl Iterator<Item = &'a str>) -> Result<Self, End> {
        let mut proofs: Vec<_> = bearers.map(|token| Proof::Token(token.to_owned())).collect();
        let mut after = None;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "token" => proofs.push(Proof::Token(value.into_owned())),
                "ticket" => proofs.push(Proof::Ticket(value.into_owned())),
                "after" => {
                    let offset = value.parse().map_err(|_| End::Denied("after is no offset"))?;
                    if after.replace(offset).is_some() {
                        return Err(End::Denied("after was given twice"));
                    }
                }
                _ => {}
            }
        }
        let proof = proofs.pop();
        if !proofs.is_empty() {
            return Err(End::Denied("give one token or ticket"));
        }
        Ok(Self { proof, after: after.unwrap_or(0) })
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
        let read = |query: &str| Asked::of(query, std::iter::empty()).map(|asked| asked.after);
        assert!(read("token=a&token=b").is_err() && read("token=a&ticket=b").is_err());
        assert!(read("token=a&after=x").is_err() && read("after=1&after=2").is_err());
        assert_eq!(read("after=7&token=a"), Ok(7));
        assert!(Asked::of("token=a", ["b"].into_iter()).is_err());
    }
}
