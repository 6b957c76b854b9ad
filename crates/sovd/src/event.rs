//! Streams of samples and events that a server pushes until they are closed.
//! Refuses to open a stream again: what was said in between is lost, and that is for the caller to know.

use futures_util::{Stream, stream};
use reqwest::header::HeaderValue;
use reqwest::{Method, Response};
use serde_json::value::RawValue;

use crate::call::is_event_stream;
use crate::client::Client;
use crate::document::bounded;
use crate::error::{Error, GenericError};
use crate::event_reader::{EventReader, Taken};
use crate::event_stream::Event;
use crate::exchange::{Body, Exchange};
use crate::fields::Fields;
use crate::link::Link;

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// One event of a stream.
///
/// The standard knows neither numbers nor ids of events: whoever must tell whether one is missing
/// has to count them where they are read.
#[derive(Debug, Clone)]
pub struct EventEnvelope {
    /// When the server took the sample, RFC 3339; `None` if it did not say.
    pub timestamp: Option<String>,
    /// What a read of the resource would have answered, or the whole event if the server wraps
    /// nothing; `None` if only an error came.
    pub payload: Option<Box<RawValue>>,
    /// Why there is no sample this time; `None` if there is one. The stream goes on after it.
    pub error: Option<GenericError>,
    /// What the server calls this sort of event; `None` for the standard's, which has no name.
    pub kind: Option<String>,
}

/// Events in the order in which the server sends them.
#[derive(Debug)]
pub struct Events {
    reader: EventReader,
    ended: bool,
}

impl Client {
    /// Opens the stream of events at `place`: the `event_source` of a subscription or trigger, or
    /// [`Entity::fault_stream`](crate::Entity::fault_stream).
    ///
    /// # Errors
    ///
    /// Any [`Error`]; [`Error::Malformed`] if there is no stream at that place.
    pub async fn events_at(&self, place: &Link) -> Result<Events, Error> {
        let mut exchange = Exchange::new(self, Method::GET, place, Body::Empty);
        let response = exchange.send(&EVENT_STREAM).await?;
        if !is_event_stream(&response) {
            return Err(Error::malformed("a document where a stream was asked for"));
        }
        Ok(Events::new(response, self.http().limits().part_bytes))
    }
}

impl Events {
    pub(crate) fn new(response: Response, limit: usize) -> Self {
        Self { reader: EventReader::new(response, limit), ended: false }
    }

    /// The next event; `None` when the server has closed the stream in good order, as when the
    /// subscription expired or was deleted.
    ///
    /// Takes one event when asked for one, and holds the server back meanwhile. May be dropped while
    /// waiting; nothing is lost.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] if the connection was cut, [`Error::TooLarge`] for an event beyond
    /// [`Limits::part_bytes`](crate::Limits::part_bytes), [`Error::Malformed`] for one that is no
    /// JSON. Nothing follows an error.
    pub async fn next(&mut self) -> Option<Result<EventEnvelope, Error>> {
        if self.ended {
            return None;
        }
        let next = self.pull().await;
        self.ended = !matches!(next, Ok(Some(_)));
        next.transpose()
    }

    /// The events as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<EventEnvelope, Error>> + Send {
        stream::unfold(self, |mut events| async move { Some((events.next().await?, events)) })
    }

    async fn pull(&mut self) -> Result<Option<EventEnvelope>, Error> {
        while let Some(Taken { event, was_cut }) = self.reader.next().await? {
            match EventEnvelope::decode(&event) {
                Ok(envelope) => return Ok(Some(envelope)),
                Err(_) if was_cut => return Err(Error::Truncated),
                // A sort of its own may be anything, such as a sign of life.
                Err(_) if !is_plain(&event) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

impl EventEnvelope {
    fn decode(event: &Event) -> Result<Self, Error> {
        let json: Box<RawValue> = serde_json::from_slice(&event.data)
            .map_err(|error| Error::malformed(format!("event: {error}")))?;
        let json = bounded(json)?;
        let fields = Fields::of_any(&json);
        let timestamp = fields.text(&["timestamp"]);
        let error = fields.errors().pop();
        let kind = (!is_plain(event)).then(|| String::from_utf8_lossy(&event.kind).into_owned());
        let payload = match fields.owned("payload") {
            None if error.is_none() => Some(json),
            payload => payload,
        };
        Ok(Self { timestamp, payload, error, kind })
    }
}

fn is_plain(event: &Event) -> bool {
    matches!(event.kind.as_slice(), b"" | b"message")
}
