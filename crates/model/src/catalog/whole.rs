//! Whole numbers among the parameters of a command, and spans of time as SOVD counts them.
//!
//! Refuses fractions, but not a whole number that is written with a point: JSON Schema takes `60.0` for
//! an integer, and what a schema allows must be read.

use serde::Deserialize;
use std::time::Duration;

/// A whole number from 0 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "f64")]
pub struct Whole(u32);

/// Why a number is not a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0 to 4294967295")]
pub struct NotWhole;

/// Whole seconds; on the wire a bare number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct Seconds(Whole);

impl Whole {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<f64> for Whole {
    type Error = NotWhole;

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number is whole and within the bounds"
    )]
    fn try_from(number: f64) -> Result<Self, NotWhole> {
        let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
        if is_whole { Ok(Self(number as u32)) } else { Err(NotWhole) }
    }
}

impl Seconds {
    /// How long a live command runs if it does not say, also in its schema.
    pub(super) const WATCH: Self = Self(Whole(60));
    /// How long an output is held if it does not say, also in its schema.
    pub(super) const HOLD: Self = Self(Whole(5));

    /// How many.
    pub fn count(self) -> u32 {
        self.0.get()
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
        Self::from_secs(seconds.count().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, from_value, json};

    fn read(number: Value) -> Option<u32> {
        from_value::<Whole>(number).ok().map(Whole::get)
    }

    #[test]
    fn fractions_and_what_is_out_of_bounds_are_refused() {
        for odd in [json!(1.5), json!(-1), json!(4_294_967_296_u64), json!("60"), json!(null)] {
            assert_eq!(read(odd.clone()), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn every_whole_number_is_read_with_and_without_a_point(number: u32) {
            prop_assert_eq!(read(json!(number)), Some(number));
            prop_assert_eq!(read(json!(f64::from(number))), Some(number));
        }
    }
}
