//! Content that is no JSON, on its way to the server or from it.
//! Refuses to hold it as a whole unless asked to, and then only up to a limit.

use std::fmt;

use bytes::Bytes;
use futures_util::{Stream, TryStream, stream};
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use crate::document;
use crate::error::Error;

/// Content for the server, whole or flowing.
pub struct Upload {
    kind: HeaderValue,
    length: u64,
    disposition: Option<HeaderValue>,
    body: reqwest::Body,
}

impl Upload {
    /// Content of the media type `kind` that is held in memory.
    pub fn bytes(kind: HeaderValue, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        Self { kind, length, disposition: None, body: content.into() }
    }

    /// Content of exactly `length` bytes that is taken from `content` as fast as the server reads.
    ///
    /// If the stream fails or is shorter, the connection is closed and the outcome is
    /// [`Error::Lost`]: what the server makes of half a content is its business.
    pub fn stream<S>(kind: HeaderValue, length: u64, content: S) -> Self
    where
        S: TryStream + Send + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        Bytes: From<S::Ok>,
    {
        Self { kind, length, disposition: None, body: reqwest::Body::wrap_stream(content) }
    }

    /// Names the content as a file; characters that may not stand in a header become `_`.
    #[must_use]
    pub fn named(self, file: &str) -> Self {
        let is_plain = |letter: &char| matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\');
        let file: String = file.chars().map(|it| if is_plain(&it) { it } else { '_' }).collect();
        let disposition = HeaderValue::try_from(format!("attachment; filename=\"{file}\"")).ok();
        Self { disposition, ..self }
    }

    pub(crate) fn into_parts(self) -> (HeaderValue, u64, Option<HeaderValue>, reqwest::Body) {
        (self.kind, self.length, self.disposition, self.body)
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upload({:?}, {} bytes)", self.kind, self.length)
    }
}

/// Content from the server, piece by piece as it comes.
#[derive(Debug)]
pub struct Content {
    response: Response,
    ended: bool,
}

impl Content {
    pub(crate) fn new(response: Response) -> Self {
        Self { response, ended: false }
    }

    /// The media type; `None` if the server did not say.
    pub fn kind(&self) -> Option<&str> {
        self.response.headers().get(CONTENT_TYPE)?.to_str().ok()
    }

    /// The bytes that are still to come; `None` if the server did not say.
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next piece; `None` when all has come or the reading failed.
    ///
    /// The server is held back while nothing is asked for. May be dropped while waiting; nothing is
    /// lost. If the server announced no length, a connection that is closed early may pass for the
    /// end.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] if the connection ended before the content. Nothing follows an error.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        if self.ended {
            return None;
        }
        let next = self.response.chunk().await.map_err(|_| Error::Truncated);
        self.ended = !matches!(next, Ok(Some(_)));
        next.transpose()
    }

    /// The rest of the content as one piece of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] beyond the limit, [`Error::Truncated`] as [`Content::next`].
    pub async fn whole(self, limit: usize) -> Result<Vec<u8>, Error> {
        document::body(self.response, limit).await
    }

    /// The pieces as a stream, e.g. for an [`Upload`] elsewhere.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Error>> + Send {
        stream::unfold(self, |mut content| async move { Some((content.next().await?, content)) })
    }
}
