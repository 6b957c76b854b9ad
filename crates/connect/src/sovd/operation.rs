//! Running an operation to its end, observing it if it goes on after its start.
//!
//! Never starts it twice, and lets the vehicle forget it only when its end is known.

use std::time::Duration;

use ::sovd::{Client, Error, Execution, ExecutionState, Link, Started};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, preparing};
use super::failure;
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
        entity: &str,
        id: &str,
        parameters: Option<&Value>,
    ) -> Result<(), End> {
        let (target, operation) = preparing(stop, async {
            let target = self.entity(entity).await?;
            let operation = target.vehicle.operation(&target.entity, id).await?;
            Ok((target, operation))
        })
        .await?;
        match self.change(target.client.start(&operation, parameters.cloned())).await? {
            None => Ok(()),
            Some(Started::Finished(execution)) => self.report(execution).await,
            Some(Started::Running { location, execution }) => {
                let pursuit = Pursuit::new(target.client, location.clone());
                let ended = self.pursue(pursuit, stop, execution).await?;
                // First, because whoever has the final part need not wait any longer.
                forget(&target.vehicle.client, &location).await;
                self.report(ended).await
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

    /// Says how an execution ended.
    pub(super) async fn report(&mut self, execution: Execution) -> Result<(), End> {
        let words: Vec<String> = execution.errors.iter().map(failure::words).collect();
        match execution.state {
            ExecutionState::Failed if words.is_empty() => {
                Err(End::VehicleError("the operation failed".to_owned()))
            }
            ExecutionState::Failed => Err(End::VehicleError(words.join("; "))),
            ExecutionState::Stopped => {
                Err(End::VehicleError("the operation was stopped at the vehicle".to_owned()))
            }
            ExecutionState::Completed | ExecutionState::Running | ExecutionState::Other(_) => {
                self.outbox.last(&execution.raw).await
            }
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

pub(super) fn goes_on(state: &ExecutionState) -> bool {
    matches!(state, ExecutionState::Running | ExecutionState::Other(_))
}

pub(super) fn has_moved(before: &Execution, now: &Execution) -> bool {
    let result = |execution: &Execution| execution.result.as_ref().map(|it| it.get().to_owned());
    before.state != now.state || result(before) != result(now)
}

/// Clears up at the vehicle; the command itself is over, so it is not named.
pub(super) async fn forget(client: &Client, location: &Link) {
    match timeout(FORGET_PATIENCE, client.stop(location).into_future()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "an execution stays at the vehicle"),
        Err(_) => tracing::warn!("an execution stays at the vehicle: no answer"),
    }
}
