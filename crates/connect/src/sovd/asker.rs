//! Asking the same again and again, as far as that changes nothing.
//!
//! Hides no silence: from when to when nothing was answered is kept until somebody has told it.

use ::sovd::{Call, Error, GenericError};
use model::Timestamp;
use tokio::time::timeout;

use super::failure;
use super::feed::Gap;
use super::patience::{ANSWER_PATIENCE, Patience};
use crate::clock;
use crate::order::End;

/// How many questions in a row may go unanswered.
const MAX_MISSES: u32 = 5;

/// What came of a question.
pub(super) enum Asked<T> {
    Answer(T),
    Refused(Box<GenericError>),
    /// Nothing this time.
    Silence,
}

/// Somebody who asks.
#[derive(Debug)]
pub(super) struct Asker {
    patience: Patience,
    silent_since: Option<Timestamp>,
}

impl Default for Asker {
    fn default() -> Self {
        Self { patience: Patience::new(MAX_MISSES), silent_since: None }
    }
}

impl Asker {
    /// Asks once.
    pub(super) async fn ask<T: 'static>(&mut self, call: Call<T>) -> Result<Asked<T>, End> {
        let error = match timeout(ANSWER_PATIENCE, call.into_future()).await {
            Ok(Ok(answer)) => {
                self.patience.restart();
                return Ok(Asked::Answer(answer));
            }
            Ok(Err(Error::Refused { error, .. } | Error::Unsupported { error, .. })) => {
                self.patience.restart();
                return Ok(Asked::Refused(error));
            }
            Ok(Err(error)) => error,
            Err(_) => Error::Truncated,
        };
        self.miss(error)?;
        Ok(Asked::Silence)
    }

    /// Asks until there is an answer; a server that is busy or out of order is as good as silent.
    pub(super) async fn insist<T: 'static>(
        &mut self,
        call: impl Fn() -> Call<T>,
    ) -> Result<T, End> {
        loop {
            let error = match timeout(ANSWER_PATIENCE, call().into_future()).await {
                Ok(Ok(answer)) => {
                    self.patience.restart();
                    return Ok(answer);
                }
                Ok(Err(
                    error @ (Error::Refused { status: ..500, .. } | Error::Unsupported { .. }),
                )) => return Err(failure::of_read(error)),
                Ok(Err(error)) => error,
                Err(_) => Error::Truncated,
            };
            self.miss(error)?;
            self.patience.wait().await;
        }
    }

    /// The time without an answer that is over now.
    pub(super) fn gap(&mut self) -> Option<Gap> {
        self.silent_since.take().map(|from| Gap { from, until: clock::now() })
    }

    fn miss(&mut self, error: Error) -> Result<(), End> {
        self.silent_since.get_or_insert_with(clock::now);
        self.patience.miss(&error).map_err(|end| failure::given_up(end, error))
    }
}
