//! One request for a JSON answer, and how that is read.
//! Refuses to send twice: a call is consumed by sending it.

use std::fmt;
use std::pin::Pin;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::answer::{Answer, Parts};
use crate::client::Client;
use crate::document::Document;
use crate::error::Error;
use crate::exchange::{Body, Exchange};
use crate::link::Link;

const EVENT_STREAM: &str = "text/event-stream";
const DOCUMENT: HeaderValue = HeaderValue::from_static("application/json");
const EITHER: HeaderValue = HeaderValue::from_static("text/event-stream, application/json");

pub(crate) type Decode<T> = Box<dyn Fn(&Document) -> Result<T, Error> + Send + Sync>;

/// A request that has not been sent yet.
///
/// Await it for the decoded answer, or [`Call::streaming`] to accept one in parts.
#[must_use = "nothing is sent until the call is awaited"]
pub struct Call<T> {
    /// On the heap, because it is large, and a call becomes part of the futures that wait for it.
    exchange: Box<Exchange>,
    decode: Decode<T>,
}

impl<T> Call<T> {
    pub(crate) fn get(client: &Client, place: &Link, decode: impl DecodeAs<T>) -> Self {
        Self::new(Exchange::new(client, Method::GET, place, Body::Empty), decode)
    }

    pub(crate) fn delete(client: &Client, place: &Link, decode: impl DecodeAs<T>) -> Self {
        Self::new(Exchange::new(client, Method::DELETE, place, Body::Empty), decode)
    }

    pub(crate) fn post(
        client: &Client,
        place: &Link,
        body: impl Into<Body>,
        decode: impl DecodeAs<T>,
    ) -> Self {
        Self::new(Exchange::new(client, Method::POST, place, body.into()), decode)
    }

    pub(crate) fn put(
        client: &Client,
        place: &Link,
        body: impl Into<Body>,
        decode: impl DecodeAs<T>,
    ) -> Self {
        Self::new(Exchange::new(client, Method::PUT, place, body.into()), decode)
    }

    fn new(exchange: Exchange, decode: impl DecodeAs<T>) -> Self {
        Self { exchange: Box::new(exchange), decode: Box::new(decode) }
    }

    /// Says whether the server itself named the place: if not, its 404 means "no such collection".
    pub(crate) fn announced(mut self, announced: bool) -> Self {
        self.exchange.announce(announced);
        self
    }

    /// Adds a query parameter, e.g. one of a server's own.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.exchange.query(name, value);
        self
    }

    /// Asks for entries with this tag; several tags mean any of them.
    pub fn tag(self, tag: &str) -> Self {
        self.query("tags", tag)
    }

    /// Asks for the schema beside the answer; that is where units are.
    pub fn with_schema(self) -> Self {
        self.query("include-schema", "true")
    }

    /// Sets a member of the body.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.exchange.set(name, value);
        self
    }

    /// The same request elsewhere on the server.
    pub(crate) fn moved_to(mut self, place: &Link) -> Self {
        self.exchange.move_to(place);
        self
    }

    /// The same request with its answer read in another way.
    pub(crate) fn read_as<U>(
        self,
        read: impl Fn(&Document, &Decode<T>) -> Result<U, Error> + Send + Sync + 'static,
    ) -> Call<U>
    where
        T: 'static,
    {
        let Self { exchange, decode } = self;
        Call::new(*exchange, move |document: &Document| read(document, &decode))
    }

    /// Sends the request, accepting a streamed answer as well as a single document.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; of a stream, only what happened before its first part.
    pub async fn streaming(mut self) -> Result<Answer<T>, Error> {
        let response = self.exchange.send(&EITHER).await?;
        if is_event_stream(&response) {
            let limit = self.exchange.client().http().limits().part_bytes;
            return Ok(Answer::Stream(Box::new(Parts::new(response, limit))));
        }
        self.read(response).await.map(Answer::Document)
    }

    /// The same request for its answer as the vehicle wrote it, which is only checked to be JSON.
    pub fn raw(self) -> Call<Box<RawValue>> {
        Call::new(*self.exchange, |document: &Document| {
            document.required("answer").map(ToOwned::to_owned)
        })
    }

    async fn document(mut self) -> Result<T, Error> {
        let response = self.exchange.send(&DOCUMENT).await?;
        if is_event_stream(&response) {
            return Err(Error::malformed("a stream where a document was asked for"));
        }
        self.read(response).await
    }

    /// Reads an answer that no server gave.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) async fn given(self, response: Response) -> Result<T, Error> {
        let response = self.exchange.judged(response).await?;
        self.read(response).await
    }

    async fn read(self, response: Response) -> Result<T, Error> {
        let limit = self.exchange.client().http().limits().body_bytes;
        let document = Document::read(response, self.exchange.into_place(), limit).await?;
        (self.decode)(&document)
    }
}

/// A way to read an answer.
pub(crate) trait DecodeAs<T>:
    Fn(&Document) -> Result<T, Error> + Send + Sync + 'static
{
}

impl<T, F: Fn(&Document) -> Result<T, Error> + Send + Sync + 'static> DecodeAs<T> for F {}

impl<T: 'static> IntoFuture for Call<T> {
    type Output = Result<T, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.document())
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({})", self.exchange)
    }
}

pub(crate) fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(EVENT_STREAM))
}
