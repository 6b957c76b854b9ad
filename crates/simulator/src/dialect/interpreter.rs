//! Stands before a vehicle that speaks as the standard does, and speaks a dialect.
//!
//! Holds no document longer than its exchange, and no stream at all.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tower::ServiceExt;

use super::asked::{Asked, Need, Payload};
use super::place::Kind;
use super::told::{Content, Told};
use super::tongue::Tongue;
use super::{Dialect, events, uris};
use crate::sovd::BASE;

const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Headers by which a server knows its client.
const IDENTITY: [HeaderName; 2] = [header::AUTHORIZATION, HeaderName::from_static("x-client-id")];

/// One vehicle's interpreter.
pub(crate) struct Interpreter {
    dialect: Dialect,
    tongue: Box<dyn Tongue>,
    standard: Router,
}

/// Answers a request in the dialect of the vehicle.
pub(crate) async fn interpret(
    State(interpreter): State<Arc<Interpreter>>,
    request: Request,
) -> Response {
    if interpreter.dialect == Dialect::Spec {
        return interpreter.ask(request).await;
    }
    let host = host_of(request.headers());
    match Asked::of(request, &*interpreter.tongue).await {
        Ok(asked) => interpreter.answer(asked, &host).await,
        Err(told) => told.into_response(),
    }
}

impl Interpreter {
    pub(crate) fn new(dialect: Dialect, standard: Router) -> Self {
        Self { dialect, tongue: dialect.tongue(), standard }
    }

    async fn answer(self: Arc<Self>, mut asked: Asked, host: &str) -> Response {
        for need in self.tongue.needs(&asked) {
            let found = self.look(identity(&asked.headers), &path_of(need, &asked)).await;
            let is_named_there = matches!(need, Need::DataItems | Need::Faults);
            if is_named_there && !found.status.is_success() {
                return self.addressed(self.tongue.tell(&asked, found), host).into_response();
            }
            let document =
                if found.status.is_success() { found.json().clone() } else { Value::Null };
            asked.known.push((need, document));
        }
        if let Err(told) = self.tongue.hear(&mut asked) {
            return self.addressed(told, host).into_response();
        }
        if asked.kind() == Kind::Outside {
            let nowhere = Told::empty(StatusCode::NOT_FOUND);
            return self.tongue.tell(&asked, nowhere).into_response();
        }
        let request = standard_request(&mut asked);
        let answer = self.ask(request).await;
        if content_type(answer.headers()).starts_with("text/event-stream") {
            let (head, body) = answer.into_parts();
            return Response::from_parts(head, events::translated(self, asked, body));
        }
        match told(answer).await {
            Ok(told) => self.addressed(self.tongue.tell(&asked, told), host).into_response(),
            Err(passing) => passing,
        }
    }

    /// One event of a stream in the dialect.
    pub(super) fn event(&self, asked: &Asked, number: u64, data: Value) -> Value {
        let mut data = self.tongue.event(asked, number, data);
        uris::outward(&mut data, "", self.tongue.base());
        data
    }

    async fn ask(&self, request: Request) -> Response {
        self.standard.clone().oneshot(request).await.into_response()
    }

    /// What the standard says at a path; nothing can be found at one that is none.
    async fn look(&self, identity: HeaderMap, path: &str) -> Told {
        let mut request = Request::new(Body::empty());
        let Ok(uri) = path.parse() else { return Told::empty(StatusCode::NOT_FOUND) };
        *request.uri_mut() = uri;
        *request.headers_mut() = identity;
        let answer = told(self.ask(request).await).await;
        answer.unwrap_or_else(|passing| Told::empty(passing.status()))
    }

    /// The answer with the addresses of the dialect.
    fn addressed(&self, mut told: Told, host: &str) -> Told {
        let (origin, base) = (self.tongue.origin(host), self.tongue.base());
        if let Content::Document(document) = &mut told.content {
            uris::outward(document, &origin, base);
        }
        let to = format!("{origin}{base}");
        told.location = told.location.map(|at| uris::rebased(&at, BASE, &to).unwrap_or(at));
        told
    }
}

/// The request as the standard takes it; its body is used up.
fn standard_request(asked: &mut Asked) -> Request {
    let payload = std::mem::replace(&mut asked.payload, Payload::Whole(Bytes::new()));
    let mut request = Request::new(payload.into_body());
    *request.method_mut() = asked.method.clone();
    *request.headers_mut() = asked.headers.clone();
    // A path that cannot be asked for leads to the root, which refuses what it does not know.
    *request.uri_mut() = asked.target().parse().unwrap_or_default();
    request
}

/// The answer as a document, or as it is if it is none.
async fn told(answer: Response) -> Result<Told, Response> {
    let (head, body) = answer.into_parts();
    let is_json = content_type(&head.headers).starts_with("application/json");
    let length = head.headers.get(header::CONTENT_LENGTH);
    let is_empty =
        length.is_some_and(|length| length == "0") || head.status == StatusCode::NO_CONTENT;
    if !is_json && !is_empty {
        return Err(Response::from_parts(head, body));
    }
    let mut told = Told::empty(head.status);
    let location = head.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    told.location = location.map(str::to_owned);
    told.headers = Box::new(head.headers);
    let bytes = to_bytes(body, MAX_ANSWER_BYTES).await;
    let bytes = bytes.map_err(|_| StatusCode::INSUFFICIENT_STORAGE.into_response())?;
    if let Ok(document) = serde_json::from_slice(&bytes) {
        told.content = Content::Document(document);
    }
    Ok(told)
}

fn path_of(need: Need, asked: &Asked) -> String {
    let entity = asked.place.entity();
    match need {
        Need::Entity => entity,
        Need::DataItems => entity + "/data",
        Need::Faults => entity + "/faults",
        Need::Locks => entity + "/locks",
        Need::Host => entity + "/is-located-on",
        Need::VehicleLocks => format!("{BASE}/locks"),
        Need::Itself => asked.place.path(),
    }
}

/// The headers by which the standard knows the client.
fn identity(headers: &HeaderMap) -> HeaderMap {
    let named = |name: &HeaderName| Some((name.clone(), headers.get(name)?.clone()));
    IDENTITY.iter().filter_map(named).collect()
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn host_of(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    String::from_utf8_lossy(host).into_owned()
}
