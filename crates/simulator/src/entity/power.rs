//! Whether an entity is up: restarts and shut-downs.
//!
//! Needs no timer: a restart is over when its time has passed.

use std::time::Duration;

use crate::clock::Moment;
use crate::refusal::Refusal;

const RESTART: Duration = Duration::from_millis(1500);

/// What can be asked of the power of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Start,
    Restart,
    Shutdown,
}

/// Up, unless it has been told otherwise.
#[derive(Debug, Default)]
pub(crate) struct Power {
    /// When it is up again.
    restarts_until: Option<Moment>,
    is_off: bool,
}

impl Power {
    pub(crate) fn is_up(&self, now: Moment) -> bool {
        !self.is_off && !self.is_restarting(now)
    }

    /// # Errors
    ///
    /// [`Refusal::Precondition`] if that is not possible from where it is.
    pub(crate) fn turn(&mut self, turn: Turn, now: Moment) -> Result<(), Refusal> {
        if self.is_restarting(now) {
            return Err(Refusal::Precondition("it is restarting".to_owned()));
        }
        if (turn == Turn::Start) != self.is_off {
            let state = if self.is_off { "shut down" } else { "up" };
            return Err(Refusal::Precondition(format!("it is {state}")));
        }
        self.is_off = turn == Turn::Shutdown;
        self.restarts_until = (turn != Turn::Shutdown).then(|| now.plus(RESTART));
        Ok(())
    }

    pub(crate) fn is_off(&self) -> bool {
        self.is_off
    }

    fn is_restarting(&self, now: Moment) -> bool {
        self.restarts_until.is_some_and(|until| now < until)
    }
}
