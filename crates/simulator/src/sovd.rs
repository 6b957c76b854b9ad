//! The SOVD 1.1 server of one vehicle: finds the entity that is meant, and has its routes answer.
//!
//! Routes are the same for all vehicles and exist once: a vehicle costs none of its own.

mod at;
mod bulk_data;
mod clear_data;
mod communication_logs;
mod configurations;
mod data;
mod data_lists;
mod docs;
mod entities;
mod events;
mod faults;
mod locks;
mod logs;
mod modes;
mod observed;
mod operations;
mod query;
mod scripts;
mod status;
mod subscriptions;
mod tokens;
mod triggers;
mod updates;

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tower::{ServiceExt, service_fn};

use self::at::At;
use self::query::Query;
use crate::refusal::Refusal;
use crate::vehicle::Simulated;

/// Where the resources begin; `version-info` lies outside.
pub(crate) const BASE: &str = "/sovd/v1";

static ROOT: LazyLock<Router> = LazyLock::new(root);
/// Paths below an entity.
static ENTITY: LazyLock<Router> = LazyLock::new(entity);

/// Everything that a vehicle answers.
pub(crate) fn routes(vehicle: Arc<Simulated>) -> Router {
    let answer = service_fn(move |request| answer(Arc::clone(&vehicle), request));
    Router::new().fallback_service(answer)
}

async fn answer(vehicle: Arc<Simulated>, request: Request) -> Result<Response, Infallible> {
    let path = request.uri().path().to_owned();
    let below = path.strip_prefix(BASE).unwrap_or_default();
    if let Some(described) = below.strip_suffix("/docs")
        && request.method() == Method::GET
    {
        return Ok(docs::describe(&vehicle, described).into_response());
    }
    let found = below.strip_prefix('/').and_then(|below| vehicle.locate(below));
    match found {
        None => with(request, vehicle, ROOT.clone()).await,
        Some((entity, rest)) => match At::admit(vehicle, entity, rest, &request) {
            Err(refusal) => Ok(refusal.into_response()),
            Ok(at) => with(relative(request, rest), at, ENTITY.clone()).await,
        },
    }
}

async fn with<E: Clone + Send + Sync + 'static>(
    mut request: Request,
    extension: E,
    routes: Router,
) -> Result<Response, Infallible> {
    request.extensions_mut().insert(extension);
    routes.oneshot(request).await
}

/// The request as the routes of an entity know it.
fn relative(mut request: Request, rest: &str) -> Request {
    let query = request.uri().query().map_or_else(String::new, |query| format!("?{query}"));
    let rest = if rest.is_empty() { "/" } else { rest };
    if let Ok(uri) = Uri::try_from(format!("{rest}{query}")) {
        *request.uri_mut() = uri;
    }
    request
}

fn root() -> Router {
    let updates = Router::new()
        .route("/", get(updates::list).post(updates::register))
        .route("/{update}", get(updates::show).delete(updates::delete))
        .route("/{update}/status", get(updates::status))
        .route("/{update}/{phase}", put(updates::begin));
    let router = Router::new()
        .route("/sovd/version-info", get(entities::version_info))
        .route(BASE, get(entities::server))
        .route("/sovd/v1/{collection}", get(entities::list))
        .route("/sovd/v1/{collection}/{*rest}", get(entities::unknown_entity))
        .route("/sovd/v1/authorize", post(tokens::give))
        .route("/sovd/v1/token", post(tokens::give))
        .route("/sovd/v1/locks", get(locks::list).post(locks::acquire))
        .route("/sovd/v1/locks/{lock}", get(locks::show).put(locks::renew).delete(locks::release))
        .nest("/sovd/v1/updates", updates);
    with_fallbacks(router)
}

fn entity() -> Router {
    let router = Router::new()
        .route("/", get(entities::show))
        .route("/{relation}", get(entities::related))
        .route("/locks", get(locks::list).post(locks::acquire))
        .route("/locks/{lock}", get(locks::show).put(locks::renew).delete(locks::release))
        .route("/modes", get(modes::list))
        .route("/modes/{mode}", get(modes::show).put(modes::change))
        .route("/status", get(status::show))
        .route("/status/{turn}", put(status::turn))
        .route("/clear-data", get(clear_data::links))
        .route("/clear-data/status", get(clear_data::status))
        .route("/clear-data/{kind}", put(clear_data::begin));
    let router = router.merge(diagnostics()).merge(observation()).merge(storage());
    with_fallbacks(router)
}

fn diagnostics() -> Router {
    Router::new()
        .route("/data", get(data::list))
        .route("/data-categories", get(data::categories))
        .route("/data-groups", get(data::groups))
        .route("/data/{item}", get(data::read).put(data::write))
        .route("/data-lists", get(data_lists::list).post(data_lists::create))
        .route("/data-lists/{list}", get(data_lists::read).delete(data_lists::delete))
        .route("/faults", get(faults::list).delete(faults::clear_all))
        .route("/faults/{code}", get(faults::show).delete(faults::clear))
        .route("/operations", get(operations::list))
        .route("/operations/{operation}", get(operations::show))
        .route(
            "/operations/{operation}/executions",
            get(operations::executions).post(operations::start),
        )
        .route(
            "/operations/{operation}/executions/{execution}",
            get(operations::poll).put(operations::control).delete(operations::forget),
        )
}

fn observation() -> Router {
    Router::new()
        .route("/cyclic-subscriptions", get(subscriptions::list).post(subscriptions::create))
        .route(
            "/cyclic-subscriptions/{subscription}",
            get(subscriptions::show).put(subscriptions::change).delete(subscriptions::delete),
        )
        .route("/cyclic-subscriptions/{subscription}/events", get(subscriptions::events))
        .route("/triggers", get(triggers::list).post(triggers::create))
        .route(
            "/triggers/{trigger}",
            get(triggers::show).put(triggers::prolong).delete(triggers::delete),
        )
        .route("/triggers/{trigger}/events", get(triggers::events))
        .route("/logs", get(logs::links))
        .route("/logs/entries", get(logs::entries))
        .route("/logs/config", get(logs::config).put(logs::set).delete(logs::reset))
        .route(
            "/communication-logs",
            get(communication_logs::list).post(communication_logs::create),
        )
        .route(
            "/communication-logs/{log}",
            get(communication_logs::show)
                .put(communication_logs::switch)
                .delete(communication_logs::delete),
        )
}

fn storage() -> Router {
    Router::new()
        .route("/configurations", get(configurations::list))
        .route("/configurations/{id}", get(configurations::read).put(configurations::write))
        .route("/bulk-data", get(bulk_data::categories))
        .route(
            "/bulk-data/{category}",
            get(bulk_data::list).post(bulk_data::upload).delete(bulk_data::delete_all),
        )
        .route("/bulk-data/{category}/{id}", get(bulk_data::download).delete(bulk_data::delete))
        .route("/scripts", get(scripts::list).post(scripts::upload))
        .route("/scripts/{script}", get(scripts::show).delete(scripts::delete))
        .route("/scripts/{script}/executions", post(scripts::start).get(scripts::executions))
        .route(
            "/scripts/{script}/executions/{execution}",
            get(scripts::poll).put(scripts::end).delete(scripts::forget),
        )
}

fn with_fallbacks(router: Router) -> Router {
    router
        .fallback(async || Refusal::NoSuchPath)
        .method_not_allowed_fallback(async || Refusal::NoSuchMethod)
}

/// The body of a list.
fn listed(items: impl Iterator<Item = Value>) -> Json<Value> {
    Json(json!({"items": items.collect::<Vec<_>>()}))
}

/// Reads a JSON body.
///
/// # Errors
///
/// [`Refusal::InvalidParameters`].
fn parsed<B: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<B, Refusal> {
    serde_json::from_slice(body).map_err(|cause| Refusal::InvalidParameters(cause.to_string()))
}

/// An answer that points to what it is about.
fn located(status: StatusCode, location: String, body: Value) -> Response {
    let location: [(HeaderName, String); 1] = [(header::LOCATION, location)];
    (status, location, Json(body)).into_response()
}

/// The value of a header that is text.
fn text_of(headers: &axum::http::HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(HeaderValue::to_str)?.ok()
}
