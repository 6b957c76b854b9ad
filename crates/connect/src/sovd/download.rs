//! Content from a vehicle on its way out, in pieces of which each is a part.
//!
//! Holds one piece at a time, and passes nothing off as whole that is not what the vehicle described.

use std::fmt::Write;
use std::time::Duration;

use ::sovd::{BulkItem, Client, Content, Fetched, Link};
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::sleep;

use super::attempt::Attempt;
use super::failure;
use crate::order::End;

/// Bytes of one piece, before they become text.
const PIECE_BYTES: usize = 256 * 1024;
/// What a part has beside the text of its piece.
const FRAME_BYTES: usize = 256;
/// How long to wait if the vehicle does not say, and at least and at most if it does.
const USUAL_WAIT: Duration = Duration::from_secs(1);
const SHORTEST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// What the vehicle says of content before it is fetched.
#[derive(Debug, Default)]
pub(super) struct Expected {
    item: Option<Box<RawValue>>,
    size: Option<u64>,
    sha256: Option<String>,
}

/// The first part.
#[derive(Serialize)]
struct Begun<'a> {
    /// The vehicle's description; `None` if it gave none.
    item: Option<&'a RawValue>,
    /// `None` if the vehicle did not say.
    size: Option<u64>,
    piece_bytes: usize,
}

/// A part while the vehicle prepares the content.
#[derive(Serialize)]
struct Waiting {
    waiting: &'static str,
    retry_after_ms: u128,
}

/// A part with some of the content.
#[derive(Serialize)]
struct Piece {
    offset: u64,
    size: usize,
    /// In base64.
    data: String,
}

/// The last part.
#[derive(Serialize)]
struct Whole<'a> {
    size: u64,
    sha256: &'a str,
    /// Whether it is what the vehicle described; `None` if it gave no SHA-256.
    verified: Option<bool>,
    /// What the vehicle had described; `None` if that is what came.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_sha256: Option<&'a str>,
}

impl Expected {
    pub(super) fn of(item: &BulkItem) -> Self {
        let algorithm = item.hash_algorithm.as_deref().unwrap_or_default();
        let plain = algorithm.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let is_known = plain.eq_ignore_ascii_case("sha256");
        let sha256 = item.hash.clone().filter(|_| is_known);
        Self { item: Some(item.raw.clone()), size: item.size, sha256 }
    }

    /// Servers write a digest in hexadecimal or in base64.
    fn is_met_by(&self, digest: &[u8]) -> Option<bool> {
        let expected = self.sha256.as_deref()?.trim();
        let is_met = expected.eq_ignore_ascii_case(&hexadecimal(digest))
            || STANDARD.decode(expected).is_ok_and(|bytes| bytes == digest);
        Some(is_met)
    }
}

impl Attempt<'_> {
    /// What it is, the pieces, then the digest of the whole.
    pub(super) async fn download(
        &mut self,
        client: &Client,
        place: &Link,
        expected: &Expected,
    ) -> Result<(), End> {
        let mut content = self.fetch(client, place).await?;
        let piece_bytes = piece_bytes(self.outbox.max_part_bytes());
        let size = expected.size.or(content.length());
        self.outbox.part(&Begun { item: expected.item.as_deref(), size, piece_bytes }).await?;
        let (size, digest) = self.pass_on(&mut content, piece_bytes, expected.size).await?;
        if expected.size.is_some_and(|expected| size < expected) {
            return Err(End::Truncated);
        }
        let verified = expected.is_met_by(&digest);
        let sha256 = &*hexadecimal(&digest);
        if verified == Some(false) {
            let expected_sha256 = expected.sha256.as_deref();
            self.outbox.part(&Whole { size, sha256, verified, expected_sha256 }).await?;
            return Err(End::Malformed);
        }
        self.outbox.last(&Whole { size, sha256, verified, expected_sha256: None }).await
    }

    /// The content as soon as the vehicle has it ready.
    async fn fetch(&mut self, client: &Client, place: &Link) -> Result<Content, End> {
        loop {
            let fetched = client.download(place).await.map_err(|error| self.failed(error))?;
            let retry_after = match fetched {
                Fetched::Content(content) => return Ok(content),
                Fetched::NotReady { retry_after } => retry_after,
            };
            let wait = retry_after.unwrap_or(USUAL_WAIT).clamp(SHORTEST_WAIT, LONGEST_WAIT);
            if !self.outbox.has_sent() {
                let waiting = "the vehicle prepares the content";
                let part = Waiting { waiting, retry_after_ms: wait.as_millis() };
                self.outbox.part(&part).await?;
            }
            sleep(wait).await;
        }
    }

    /// One part per piece; in the end size and SHA-256 of all. What goes beyond the size that was
    /// described is not waited for.
    async fn pass_on(
        &mut self,
        content: &mut Content,
        piece_bytes: usize,
        expected: Option<u64>,
    ) -> Result<(u64, Vec<u8>), End> {
        let mut digest = Context::new(&SHA256);
        let mut unsent = BytesMut::with_capacity(piece_bytes);
        let mut offset = 0;
        while let Some(bytes) = content.next().await {
            let bytes = bytes.map_err(failure::of_read)?;
            digest.update(&bytes);
            unsent.extend_from_slice(&bytes);
            while unsent.len() >= piece_bytes {
                offset = self.piece(offset, &unsent.split_to(piece_bytes)).await?;
            }
            if expected.is_some_and(|expected| after(offset, unsent.len()) > expected) {
                return Err(End::Malformed);
            }
        }
        if !unsent.is_empty() {
            offset = self.piece(offset, &unsent).await?;
        }
        Ok((offset, digest.finish().as_ref().to_vec()))
    }

    /// Sends a piece, and says where the next one begins.
    async fn piece(&mut self, offset: u64, bytes: &[u8]) -> Result<u64, End> {
        let size = bytes.len();
        self.outbox.part(&Piece { offset, size, data: STANDARD.encode(bytes) }).await?;
        Ok(after(offset, size))
    }
}

/// Where `size` bytes end that begin at an offset.
fn after(offset: u64, size: usize) -> u64 {
    offset.saturating_add(u64::try_from(size).unwrap_or(u64::MAX))
}

/// What fits into a part once three bytes have become four letters.
fn piece_bytes(max_part_bytes: usize) -> usize {
    let letters = max_part_bytes.saturating_sub(FRAME_BYTES);
    (letters / 4).saturating_mul(3).clamp(1, PIECE_BYTES)
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_fits_into_a_part() {
        for limit in [1 << 20, 100_000, 4096] {
            let bytes = piece_bytes(limit);
            let data = STANDARD.encode(vec![0; bytes]);
            let part = Piece { offset: u64::MAX, size: bytes, data };
            assert!(serde_json::to_string(&part).unwrap().len() <= limit, "{limit}");
        }
        assert_eq!(piece_bytes(1 << 20), PIECE_BYTES);
    }

    #[test]
    fn a_digest_is_known_in_either_notation() {
        let digest = [0xAB; 32];
        let met = |text: &str| {
            let expected = Expected { sha256: Some(text.to_owned()), ..Expected::default() };
            expected.is_met_by(&digest)
        };
        assert_eq!(met(&"AB".repeat(32)), Some(true));
        assert_eq!(met(&STANDARD.encode(digest)), Some(true));
        assert_eq!(met("ab"), Some(false));
        assert_eq!(Expected::default().is_met_by(&digest), None);
    }
}
