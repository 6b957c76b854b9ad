//! The HTTP interface: one table of routes, one file per noun.
//!
//! Refuses to decide: a handler extracts, checks the permission, calls the domain once and shapes
//! the answer.

mod approvals;
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
mod faults;
mod fleets;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod gate;
mod grants;
mod health;
mod json;
mod login;
mod manual;
mod oidc;
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
#[cfg(feature = "oidc")]
use crate::auth::oidc::Oidc;
use crate::command::Commands;
use crate::config::Config;
use crate::contact::VehicleSeal;
use crate::live::Live;
use crate::observe::Metrics;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use std::ops::Deref;
use std::sync::Arc;
use store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::util::option_layer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
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
    /// `None` = sign-in by password only.
    #[cfg(feature = "oidc")]
    pub(crate) oidc: Option<Oidc>,
    pub(crate) seal: VehicleSeal,
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
        .routes(routes!(approvals::approve))
        .routes(routes!(approvals::deny))
        .routes(routes!(events::follow))
        .routes(routes!(login::logout))
        .routes(routes!(login::me))
        .routes(routes!(oidc::offer))
        .routes(routes!(tickets::issue))
        .routes(routes!(catalog::list))
        .routes(routes!(console::config))
        .routes(routes!(vehicles::list, registry::add))
        .routes(routes!(vehicles::show, registry::change, registry::remove))
        .routes(routes!(vehicles::status))
        .routes(routes!(capabilities::capabilities))
        .routes(routes!(faults::list))
        .routes(routes!(faults::vehicles))
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

/// What browsers remember of a host that speaks TLS: two years without plain HTTP.
const TLS_ONLY: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// The service of a node.
pub(crate) fn router(app: App) -> Router {
    let (doors, _) = doors().split_for_parts();
    let (routes, _) = api().split_for_parts();
    let limits = &app.config.http;
    let tls_only =
        app.config.tls.files().map(|_| {
            SetResponseHeaderLayer::overriding(header::STRICT_TRANSPORT_SECURITY, TLS_ONLY)
        });
    #[cfg(feature = "oidc")]
    let routes = routes.merge(oidc::routes());
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
        .layer(option_layer(tls_only))
        .with_state(app)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use tower::ServiceExt;

    #[tokio::test]
    async fn a_panic_is_500_without_its_words_and_the_next_request_is_served() {
        async fn fail() -> &'static str {
            panic!("swordfish")
        }
        let service = Router::new()
            .route("/bad", get(fail))
            .route("/good", get(|| async { "served" }))
            .layer(CatchPanicLayer::custom(problem::panicked));
        let ask = |path| service.clone().oneshot(Request::get(path).body(Body::empty()).unwrap());
        let mut failed = ask("/bad").await.unwrap();
        assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let problem = failed.extensions_mut().remove::<problem::Problem>().unwrap();
        let body = problem.render("trace".to_owned()).into_body();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("swordfish"));
        assert_eq!(ask("/good").await.unwrap().status(), StatusCode::OK);
    }
}
