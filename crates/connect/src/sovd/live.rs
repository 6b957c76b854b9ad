//! What all live commands have in common: how they begin, count, report gaps and end.
//!
//! Refuses to call a command completed while the vehicle has not confirmed that nothing of it is left.

use std::time::Duration;

use ::sovd::{EventEnvelope, GenericError};
use futures_util::future::join_all;
use model::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::attempt::Attempt;
use super::feed::Gap;
use super::kept::Kept;
use crate::order::End;

/// How much earlier than ours the clock of a vehicle may strike: it counts whole seconds.
const EARLY: Duration = Duration::from_secs(2);

/// How long a command runs, unless it is stopped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span<'a> {
    pub(super) stop: &'a CancellationToken,
    pub(super) duration: Duration,
}

/// A span that has begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term<'a> {
    stop: &'a CancellationToken,
    end: Instant,
    /// From here on what the vehicle ends has come to its end.
    pub(super) nearly: Instant,
}

/// Why there is nothing more to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// What it waited for has happened.
    Fired,
    /// The vehicle has ended it.
    Gone,
}

/// Why a live command came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Closing {
    /// Its duration is over.
    Duration,
    /// What it waited for has happened.
    Fired,
    /// Its user has stopped it.
    Stopped,
}

impl<'a> Span<'a> {
    /// Begins to count.
    pub(super) fn begin(&self) -> Term<'a> {
        let end = Instant::now() + self.duration;
        let nearly = end - EARLY.min(self.duration / 2);
        Term { stop: self.stop, end, nearly }
    }
}

impl Term<'_> {
    /// Whether nothing more is to be begun.
    pub(super) fn is_over(&self) -> bool {
        self.stop.is_cancelled() || Instant::now() >= self.end
    }

    /// Works until the end of the term, or until it is stopped.
    pub(super) async fn run(
        &self,
        work: impl Future<Output = Result<Left, End>>,
    ) -> Result<Closing, End> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Ok(Closing::Stopped),
            () = sleep_until(self.end) => Ok(Closing::Duration),
            left = work => match left? {
                Left::Fired => Ok(Closing::Fired),
                Left::Gone if Instant::now() >= self.nearly => Ok(Closing::Duration),
                Left::Gone => {
                    let words = "the vehicle ended it before its time";
                    Err(End::VehicleError(words.to_owned()))
                }
            },
        }
    }
}

/// The first part: how the vehicle is watched.
#[derive(Debug, Serialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub(super) enum Begun<'a> {
    /// The vehicle takes samples by itself; what it said to that.
    Subscription { items: Vec<&'a RawValue> },
    /// The vehicle tells by itself; what it said to that.
    Trigger { items: Vec<&'a RawValue> },
    /// The server has a stream of its own.
    Stream,
    /// The server offers nothing of that kind: it is asked again and again.
    Polling { interval_ms: u128 },
}

impl Begun<'_> {
    pub(super) fn polling(pace: Duration) -> Self {
        Self::Polling { interval_ms: pace.as_millis() }
    }
}

/// What has come so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    samples: u64,
    gaps: u64,
}

/// A part with what came at one moment.
#[derive(Debug, Serialize)]
pub(super) struct Sample<'a, C> {
    #[serde(rename = "sample")]
    number: u64,
    id: &'a str,
    /// The vehicle's; `None` if it gave none. Where it is polled, that of the answer.
    timestamp: Option<&'a str>,
    #[serde(flatten)]
    content: C,
}

/// A value as the vehicle wrote it, or why there is none this time.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Value<'a> {
    Payload(Option<&'a RawValue>),
    Error(&'a GenericError),
}

/// A part that says that samples may be missing.
#[derive(Debug, Serialize)]
pub(super) struct Missing<'a> {
    gap: Interruption<'a>,
}

#[derive(Debug, Serialize)]
struct Interruption<'a> {
    id: &'a str,
    from: Timestamp,
    until: Timestamp,
    message: &'static str,
}

#[derive(Debug, Serialize)]
struct Ended {
    #[serde(rename = "ended")]
    by: Closing,
    samples: u64,
    gaps: u64,
}

impl Tally {
    pub(super) fn sample<'a, C>(
        &mut self,
        id: &'a str,
        timestamp: Option<&'a str>,
        content: C,
    ) -> Sample<'a, C> {
        self.samples = self.samples.saturating_add(1);
        Sample { number: self.samples, id, timestamp, content }
    }

    pub(super) fn event<'a>(
        &mut self,
        id: &'a str,
        event: &'a EventEnvelope,
    ) -> Sample<'a, Value<'a>> {
        let value = match (&event.error, &event.payload) {
            (Some(error), None) => Value::Error(error),
            (_, payload) => Value::Payload(payload.as_deref()),
        };
        self.sample(id, event.timestamp.as_deref(), value)
    }

    pub(super) fn gap<'a>(&mut self, id: &'a str, gap: &Gap) -> Missing<'a> {
        self.gaps = self.gaps.saturating_add(1);
        let message = "the connection was cut: what the vehicle said meanwhile is lost";
        Missing { gap: Interruption { id, from: gap.from, until: gap.until, message } }
    }

    /// Counts what is sent in another shape than a sample.
    pub(super) fn count(&mut self, more: usize) {
        self.samples = self.samples.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
    }
}

impl Attempt<'_> {
    /// Takes away what the command has made at the vehicle, then says how it ended.
    pub(super) async fn close(
        &mut self,
        closing: Closing,
        kept: Vec<Kept>,
        tally: &Tally,
    ) -> Result<(), End> {
        let removed = join_all(kept.into_iter().map(Kept::removed)).await;
        if removed.contains(&false) {
            return Err(End::Lost);
        }
        if closing == Closing::Stopped {
            return Err(End::Stopped);
        }
        let Tally { samples, gaps } = *tally;
        self.outbox.last(&Ended { by: closing, samples, gaps }).await
    }
}
