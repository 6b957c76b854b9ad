//! Following an execution to its end, telling whenever it has got further.
//!
//! Starts nothing, and calls nothing stopped that the vehicle has not confirmed.

use ::sovd::{Call, Client, Error, Execution, ExecutionState, Link, ScriptEnd};
use serde_json::value::RawValue;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::attempt::Attempt;
use super::patience::{ANSWER_PATIENCE, Patience};
use crate::order::End;

/// How many times in a row the vehicle may fail to say how far it is.
const MAX_MISSES: u32 = 5;

/// What is followed; each is stopped in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quarry {
    Operation,
    Script,
}

/// An execution that goes on at the vehicle.
pub(super) struct Pursuit {
    client: Client,
    location: Link,
    quarry: Quarry,
    patience: Patience,
    may_stop: bool,
}

impl Attempt<'_> {
    /// Progress as parts, from what was said at the start on; then how it ended.
    pub(super) async fn pursue(
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

impl Pursuit {
    pub(super) fn new(client: Client, location: Link, quarry: Quarry) -> Self {
        Self { client, location, quarry, patience: Patience::new(MAX_MISSES), may_stop: true }
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
                // It goes on whether we see it or not: only when nothing is seen for long its end is
                // unknown.
                Some(Err(error)) => self.patience.miss(&error)?,
            }
        }
    }

    async fn observe(&mut self) -> Result<Execution, Error> {
        self.patience.wait().await;
        let asked = self.client.execution(&self.location).into_future();
        let execution = timeout(ANSWER_PATIENCE, asked).await.unwrap_or(Err(Error::Truncated))?;
        self.patience.answered();
        Ok(execution)
    }

    /// Asks it to stop. A script may take its time: it has stopped when it says so.
    async fn is_stopped(&self) -> bool {
        match self.quarry {
            Quarry::Operation => answered(self.client.stop(&self.location)).await.is_some(),
            Quarry::Script => {
                let asked = self.client.end_script(&self.location, ScriptEnd::Stop);
                if answered(asked).await.is_none() {
                    return false;
                }
                let seen = answered(self.client.execution(&self.location)).await;
                seen.is_some_and(|run| run.state == ExecutionState::Stopped)
            }
        }
    }
}

/// What the vehicle says, if it does so in time.
async fn answered<T: 'static>(call: Call<T>) -> Option<T> {
    timeout(ANSWER_PATIENCE, call.into_future()).await.ok()?.ok()
}

fn goes_on(state: &ExecutionState) -> bool {
    matches!(state, ExecutionState::Running | ExecutionState::Other(_))
}

fn has_moved(before: &Execution, now: &Execution) -> bool {
    let result = |execution: &Execution| execution.result.as_ref().map(|it| it.get().to_owned());
    before.state != now.state || result(before) != result(now)
}
