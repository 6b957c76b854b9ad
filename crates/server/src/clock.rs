//! The wall clock, as the outside world reads it.
//!
//! Refuses to decide what is due: the store's clock does, which does not jump.

use model::Timestamp;

/// The time now, truncated to the microseconds that are stored and sent.
#[expect(clippy::disallowed_methods, reason = "the one place where the server reads the clock")]
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}
