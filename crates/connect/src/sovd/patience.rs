//! How often a vehicle is asked that has once answered and now does not.
//!
//! Refuses to go on where the vehicle has said something: only silence is waited out.

use std::time::Duration;

use ::sovd::{Call, Error};
use tokio::time::{sleep, timeout};

use crate::order::End;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long the vehicle may take to answer a question that is asked again and again.
pub(super) const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

/// The pauses between questions, and how many of them may go unanswered in a row.
#[derive(Debug)]
pub(super) struct Patience {
    pause: Duration,
    misses: u32,
    max_misses: u32,
}

impl Patience {
    pub(super) fn new(max_misses: u32) -> Self {
        Self { pause: FIRST_PAUSE, misses: 0, max_misses }
    }

    /// Waits before the next question, each time longer.
    pub(super) async fn wait(&mut self) {
        sleep(self.pause).await;
        self.pause = LONGEST_PAUSE.min(self.pause.saturating_mul(2));
    }

    /// The answer to a question, which is asked again while the vehicle is silent.
    pub(super) async fn answer<T: 'static>(
        &mut self,
        question: impl Fn() -> Call<T>,
    ) -> Result<T, End> {
        loop {
            self.wait().await;
            let asked = timeout(ANSWER_PATIENCE, question().into_future()).await;
            match asked.unwrap_or(Err(Error::Truncated)) {
                Ok(answer) => {
                    self.answered();
                    return Ok(answer);
                }
                Err(error) => self.miss(&error)?,
            }
        }
    }

    /// The vehicle has answered.
    pub(super) fn answered(&mut self) {
        self.misses = 0;
    }

    /// The vehicle has answered, and what comes next is another matter.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.max_misses);
    }

    /// A question went unanswered: an end if that was one too many, or if the answer was no use.
    pub(super) fn miss(&mut self, error: &Error) -> Result<(), End> {
        self.misses = self.misses.saturating_add(1);
        let is_left = self.misses < self.max_misses;
        match error {
            Error::NotSent(_)
            | Error::Lost(_)
            | Error::Truncated
            | Error::Refused { status: 500.., .. }
                if is_left =>
            {
                Ok(())
            }
            Error::Malformed { .. } => Err(End::Malformed),
            Error::TooLarge { .. } => Err(End::TooLarge),
            // Also when the vehicle no longer knows what it was asked about.
            Error::NotSent(_)
            | Error::NotAdmitted { .. }
            | Error::NotTrusted { .. }
            | Error::Lost(_)
            | Error::Truncated
            | Error::Refused { .. }
            | Error::Unsupported { .. } => Err(End::Lost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_waited_out_for_a_while() {
        let mut patience = Patience::new(3);
        assert_eq!(patience.miss(&Error::Truncated), Ok(()));
        assert_eq!(patience.miss(&Error::Truncated), Ok(()));
        patience.answered();
        assert_eq!(patience.miss(&Error::Truncated), Ok(()));
        assert_eq!(patience.miss(&Error::Truncated), Ok(()));
        assert_eq!(patience.miss(&Error::Truncated), Err(End::Lost));
    }

    #[test]
    fn what_cannot_be_understood_is_not_asked_again() {
        let mut patience = Patience::new(3);
        assert_eq!(patience.miss(&Error::TooLarge { limit: 1 }), Err(End::TooLarge));
    }
}
