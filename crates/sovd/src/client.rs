//! The client of one vehicle's SOVD server; the verbs stand beside the nouns they are about.
//! Refuses to hold state about the vehicle: every call asks the server.

use std::fmt;
use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::http::Http;
use crate::link::Link;
use crate::retry::Retries;

/// A client of one vehicle; cheap to clone.
///
/// Nothing has a time limit but the connect: wrap a call in a timeout, or drop it at any time.
/// Dropping closes the connection; it does not undo what was sent.
#[derive(Clone)]
pub struct Client {
    base: Link,
    headers: Arc<HeaderMap>,
    http: Http,
    read_retries: Retries,
}

impl Client {
    /// A client of the server at `base`, the address that ends in the version (`…/v1`).
    ///
    /// If all that is known is the host, follow up with [`Client::discover`].
    pub fn new(mut base: Url, http: Http) -> Self {
        // Some servers tell `/v1/` from `/v1` and know only the latter.
        if let Ok(mut path) = base.path_segments_mut() {
            path.pop_if_empty();
        }
        Self {
            base: Link::new(base),
            headers: Arc::default(),
            http,
            read_retries: Retries::default(),
        }
    }

    /// A client of the same vehicle that sends this header with every request.
    #[must_use]
    pub fn with_header(&self, name: HeaderName, value: HeaderValue) -> Self {
        let mut client = self.clone();
        Arc::make_mut(&mut client.headers).insert(name, value);
        client
    }

    /// A client of the same vehicle that shows this token with every request.
    ///
    /// It is kept out of `Debug` output, and goes to no other server.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`] if it holds anything that no header may hold.
    pub fn with_bearer(&self, token: &str) -> Result<Self, InvalidToken> {
        let mut value =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| InvalidToken)?;
        value.set_sensitive(true);
        Ok(self.with_header(AUTHORIZATION, value))
    }

    /// A client of the same vehicle that repeats failed reads, and reads only, as `retries` says.
    #[must_use]
    pub fn with_read_retries(&self, retries: Retries) -> Self {
        Self { read_retries: retries, ..self.clone() }
    }

    /// The address below which the server's collections are.
    pub fn base(&self) -> &Link {
        &self.base
    }

    /// The place that `reference` names on this server; `None` if it is no web address.
    ///
    /// For links that were kept as text; a host in it is ignored.
    pub fn link(&self, reference: &str) -> Option<Link> {
        self.base.resolve(reference)
    }

    pub(crate) fn at(&self, base: Link) -> Self {
        Self { base, ..self.clone() }
    }

    /// The same path on this client's own host: a link may stem from the client of another vehicle.
    pub(crate) fn own(&self, link: &Link) -> Link {
        self.base.moved_to(link.url())
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn read_retries(&self) -> Retries {
        self.read_retries
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }
}

/// A token that no header can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token holds characters that no header may hold")]
pub struct InvalidToken;

/// Without the headers, which may carry credentials.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}
