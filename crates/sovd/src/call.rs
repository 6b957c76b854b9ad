//! One request and how its answer is read.
//! Refuses to send twice: a call is consumed by sending it.

use std::fmt;
use std::pin::Pin;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::answer::{Answer, Parts};
use crate::client::Client;
use crate::document::{self, Document};
use crate::error::Error;
use crate::link::Link;

const EVENT_STREAM: &str = "text/event-stream";

pub(crate) type Decode<T> = fn(&Document) -> Result<T, Error>;

/// A request that has not been sent yet.
///
/// Await it for the decoded answer, or [`Call::streaming`] to accept one in parts.
#[must_use = "nothing is sent until the call is awaited"]
pub struct Call<T> {
    client: Client,
    method: Method,
    place: Link,
    announced: bool,
    body: Option<Value>,
    decode: Decode<T>,
}

impl<T> Call<T> {
    pub(crate) fn get(client: &Client, place: &Link, decode: Decode<T>) -> Self {
        Self::new(client, Method::GET, place, decode)
    }

    pub(crate) fn delete(client: &Client, place: &Link, decode: Decode<T>) -> Self {
        Self::new(client, Method::DELETE, place, decode)
    }

    pub(crate) fn post(client: &Client, place: &Link, body: Value, decode: Decode<T>) -> Self {
        Self { body: Some(body), ..Self::new(client, Method::POST, place, decode) }
    }

    pub(crate) fn put(client: &Client, place: &Link, body: Value, decode: Decode<T>) -> Self {
        Self { body: Some(body), ..Self::new(client, Method::PUT, place, decode) }
    }

    fn new(client: &Client, method: Method, place: &Link, decode: Decode<T>) -> Self {
        Self {
            client: client.clone(),
            method,
            place: client.own(place),
            announced: true,
            body: None,
            decode,
        }
    }

    /// Says whether the server itself named the place: if not, its 404 means "no such collection".
    pub(crate) fn announced(self, announced: bool) -> Self {
        Self { announced, ..self }
    }

    /// Adds a query parameter, e.g. `status[confirmedDTC]=1`.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let mut url = self.place.url().clone();
        url.query_pairs_mut().append_pair(name, value);
        self.place = Link::new(url);
        self
    }

    /// Asks for the schema beside the answer; that is where units are.
    pub fn with_schema(self) -> Self {
        self.query("include-schema", "true")
    }

    /// Sends the request, accepting a streamed answer as well as a single document.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; of a stream, only what happened before its first part.
    pub async fn streaming(self) -> Result<Answer<T>, Error> {
        let response = self.send("text/event-stream, application/json").await?;
        if is_event_stream(&response) {
            let limit = self.client.http().limits().part_bytes;
            return Ok(Answer::Stream(Box::new(Parts::new(response, limit))));
        }
        self.read(response).await.map(Answer::Document)
    }

    /// The same request for its answer as the vehicle wrote it, which is only checked to be JSON.
    pub fn raw(self) -> Call<Box<RawValue>> {
        let Self { client, method, place, announced, body, decode: _ } = self;
        let decode = |document: &Document| document.required("answer").map(ToOwned::to_owned);
        Call { client, method, place, announced, body, decode }
    }

    async fn document(self) -> Result<T, Error> {
        let response = self.send("application/json").await?;
        if is_event_stream(&response) {
            return Err(Error::malformed("a stream where a document was asked for"));
        }
        self.read(response).await
    }

    async fn send(&self, accept: &'static str) -> Result<Response, Error> {
        let url = self.place.url();
        let host = url.host_str().unwrap_or_default();
        if !self.client.http().may_reach(url) {
            return Err(Error::not_admitted(host));
        }
        let mut request = self
            .client
            .http()
            .client_for(&self.method)
            .request(self.method.clone(), url.clone())
            .headers(self.client.headers().clone())
            .header(ACCEPT, HeaderValue::from_static(accept));
        if let Some(body) = &self.body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|cause| Error::unanswered(cause, host))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(self.refused(response).await)
        }
    }

    async fn refused(&self, response: Response) -> Error {
        let status = response.status().as_u16();
        // The status says it all already: a body that cannot be read changes nothing.
        let body = document::body(response, self.client.http().limits().body_bytes).await;
        Error::refusal(status, &body.unwrap_or_default(), &self.place, self.announced)
    }

    async fn read(self, response: Response) -> Result<T, Error> {
        let limit = self.client.http().limits().body_bytes;
        (self.decode)(&Document::read(response, self.place, limit).await?)
    }
}

impl<T: 'static> IntoFuture for Call<T> {
    type Output = Result<T, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.document())
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({} {})", self.method, self.place)
    }
}

fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(EVENT_STREAM))
}

/// A change that the server has carried out.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// What the server said about it; `None` if it said nothing, as the standard has it.
    pub raw: Option<Box<RawValue>>,
}

impl Acknowledged {
    #[expect(clippy::unnecessary_wraps, reason = "one of the decoders, which may fail")]
    pub(crate) fn decode(document: &Document) -> Result<Self, Error> {
        Ok(Self { raw: document.json().map(ToOwned::to_owned) })
    }
}
