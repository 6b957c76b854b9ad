//! A span of time as SOVD counts it.
//!
//! Refuses fractions: the standard knows whole seconds only.

use serde::Deserialize;
use std::time::Duration;

/// Whole seconds; on the wire a bare number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct Seconds(u32);

impl Seconds {
    /// How long a live command runs if it does not say, also in its schema.
    pub(super) const WATCH: Self = Self(60);
    /// How long an output is held if it does not say, also in its schema.
    pub(super) const HOLD: Self = Self(5);

    /// The number.
    pub fn count(self) -> u32 {
        self.0
    }

    pub(super) fn watch() -> Self {
        Self::WATCH
    }

    pub(super) fn hold() -> Self {
        Self::HOLD
    }
}

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Self {
        Self::from_secs(seconds.0.into())
    }
}
