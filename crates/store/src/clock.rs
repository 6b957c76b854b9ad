//! The time by which the store decides.
//!
//! Refuses to jump: it is set once (and, on PostgreSQL, corrected by the database's clock), then
//! carried on by the monotonic clock, so that a changed wall clock expires nothing.

use model::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

pub(crate) struct Clock {
    started: Instant,
    /// The time at `started`, in microseconds since 1970.
    origin_us: AtomicI64,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the store reads the clock")]
    pub(crate) fn start() -> Self {
        let origin_us = AtomicI64::new(Timestamp::now().as_microsecond());
        Self { started: Instant::now(), origin_us }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let origin_us = self.origin_us.load(Ordering::Relaxed);
        time(origin_us.saturating_add(self.elapsed_us()))
    }

    /// Follows the database's clock.
    pub(crate) fn set(&self, now_us: i64) {
        self.origin_us.store(now_us.saturating_sub(self.elapsed_us()), Ordering::Relaxed);
    }

    fn elapsed_us(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

/// A stored time.
pub(crate) fn time(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::MAX)
}

/// A time to store.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}
