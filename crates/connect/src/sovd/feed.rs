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

/// When the vehicle has something to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rhythm {
    /// All the time: silence is a cut that nobody has told.
    Steady,
    /// Whenever something happens.
    Sporadic,
}

/// What comes out of a feed.
#[derive(Debug)]
pub(super) enum News {
    /// From here on everything is heard; what was said before may be lost if there is a gap.
    Open(Option<Gap>),
    /// An event.
    Event(EventEnvelope),
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
    /// What the stream tells of; when that is gone there is nothing more to come.
    subject: Link,
    rhythm: Rhythm,
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
        (subject, rhythm): (Link, Rhythm),
        nearly: Instant,
    ) -> Self {
        Self {
            client: client.clone(),
            events_at,
            subject,
            rhythm,
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
            let since = clock::now();
            match timeout(SILENCE, events.next()).await {
                Ok(Some(Ok(event))) => {
                    self.patience.restart();
                    return Ok(News::Event(event));
                }
                Ok(None) if Instant::now() >= self.nearly => return Ok(News::Gone),
                Ok(None | Some(Err(Error::Truncated))) => {
                    self.cut(clock::now(), Error::Truncated)?;
                }
                Ok(Some(Err(error))) => return Err(failure::of_read(error)),
                Err(_) => match self.ask_subject().await {
                    Ok(()) if self.rhythm == Rhythm::Sporadic => {}
                    Ok(()) => self.cut(since, Error::Truncated)?,
                    Err(error) if is_gone(&error) => return Ok(News::Gone),
                    Err(error) => self.cut(since, error)?,
                },
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
                Ok(Some(News::Open(gap)))
            }
            Ok(Err(error)) if is_gone(&error) => Ok(Some(News::Gone)),
            Ok(Err(error @ Error::Unsupported { .. })) => Err(failure::of_read(error)),
            Ok(Err(error)) => self.cut(clock::now(), error).map(|()| None),
            // It did not even begin to answer.
            Err(_) => self.cut(clock::now(), Error::Truncated).map(|()| None),
        }
    }

    /// Nothing was heard from this moment on.
    fn cut(&mut self, from: Timestamp, error: Error) -> Result<(), End> {
        self.events = None;
        self.cut.get_or_insert(from);
        self.patience.miss(&error).map_err(|end| failure::given_up(end, error))
    }

    /// Asks for what the stream tells of: a refusal says that the vehicle is there, unless it says that
    /// this is gone. One that does not answer has lost the stream as well.
    async fn ask_subject(&self) -> Result<(), Error> {
        let asked = self.client.subscription(&self.subject).raw().into_future();
        match timeout(OPEN_PATIENCE, asked).await.unwrap_or(Err(Error::Truncated)) {
            Err(error) if is_gone(&error) || error.status().is_none() => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

fn is_gone(error: &Error) -> bool {
    error.status().is_some_and(|status| GONE.contains(&status))
}
