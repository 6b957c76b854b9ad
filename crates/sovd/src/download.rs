//! Fetching content: at once, later, or from where on the same server it is.
//! Refuses to follow anywhere else: whoever has taken a vehicle over could send us anywhere.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use reqwest::header::{HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};

use crate::client::Client;
use crate::content::{Content, Upload};
use crate::discovery::Entity;
use crate::error::Error;
use crate::exchange::{Body, Exchange};
use crate::link::Link;

/// How often a server may point elsewhere before the content must come.
const HOPS: usize = 3;
const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");
const PLAIN_BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// No resource of the standard: so the Eclipse adapter calls it.
const GENERIC_SERVICE: &str = "genericservice";

/// A request for content that has not been sent yet; await it.
///
/// This is the only request that follows a redirect: the standard lets a server answer the download
/// of bulk data with 307. See [`Client::download`] for what is followed.
#[must_use = "nothing is sent until the download is awaited"]
pub struct Download {
    exchange: Exchange,
    accept: HeaderValue,
    may_move: bool,
}

/// What became of a download.
#[derive(Debug)]
pub enum Fetched {
    /// Here it is.
    Content(Content),
    /// The server is still preparing it: ask again.
    NotReady {
        /// When the server wants to be asked again; `None` if it did not say, or named a date.
        retry_after: Option<Duration>,
    },
}

impl Client {
    /// The content at `href`, an item of bulk data.
    ///
    /// A 307 is followed up to three times as long as scheme, host and port stay the same; any other
    /// redirect is refused with its status, and the refusal says if it would have led elsewhere.
    pub fn download(&self, href: &Link) -> Download {
        Download { may_move: true, ..self.content(href, ANYTHING) }
    }

    /// Sends a request in the control unit's own language, for servers that pass one on; what the unit
    /// says is the content.
    pub fn generic_service(&self, entity: &Entity, request: Vec<u8>) -> Download {
        let (place, announced) = entity.collection(GENERIC_SERVICE);
        let upload = Upload::bytes(PLAIN_BYTES, request);
        let mut exchange = Exchange::new(self, Method::PUT, &place, upload.into());
        exchange.announce(announced);
        Download { exchange, accept: PLAIN_BYTES, may_move: false }
    }

    /// The content at `href` in the media type `accept`; follows no redirect.
    pub(crate) fn content(&self, href: &Link, accept: HeaderValue) -> Download {
        let exchange = Exchange::new(self, Method::GET, href, Body::Empty);
        Download { exchange, accept, may_move: false }
    }
}

impl Download {
    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.exchange.query(name, value);
        self
    }

    async fn fetch(mut self) -> Result<Fetched, Error> {
        let mut response = self.exchange.answer(&self.accept).await?;
        for _ in 0..HOPS {
            let Some(target) = self.target(&response)? else { break };
            self.exchange.move_to(&target);
            response = self.exchange.answer(&self.accept).await?;
        }
        let response = self.exchange.judged(response).await?;
        if response.status() == StatusCode::ACCEPTED {
            return Ok(Fetched::NotReady { retry_after: retry_after(&response) });
        }
        Ok(Fetched::Content(Content::new(response)))
    }

    /// Where on this server the content is instead; `None` if it is here, or if that is for the caller
    /// to see.
    fn target(&self, response: &Response) -> Result<Option<Link>, Error> {
        if !self.may_move || response.status() != StatusCode::TEMPORARY_REDIRECT {
            return Ok(None);
        }
        let location = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
        let Some(target) = location.and_then(|it| response.url().join(it).ok()) else {
            return Ok(None);
        };
        let home = self.exchange.client().base();
        if target.origin() == home.url().origin() {
            return Ok(Some(Link::new(target)));
        }
        let words = format!("it leads to another server, {}: not followed", target.authority());
        Err(Error::refusal(response.status().as_u16(), words.as_bytes(), home, true))
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

impl IntoFuture for Download {
    type Output = Result<Fetched, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.fetch())
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Download({})", self.exchange)
    }
}
