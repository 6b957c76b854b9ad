//! The HTTP interface: one table of routes, one file per noun.
//!
//! Refuses to decide: a handler extracts, checks the permission, calls the domain once and shapes
//! the answer.

mod audit;
mod body;
mod caller;
mod capabilities;
mod catalog;
mod commands;
mod console;
mod cookie;
mod cors;
mod credentials;
mod deed;
mod description;
mod encoding;
mod events;
mod fleets;
mod gate;
mod grants;
mod health;
mod json;
mod login;
mod manual;
pub(crate) mod origin;
mod page;
mod password;
mod permissions;
pub(crate) mod problem;
mod query;
mod registry;
mod request;
pub(crate) mod serve;
mod sessions;
mod socket;
mod text;
mod tickets;
mod tokens;
pub(crate) mod upgrade;
mod users;
mod vehicles;

pub use description::openapi;

use crate::audit::Auditor;
use crate::auth::Auth;
use crate::command::Commands;
use crate::config::Config;
use crate::contact::TokenSeal;
use crate::live::Live;
use crate::observe::Metrics;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use std::ops::Deref;
use std::sync::Arc;
use store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::util::option_layer;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What every handler can reach. Each request is handed a clone, some of them twice: one count of one
/// allocation.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The parts of a node that handlers reach.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) auth: Auth,
    pub(crate) seal: TokenSeal,
    pub(crate) auditor: Auditor,
    pub(crate) commands: Commands,
    pub(crate) live: Arc<Live>,
    pub(crate) config: Arc<Config>,
    pub(crate) metrics: Metrics,
    pub(crate) seats: crate::live::seats::Seats,
    /// Sockets and streams are waited for at the end.
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

/// The description of the interface, filled by the routes.
#[derive(OpenApi)]
#[openapi(info(title = "Fleetwire", description = "The cloud side of SOVD (ISO 17978)."))]
struct Description;

/// All other routes with their descriptions. A route without [`caller::Caller`] is public; every other
/// one names its permission beside its path.
fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(commands::submit, commands::list))
        .routes(routes!(commands::show))
        .routes(routes!(commands::responses))
        .routes(routes!(commands::cancel))
        .routes(routes!(events::follow))
        .routes(routes!(login::logout))
        .routes(routes!(login::me))
        .routes(routes!(tickets::issue))
        .routes(routes!(catalog::list))
        .routes(routes!(console::config))
        .routes(routes!(vehicles::list, registry::add))
        .routes(routes!(vehicles::show, registry::change, registry::remove))
        .routes(routes!(vehicles::status))
        .routes(routes!(capabilities::capabilities))
        .routes(routes!(fleets::list, fleets::add))
        .routes(routes!(fleets::rename, fleets::remove))
        .routes(routes!(users::list, users::add))
        .routes(routes!(users::show, users::change, users::deactivate))
        .routes(routes!(permissions::permissions))
        .routes(routes!(grants::list))
        .routes(routes!(grants::give, grants::take_back))
        .routes(routes!(sessions::list, sessions::end_all))
        .routes(routes!(sessions::end))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(health::health))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(health::jwks))
}

/// The routes by which strangers come in; their bodies are small.
fn doors() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(login::login))
        .routes(routes!(login::refresh))
        .routes(routes!(password::change))
}

/// The service of a node.
pub(crate) fn router(app: App) -> Router {
    let (doors, _) = doors().split_for_parts();
    let (routes, _) = api().split_for_parts();
    let limits = &app.config.http;
    routes
        .route("/ws", get(socket::all))
        .route("/ws/responses/{command_id}", get(socket::responses))
        .merge(manual::routes())
        .merge(console::routes())
        .layer(DefaultBodyLimit::max(limits.max_body_bytes))
        .merge(doors.layer(DefaultBodyLimit::max(limits.max_login_body_bytes)))
        .layer(from_fn(gate::check))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn_with_state(app.clone(), request::observe))
        .layer(option_layer(cors::layer(&app.config.allowed_origins)))
        .layer(from_fn(request::secure))
        .with_state(app)
}
