//! The time as dialects write it into documents that the standard does not date.
//!
//! Measures nothing.

use jiff::Timestamp;

/// This moment: RFC 3339, UTC, to the microsecond.
#[expect(clippy::disallowed_methods, reason = "the one place where dialects read the clock")]
pub(super) fn now() -> String {
    format!("{:.6}", Timestamp::now())
}
