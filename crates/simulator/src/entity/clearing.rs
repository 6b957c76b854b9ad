//! The clearing of data that an entity has gathered.
//!
//! Needs no timer: how far it is follows from the time that has passed.

use std::time::Duration;

use crate::clock::Moment;
use crate::refusal::Refusal;

const TAKES: Duration = Duration::from_secs(1);

/// What can be cleared.
pub(crate) const KINDS: [&str; 3] = ["cached-data", "learned-data", "client-defined-resources"];

/// The last clearing; none at first.
#[derive(Debug, Default)]
pub(crate) struct Clearing(Option<(&'static str, Moment)>);

impl Clearing {
    /// # Errors
    ///
    /// [`Refusal::Busy`] while another one runs, [`Refusal::NoSuchPath`] for another kind.
    pub(crate) fn begin(&mut self, kind: &str, now: Moment) -> Result<(), Refusal> {
        let kind = KINDS.iter().find(|known| **known == kind).ok_or(Refusal::NoSuchPath)?;
        if self.progress_percent(now).is_some_and(|progress| progress < 100) {
            return Err(Refusal::Busy);
        }
        self.0 = Some((kind, now));
        Ok(())
    }

    /// What was cleared last, and when that began.
    pub(crate) fn last(&self) -> Option<(&'static str, Moment)> {
        self.0
    }

    /// `None` if nothing was ever cleared.
    pub(crate) fn progress_percent(&self, now: Moment) -> Option<u128> {
        let (_, began) = self.0?;
        Some(now.since(began).min(TAKES).as_millis() * 100 / TAKES.as_millis())
    }
}
