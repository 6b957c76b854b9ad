//! The one place where the time is read.
//!
//! Measures nothing: it only dates what a vehicle answered.

use model::Timestamp;

/// This moment, to the microsecond.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    // Always in range, as `now` is.
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}
