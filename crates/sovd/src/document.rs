//! One complete JSON answer and the place that it came from.
//! Refuses bodies over the limit, bodies that broke off, and JSON nested deeper than 120 levels.

use reqwest::Response;
use reqwest::header::LOCATION;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::fields::Fields;
use crate::link::Link;
use crate::readable::readable;

/// Deepest nesting accepted: `serde_json` stops decoding at 128, and answers are wrapped before that.
const DEPTH: usize = 120;

#[derive(Debug)]
pub(crate) struct Document {
    place: Link,
    status: u16,
    location: Option<Link>,
    json: Option<Box<RawValue>>,
}

impl Document {
    pub(crate) async fn read(response: Response, place: Link, limit: usize) -> Result<Self, Error> {
        let status = response.status().as_u16();
        let location = location(&response, &place);
        let body = body(response, limit).await?;
        let json = if body.is_empty() { None } else { Some(json(&body)?) };
        Ok(Self { place, status, location, json })
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The place that was asked.
    pub(crate) fn place(&self) -> &Link {
        &self.place
    }

    pub(crate) fn location(&self) -> Option<&Link> {
        self.location.as_ref()
    }

    /// The body; `None` if it was empty.
    pub(crate) fn json(&self) -> Option<&RawValue> {
        self.json.as_deref()
    }

    pub(crate) fn required(&self, what: &str) -> Result<&RawValue, Error> {
        self.json().ok_or_else(|| Error::malformed(format!("{what}: empty body")))
    }

    /// The entries of a collection, each turned into a `T`.
    pub(crate) fn items<T>(
        &self,
        what: &str,
        decode: impl Fn(&Link, &RawValue) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        Fields::of(self.required(what)?, what)?
            .list(&["items", "value"])
            .ok_or_else(|| Error::malformed(format!("{what}: no items")))?
            .iter()
            .map(|item| decode(&self.place, item))
            .collect()
    }
}

fn location(response: &Response, place: &Link) -> Option<Link> {
    place.resolve(response.headers().get(LOCATION)?.to_str().ok()?)
}

/// The whole body, as long as it stays within `limit`.
pub(crate) async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Error::Truncated)? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(Error::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn json(body: &[u8]) -> Result<Box<RawValue>, Error> {
    let json: Box<RawValue> = serde_json::from_slice(body)
        .map_err(|error| Error::malformed(format!("not JSON: {error}")))?;
    bounded(json)
}

/// Passes on what is not nested too deeply, with whole characters: text that is kept undecoded escapes
/// the checks that decoding makes, and would fail at whoever reads it next.
pub(crate) fn bounded(json: Box<RawValue>) -> Result<Box<RawValue>, Error> {
    if is_too_deep(json.get()) {
        return Err(Error::malformed(format!("nested deeper than {DEPTH} levels")));
    }
    readable(json)
}

fn is_too_deep(json: &str) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    json.bytes().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth = depth.saturating_add(1),
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEPTH
    })
}
