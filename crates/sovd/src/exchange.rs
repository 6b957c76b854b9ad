//! One request on its way, and the head of its answer.
//! Refuses to send anything twice but a read, and that only within what the caller allows.

use std::fmt;

use reqwest::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Map, Value};

use crate::client::Client;
use crate::content::Upload;
use crate::document;
use crate::error::Error;
use crate::link::Link;
use crate::retry::Pauses;

/// What a request carries.
#[derive(Debug, Default)]
pub(crate) enum Body {
    #[default]
    Empty,
    Json(Value),
    Form(String),
    Content(Upload),
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

impl From<Option<Value>> for Body {
    fn from(value: Option<Value>) -> Self {
        value.map_or(Self::Empty, Self::Json)
    }
}

impl From<Upload> for Body {
    fn from(upload: Upload) -> Self {
        Self::Content(upload)
    }
}

/// A request and whether the server itself named its place.
pub(crate) struct Exchange {
    client: Client,
    method: Method,
    place: Link,
    announced: bool,
    body: Body,
}

impl Exchange {
    pub(crate) fn new(client: &Client, method: Method, place: &Link, body: Body) -> Self {
        Self { client: client.clone(), method, place: client.own(place), announced: true, body }
    }

    /// If the server did not name the place, its 404 means "no such collection".
    pub(crate) fn announce(&mut self, announced: bool) {
        self.announced = announced;
    }

    pub(crate) fn query(&mut self, name: &str, value: &str) {
        let mut url = self.place.url().clone();
        url.query_pairs_mut().append_pair(name, value);
        self.place = Link::new(url);
    }

    pub(crate) fn move_to(&mut self, place: &Link) {
        self.place = self.client.own(place);
    }

    /// Sets a member of the JSON body.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        if !matches!(self.body, Body::Json(Value::Object(_))) {
            self.body = Body::Json(Value::Object(Map::new()));
        }
        if let Body::Json(Value::Object(members)) = &mut self.body {
            members.insert(name.to_owned(), value.into());
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn into_place(self) -> Link {
        self.place
    }

    /// The answer of success; anything else is a refusal.
    pub(crate) async fn send(&mut self, accept: &HeaderValue) -> Result<Response, Error> {
        let response = self.answer(accept).await?;
        self.judged(response).await
    }

    /// The answer with whatever status it has, asked for again as far as the caller allows.
    pub(crate) async fn answer(&mut self, accept: &HeaderValue) -> Result<Response, Error> {
        let mut pauses = self.pauses();
        loop {
            let outcome = self.answer_once(accept).await;
            let Some(pause) = pauses.after(&outcome) else { return outcome };
            tokio::time::sleep(pause).await;
        }
    }

    pub(crate) async fn judged(&self, response: Response) -> Result<Response, Error> {
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        // The status says it all already: a body that cannot be read changes nothing.
        let body = document::body(response, self.client.http().limits().body_bytes).await;
        Err(Error::refusal(status, &body.unwrap_or_default(), &self.place, self.announced))
    }

    fn pauses(&self) -> Pauses {
        if self.method == Method::GET {
            self.client.read_retries().pauses()
        } else {
            <_>::default()
        }
    }

    async fn answer_once(&mut self, accept: &HeaderValue) -> Result<Response, Error> {
        let url = self.place.url();
        let host = url.host_str().unwrap_or_default();
        if !self.client.http().may_reach(url) {
            return Err(Error::not_admitted(host));
        }
        let request = self
            .client
            .http()
            .client_for(&self.method)
            .request(self.method.clone(), url.clone())
            .headers(self.client.headers().clone())
            .header(ACCEPT, accept);
        let request = std::mem::take(&mut self.body).put_into(request);
        request.send().await.map_err(|cause| Error::unanswered(cause, host, &self.method))
    }
}

impl Body {
    fn put_into(self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Empty => request,
            Self::Json(value) => request.json(&value),
            Self::Form(pairs) => {
                let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
                request.header(CONTENT_TYPE, kind).body(pairs)
            }
            Self::Content(upload) => {
                let (kind, length, name, body) = upload.into_parts();
                let request = request.header(CONTENT_TYPE, kind).header(CONTENT_LENGTH, length);
                let request = match name {
                    Some(name) => request.header(CONTENT_DISPOSITION, name),
                    None => request,
                };
                request.body(body)
            }
        }
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.place)
    }
}
