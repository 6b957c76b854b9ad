//! A stream of events that lives as long as what it tells of, however often it is cut.
//!
//! Hides no cut: SOVD numbers no events, so what was said meanwhile is lost, and a gap is reported.

use std::time::Duration;

use ::sovd::{Client, Error, EventEnvelope, Events, Link};
use model::Timestamp;
use tokio::time::{Instant, timeout};

use super::failure;
use super::patience::Patience;
use crate::clock;
use crate::order::End;

/// How many times in a row a stream may be cut, or not come to be.
const MAX_MISSES: u32 = 5;
/// How long a stream may take to begin.
const OPEN_PATIENCE: Duration = Duration::from_secs(10);
/// How long nothing may come before the vehicle is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(15);
/// By these a vehicle says that what the stream tells of is no more.
const GONE: [u16; 2] = [404, 410];

/// What comes out of a feed.
#[derive(Debug)]
pub(super) enum News {
    /// An event.
    Event(EventEnvelope),
    /// The stream goes on after a cut.
    Gap(Gap),
    /// The vehicle has ended what the stream told of.
    Gone,
}

/// A time in which events may have been lost.
#[derive(Debug)]
pub(super) struct Gap {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// One stream, opened again when it is cut.
#[derive(Debug)]
pub(super) struct Feed {
    client: Client,
    events_at: Link,
    /// What the stream tells of; `None` if it is a stream that is always there.
    subject: Option<Link>,
    events: Option<Events>,
    cut: Option<Timestamp>,
    patience: Patience,
    /// From here on a stream that is closed is at its end.
    nearly: Instant,
}

impl Feed {
    /// A feed that is not open yet.
    pub(super) fn new(
        client: &Client,
        events_at: Link,
        subject: Option<Link>,
        nearly: Instant,
    ) -> Self {
        Self {
            client: client.clone(),
            events_at,
            subject,
            nearly,
            events: None,
            cut: None,
            patience: Patience::new(MAX_MISSES),
        }
    }

    /// The next news. Nothing is read ahead: whoever does not ask holds the vehicle back.
    pub(super) async fn next(&mut self) -> Result<News, End> {
        loop {
            let Some(events) = &mut self.events else {
                if let Some(news) = self.open().await? {
                    return Ok(news);
                }
                continue;
            };
            match timeout(SILENCE, events.next()).await {
                Ok(Some(Ok(event))) => {
                    self.patience.restart();
                    return Ok(News::Event(event));
                }
                Ok(None) if Instant::now() >= self.nearly => return Ok(News::Gone),
                Ok(None | Some(Err(Error::Truncated))) => self.cut(Error::Truncated)?,
                Ok(Some(Err(error))) => return Err(failure::of_read(error)),
                Err(_) if self.is_over().await? => return Ok(News::Gone),
                Err(_) => {}
            }
        }
    }

    /// Opens the stream, again after a pause; there may be news in how that goes.
    async fn open(&mut self) -> Result<Option<News>, End> {
        if self.cut.is_some() {
            self.patience.wait().await;
        }
        match timeout(OPEN_PATIENCE, self.client.events_at(&self.events_at)).await {
            Ok(Ok(events)) => {
                self.events = Some(events);
                let gap = self.cut.take().map(|from| Gap { from, until: clock::now() });
                Ok(gap.map(News::Gap))
            }
            Ok(Err(error)) if is_gone(&error) => Ok(Some(News::Gone)),
            Ok(Err(error @ Error::Unsupported { .. })) => Err(failure::of_read(error)),
            Ok(Err(error)) => self.cut(error).map(|()| None),
            // It did not even begin to answer.
            Err(_) => self.cut(Error::Truncated).map(|()| None),
        }
    }

    fn cut(&mut self, error: Error) -> Result<(), End> {
        self.events = None;
        self.cut.get_or_insert_with(clock::now);
        self.patience.miss(&error).map_err(|end| failure::given_up(end, error))
    }

    /// Whether the vehicle says that there is nothing more to come. One that does not answer has lost
    /// the stream as well.
    async fn is_over(&mut self) -> Result<bool, End> {
        let Some(subject) = &self.subject else { return Ok(false) };
        let asked = self.client.subscription(subject).raw().into_future();
        match timeout(OPEN_PATIENCE, asked).await {
            Ok(Err(error)) if is_gone(&error) => Ok(true),
            Ok(Ok(_) | Err(Error::Refused { .. } | Error::Unsupported { .. })) => Ok(false),
            Ok(Err(error)) => self.cut(error).map(|()| false),
            Err(_) => self.cut(Error::Truncated).map(|()| false),
        }
    }
}

fn is_gone(error: &Error) -> bool {
    error.status().is_some_and(|status| GONE.contains(&status))
}
