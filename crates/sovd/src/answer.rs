//! Answers that come as one document or as a stream of parts.
//! Refuses to read ahead: a part is taken from the connection when it is asked for.

use reqwest::Response;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::document::bounded;
use crate::error::Error;
use crate::event_reader::EventReader;
use crate::event_stream::Event;

/// The answer to a call that accepted a stream.
#[derive(Debug)]
pub enum Answer<T> {
    /// The server answered with a single document.
    Document(T),
    /// The server answers in parts.
    Stream(Box<Parts>),
}

/// One part of a streamed answer.
#[derive(Debug, Clone, Deserialize)]
pub struct Part {
    /// The number of the part, counted from 1.
    pub part: u32,
    /// Whether the server says that this is the last one.
    #[serde(default)]
    pub is_final: bool,
    /// The content, as the vehicle wrote it.
    pub payload: Box<RawValue>,
}

/// The parts of a streamed answer, in the order in which the server sent them.
///
/// Parts that come twice or out of order are handed on as they are.
#[derive(Debug)]
pub struct Parts {
    reader: EventReader,
    ended: bool,
}

impl Parts {
    pub(crate) fn new(response: Response, limit: usize) -> Self {
        Self { reader: EventReader::new(response, limit), ended: false }
    }

    /// The next part; `None` when the stream has ended or failed.
    ///
    /// It reads to the end of the stream, also beyond a part that is marked as final: the caller
    /// decides whether the answer is complete. A stream that ends in good order without a final
    /// part gives `None` all the same. May be dropped while waiting; nothing is lost.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] if the connection ended amid the stream, [`Error::TooLarge`] and
    /// [`Error::Malformed`] for a part that cannot be read. Nothing follows an error.
    pub async fn next(&mut self) -> Option<Result<Part, Error>> {
        if self.ended {
            return None;
        }
        let next = self.pull().await;
        self.ended = !matches!(next, Ok(Some(_)));
        next.transpose()
    }

    async fn pull(&mut self) -> Result<Option<Part>, Error> {
        while let Some(taken) = self.reader.next().await? {
            if is_part(&taken.event) {
                let part = Part::decode(&taken.event);
                // A part that lacks only its blank line is whole; anything less was cut off.
                return if taken.was_cut { part.map_err(|_| Error::Truncated) } else { part }
                    .map(Some);
            }
        }
        Ok(None)
    }
}

impl Part {
    fn decode(event: &Event) -> Result<Self, Error> {
        let mut part: Self = serde_json::from_slice(&event.data)
            .map_err(|error| Error::malformed(format!("part of a stream: {error}")))?;
        if part.part == 0 {
            return Err(Error::malformed("part of a stream: parts are counted from 1"));
        }
        part.payload = bounded(part.payload)?;
        Ok(part)
    }
}

/// Events of other kinds are for somebody else.
fn is_part(event: &Event) -> bool {
    matches!(event.kind.as_slice(), b"" | b"message" | b"part")
}
