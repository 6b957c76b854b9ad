//! The time of a vehicle: how long it has been awake, and what that is on the wall clock.
//!
//! Measures nothing and wakes nobody.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// A point in the life of a vehicle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Duration);

/// Runs from the moment in which a vehicle wakes up.
#[derive(Debug)]
pub(crate) struct Clock {
    woke: Instant,
    woke_at: Timestamp,
}

impl Moment {
    pub(crate) const fn at(since_waking: Duration) -> Self {
        Self(since_waking)
    }

    pub(crate) fn since_waking(self) -> Duration {
        self.0
    }

    pub(crate) fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// Zero if `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place where vehicles read the clock")]
    pub(crate) fn start() -> Self {
        Self { woke: Instant::now(), woke_at: Timestamp::now() }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment(self.woke.elapsed())
    }

    /// A moment as SOVD writes it: RFC 3339, UTC, to the millisecond.
    pub(crate) fn utc(&self, moment: Moment) -> String {
        let since_waking_ms = i64::try_from(moment.0.as_millis()).unwrap_or(i64::MAX);
        let utc_ms = self.woke_at.as_millisecond().saturating_add(since_waking_ms);
        format!("{:.3}", Timestamp::from_millisecond(utc_ms).unwrap_or(Timestamp::MAX))
    }
}
