//! Subscriptions to a resource that is sampled at an interval.
//!
//! Samples nothing: whoever listens does, and asks here whether to go on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::refusal::Refusal;
use crate::shelf::{Kept, Shelf};

const MAX_DURATION_S: u64 = 24 * 3600;

/// How often a resource is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Interval {
    Fast,
    Normal,
    Slow,
}

/// One subscription.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    /// The path of the resource, as it was asked for.
    pub(crate) resource: String,
    pub(crate) interval: Interval,
    pub(crate) expires: Moment,
}

/// The subscriptions of an entity.
pub(crate) type Subscriptions = Shelf<Subscription>;

impl Kept for Subscription {
    const KIND: &'static str = "subscription";
    const LIMIT: usize = 8;
}

impl Interval {
    pub(crate) fn duration(self) -> Duration {
        Duration::from_millis(match self {
            Self::Fast => 100,
            Self::Normal => 500,
            Self::Slow => 2000,
        })
    }
}

impl Subscriptions {
    /// Takes away what is over.
    pub(crate) fn forget_expired(&mut self, now: Moment) {
        self.retain(|subscription| now < subscription.expires);
    }
}

/// When something ends that lasts `duration_s` from now.
///
/// # Errors
///
/// [`Refusal::InvalidParameters`] if that is no time, or longer than a day.
pub(crate) fn end(duration_s: u64, now: Moment) -> Result<Moment, Refusal> {
    if !(1..=MAX_DURATION_S).contains(&duration_s) {
        let fault = format!("a time of {duration_s} s is not from 1 to {MAX_DURATION_S} s");
        return Err(Refusal::InvalidParameters(fault));
    }
    Ok(now.plus(Duration::from_secs(duration_s)))
}
