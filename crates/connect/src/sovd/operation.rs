//! Running an operation to its end, observing it if it goes on after its start.
//!
//! Never starts it twice, and lets the vehicle forget it only when its end is known.

use std::time::Duration;

use ::sovd::{Call, Client, Error, Execution, ExecutionState, Link, Started};
use model::catalog::operations::Question;
use serde_json::value::RawValue;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing};
use super::failure;
use super::lock::Last;
use crate::order::End;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How many times in a row the vehicle may fail to say how far it is.
const MAX_MISSES: u32 = 5;
/// How long the vehicle may take to confirm a stop.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How long the vehicle may take to forget an execution.
const FORGET_PATIENCE: Duration = Duration::from_secs(2);

impl Attempt<'_> {
    /// Progress as parts, then the result.
    pub(super) async fn run_operation(
        &mut self,
        stop: &CancellationToken,
        question: &Question,
    ) -> Result<(), End> {
        let Question::Run { entity, id, params, timeout, proximity_response } = question else {
            return Ok(());
        };
        let (target, operation) = preparing(stop, async {
            let target = self.entity(entity).await?;
            let operation = target.vehicle.operation(&target.entity, id).await?;
            Ok((target, operation))
        })
        .await?;
        let mut start = target.client.start(&operation, params.clone());
        if let Some(limit) = timeout {
            start = start.time_limit(Duration::from(*limit));
        }
        if let Some(response) = proximity_response {
            start = start.proximity_response(response);
        }
        let hold = self.hold(stop, &target, "operation.run").await?;
        let worked = hold.during(self.run_to_end(&target, start, stop)).await;
        self.conclude(hold, worked).await
    }

    async fn run_to_end(
        &mut self,
        target: &Target<'_>,
        start: Call<Started>,
        stop: &CancellationToken,
    ) -> Result<Last, End> {
        match self.change(start).await? {
            None => Ok(None),
            Some(Started::Finished(execution)) => result(execution),
            Some(Started::Running { location, execution }) => {
                let pursuit = Pursuit::new(target.client.clone(), location.clone());
                let ended = self.pursue(pursuit, stop, execution).await?;
                // First, because whoever has the final part need not wait any longer.
                forget(&target.vehicle.client, &location).await;
                result(ended)
            }
        }
    }

    /// Follows an execution to its end, and tells whenever it has got further.
    async fn pursue(
        &mut self,
        mut pursuit: Pursuit,
        stop: &CancellationToken,
        started: Execution,
    ) -> Result<Execution, End> {
        let mut shown = started;
        if shown.raw.get() != RawValue::NULL.get() {
            self.outbox.part(&shown.raw).await?;
        }
        loop {
            let execution = pursuit.next(stop).await?;
            if !goes_on(&execution.state) {
                return Ok(execution);
            }
            if has_moved(&shown, &execution) {
                self.outbox.part(&execution.raw).await?;
            }
            shown = execution;
        }
    }
}

/// How an execution ended.
pub(super) fn result(execution: Execution) -> Result<Last, End> {
    match execution.state {
        ExecutionState::Failed => {
            let words = failure::all_words(&execution.errors, "the operation failed");
            Err(End::VehicleError(words))
        }
        ExecutionState::Stopped => {
            Err(End::VehicleError("the operation was stopped at the vehicle".to_owned()))
        }
        ExecutionState::Completed | ExecutionState::Running | ExecutionState::Other(_) => {
            Ok(Some(execution.raw))
        }
    }
}

/// An execution that goes on at the vehicle.
struct Pursuit {
    client: Client,
    location: Link,
    pause: Duration,
    misses: u32,
    may_stop: bool,
}

impl Pursuit {
    fn new(client: Client, location: Link) -> Self {
        Self { client, location, pause: FIRST_PAUSE, misses: 0, may_stop: true }
    }

    /// How far it is now; a wish to stop is passed on once.
    async fn next(&mut self, stop: &CancellationToken) -> Result<Execution, End> {
        loop {
            let observed = if self.may_stop {
                stop.run_until_cancelled(self.observe()).await
            } else {
                Some(self.observe().await)
            };
            match observed {
                None if self.is_stopped().await => return Err(End::Stopped),
                None => self.may_stop = false,
                Some(Ok(execution)) => return Ok(execution),
                Some(Err(error)) => self.miss(&error)?,
            }
        }
    }

    async fn observe(&mut self) -> Result<Execution, Error> {
        sleep(self.pause).await;
        self.pause = LONGEST_PAUSE.min(self.pause.saturating_mul(2));
        let execution = self.client.execution(&self.location).await?;
        self.misses = 0;
        Ok(execution)
    }

    async fn is_stopped(&self) -> bool {
        let stopped = timeout(STOP_PATIENCE, self.client.stop(&self.location).into_future()).await;
        matches!(stopped, Ok(Ok(_)))
    }

    /// It goes on whether we see it or not: only when nothing is seen for long its end is unknown.
    fn miss(&mut self, error: &Error) -> Result<(), End> {
        self.misses = self.misses.saturating_add(1);
        match error {
            Error::NotSent(_) | Error::Lost(_) | Error::Truncated if self.misses < MAX_MISSES => {
                Ok(())
            }
            Error::Refused { status: 500.., .. } if self.misses < MAX_MISSES => Ok(()),
            Error::Malformed { .. } => Err(End::Malformed),
            Error::TooLarge { .. } => Err(End::TooLarge),
            Error::Truncated => Err(End::Truncated),
            // Also when the vehicle no longer knows it: what it did is not known either.
            Error::NotSent(_)
            | Error::NotAdmitted { .. }
            | Error::Lost(_)
            | Error::Refused { .. }
            | Error::Unsupported { .. } => Err(End::Lost),
        }
    }
}

fn goes_on(state: &ExecutionState) -> bool {
    matches!(state, ExecutionState::Running | ExecutionState::Other(_))
}

fn has_moved(before: &Execution, now: &Execution) -> bool {
    let result = |execution: &Execution| execution.result.as_ref().map(|it| it.get().to_owned());
    before.state != now.state || result(before) != result(now)
}

/// Clears up at the vehicle; the command itself is over, so it is not named.
async fn forget(client: &Client, location: &Link) {
    match timeout(FORGET_PATIENCE, client.stop(location).into_future()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "an execution stays at the vehicle"),
        Err(_) => tracing::warn!("an execution stays at the vehicle: no answer"),
    }
}
