//! Fetching content: at once, later, or from where the server says it is.
//! Refuses to follow anywhere but to admitted addresses, to a weaker scheme, or with credentials.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use crate::client::Client;
use crate::content::Content;
use crate::error::Error;
use crate::exchange::{Body, Exchange};
use crate::link::Link;

/// How often a server may point elsewhere before the content must come.
const HOPS: usize = 3;
const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");

/// A request for content that has not been sent yet; await it.
///
/// This is the only request that may lead to another host: the standard lets a server answer the
/// download of bulk data with 307. See [`Client::download`] for what is followed.
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
    /// A 307 is followed up to three times: to addresses that the client's
    /// [`Admits`](crate::Admits) lets pass, never from `https` to `http`, and without the headers of
    /// the client (bearer token, own headers) unless scheme, host and port have stayed the same. Through a
    /// unix socket nothing leads to another host. [`Error::NotAdmitted`] tells where it would have
    /// led; any other redirect is refused with its status.
    pub fn download(&self, href: &Link) -> Download {
        Download { may_move: true, ..self.content(href, ANYTHING) }
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
        let mut at_home = true;
        for _ in 0..HOPS {
            let Some(target) = self.target(&response)? else { break };
            // Whoever was sent away stays a stranger: others must not lead a token around at home.
            at_home = at_home && self.is_own(&target);
            response = self.follow(target, at_home).await?;
        }
        let response = self.exchange.judged(response).await?;
        if response.status() == StatusCode::ACCEPTED {
            return Ok(Fetched::NotReady { retry_after: retry_after(&response) });
        }
        Ok(Fetched::Content(Content::new(response)))
    }

    /// Where the content is instead; `None` if it is here, or if that is for the caller to see.
    fn target(&self, response: &Response) -> Result<Option<Url>, Error> {
        if !self.may_move || response.status() != StatusCode::TEMPORARY_REDIRECT {
            return Ok(None);
        }
        let here = response.url();
        let location = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
        let Some(target) = location.and_then(|it| here.join(it).ok()) else { return Ok(None) };
        let http = self.exchange.client().http();
        let is_sound = matches!((here.scheme(), target.scheme()), (_, "https") | ("http", "http"))
            && target.username().is_empty()
            && target.password().is_none();
        let is_near = http.reaches_any_host() || self.is_own(&target);
        if is_sound && is_near && http.may_reach(&target) {
            Ok(Some(target))
        } else {
            Err(Error::not_admitted(target.host_str().unwrap_or_default()))
        }
    }

    async fn follow(&self, target: Url, at_home: bool) -> Result<Response, Error> {
        let client = self.exchange.client();
        let host = target.host_str().unwrap_or_default().to_owned();
        let mut request = client.http().client_for(&Method::GET).get(target);
        if at_home {
            request = request.headers(client.headers().clone());
        }
        let response = request.header(ACCEPT, &self.accept).send().await;
        response.map_err(|cause| Error::unanswered(cause, &host))
    }

    /// Whether `target` is on the server that the client talks to anyway.
    fn is_own(&self, target: &Url) -> bool {
        target.origin() == self.exchange.client().base().url().origin()
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
