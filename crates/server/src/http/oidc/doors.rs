//! The way out to the provider, and the way back in.
//!
//! Refuses to answer a browser with anything but a page of the console to go to.

use super::START;
use crate::auth::Origin;
use crate::auth::oidc::{Answer, CALLBACK, LIFE, Oidc, SignInError};
use crate::http::App;
use crate::http::cookie;
use crate::http::origin;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::observe;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::get;
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::form_urlencoded;

/// The page of the console that shows what came of it.
const PAGE: &str = "/login";

/// Both ways.
pub(in crate::http) fn routes() -> Router<App> {
    Router::new().route(START, get(start)).route(CALLBACK, get(callback))
}

/// Where somebody wanted to go.
#[derive(Deserialize)]
struct Wish {
    next: Option<String>,
}

async fn start(
    State(app): State<App>,
    origin::From(from): origin::From,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    match provider(&app)?.depart(wish.next).await {
        Ok(departure) => {
            let kept = cookie::keep_sign_in(&departure.sealed, LIFE);
            Ok(go(departure.to.as_str(), [kept, None]))
        }
        Err(error) => Ok(failed(&error, &from)),
    }
}

async fn callback(
    State(app): State<App>,
    origin::From(from): origin::From,
    headers: HeaderMap,
    answer: Result<Query<Answer>, Problem>,
) -> Result<Response, Problem> {
    let oidc = provider(&app)?;
    let answer = answer.map(|Query(answer)| answer).unwrap_or_default();
    match come_in(&app, oidc, &headers, answer, &from).await {
        Ok(entry) => Ok(entry),
        Err(error) => Ok(failed(&error, &from)),
    }
}

async fn come_in(
    app: &App,
    oidc: &Oidc,
    headers: &HeaderMap,
    answer: Answer,
    from: &Origin,
) -> Result<Response, SignInError> {
    let sealed = cookie::sign_in(headers).ok_or(SignInError::Stale)?;
    let arrival = oidc.arrive(&sealed, answer).await?;
    let token = app.auth.sign_in(arrival.person, from).await?;
    let session = cookie::set(token.expose_secret(), app.config.auth.refresh_idle);
    let mut page = form_urlencoded::Serializer::new(String::new());
    page.append_pair("sso", "in");
    if let Some(next) = arrival.next {
        page.append_pair("next", &next);
    }
    Ok(go(&format!("{PAGE}?{}", page.finish()), [session, cookie::forget_sign_in()]))
}

fn provider(app: &App) -> Result<&Oidc, Problem> {
    app.oidc.as_ref().ok_or_else(|| Problem::of_status(StatusCode::NOT_FOUND))
}

fn failed(error: &SignInError, from: &Origin) -> Response {
    let (code, cause) = (code(error), observe::chain(error));
    observe::login_failed("oidc");
    tracing::warn!(code, cause, address = from.address, method = "oidc", "authn_login_fail");
    go(&format!("{PAGE}?problem={code}"), [cookie::forget_sign_in(), None])
}

/// What the console is told.
fn code(error: &SignInError) -> &'static str {
    use crate::auth::oidc::Unknown;
    match error {
        SignInError::Stale => "sso-expired",
        SignInError::Refused(_) => "sso-refused",
        SignInError::Untrusted(_) => "sso-untrusted",
        SignInError::Unknown(Unknown::NoRole) => "sso-no-role",
        SignInError::Unknown(Unknown::NoName) => "sso-no-name",
        SignInError::NameTaken => "sso-name-taken",
        SignInError::Disabled => "sso-disabled",
        SignInError::Provider(_)
        | SignInError::Busy
        | SignInError::Mint(_)
        | SignInError::Store(_) => "sso-unavailable",
    }
}

fn go(to: &str, cookies: [Option<HeaderValue>; 2]) -> Response {
    let location = HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static(PAGE));
    let cookies = cookies.into_iter().flatten().map(|value| (header::SET_COOKIE, value));
    let cookies: Vec<_> = cookies.collect();
    (StatusCode::FOUND, [(header::LOCATION, location)], AppendHeaders(cookies)).into_response()
}
