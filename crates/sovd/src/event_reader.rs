//! Takes server-sent events from a connection, one when one is asked for.
//! Refuses to read ahead, and to pass off half an event as one.

use bytes::Bytes;
use reqwest::Response;

use crate::error::Error;
use crate::event_stream::{Decoder, Event, Oversized};

#[derive(Debug)]
pub(crate) struct EventReader {
    response: Response,
    decoder: Decoder,
    unread: Bytes,
    limit: usize,
    at_end: bool,
}

/// An event and whether the stream ended before it was closed by its blank line.
pub(crate) struct Taken {
    pub(crate) event: Event,
    pub(crate) was_cut: bool,
}

impl EventReader {
    /// Events of at most `limit` bytes.
    pub(crate) fn new(response: Response, limit: usize) -> Self {
        let decoder = Decoder::new(limit);
        Self { response, decoder, unread: Bytes::new(), limit, at_end: false }
    }

    /// The next event; `None` after the last one of a stream that ended in good order.
    pub(crate) async fn next(&mut self) -> Result<Option<Taken>, Error> {
        let limit = self.limit;
        let oversized = |Oversized| Error::TooLarge { limit };
        while !self.at_end {
            if let Some(event) = self.decoder.next(&mut self.unread).map_err(oversized)? {
                return Ok(Some(Taken { event, was_cut: false }));
            }
            match self.response.chunk().await.map_err(|_| Error::Truncated)? {
                Some(chunk) => self.unread = chunk,
                None => self.at_end = true,
            }
        }
        let event = self.decoder.finish().map_err(oversized)?;
        Ok(event.map(|event| Taken { event, was_cut: true }))
    }
}
