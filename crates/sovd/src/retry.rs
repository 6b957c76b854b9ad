//! How often a read may be asked again.
//! Refuses to concern itself with anything but reads: nothing that changes a vehicle is repeated.

use std::time::Duration;

use reqwest::Response;

use crate::error::Error;

/// Statuses behind which the same question may find an answer a moment later.
const PASSING: [u16; 3] = [502, 503, 504];

/// How a client repeats reads: GET requests, and no others.
///
/// A read is asked again if the server was not reached, if the connection was lost before the head
/// of the answer came, or if the status is 502, 503 or 504. An answer that has begun is not asked
/// for again. The default is never to repeat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retries {
    /// How often to ask again after the first time.
    pub times: u32,
    /// How long to wait before the second time; doubled before each further one.
    pub pause: Duration,
}

impl Retries {
    pub(crate) fn pauses(self) -> Pauses {
        Pauses { left: self.times, next: self.pause }
    }
}

/// The waits that are left to one request; none by default.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    left: u32,
    next: Duration,
}

impl Pauses {
    /// How long to wait before asking again; `None` if the outcome stands.
    pub(crate) fn after(&mut self, outcome: &Result<Response, Error>) -> Option<Duration> {
        if !is_passing(outcome) {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        let pause = self.next;
        self.next = pause.saturating_mul(2);
        Some(pause)
    }
}

fn is_passing(outcome: &Result<Response, Error>) -> bool {
    match outcome {
        Ok(response) => PASSING.contains(&response.status().as_u16()),
        Err(Error::NotSent(_) | Error::Lost(_)) => true,
        Err(
            Error::NotAdmitted { .. }
            | Error::NotTrusted { .. }
            | Error::Malformed { .. }
            | Error::Truncated
            | Error::TooLarge { .. }
            | Error::Refused { .. }
            | Error::Unsupported { .. },
        ) => false,
    }
}
