//! Following an execution to its end, telling whenever it has got further.
//!
//! Starts nothing, and calls nothing stopped that the vehicle has not confirmed.

use ::sovd::{Call, Client, Execution, ExecutionState, Link, ScriptEnd};
use serde_json::value::RawValue;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::attempt::Attempt;
use super::beside;
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

/// How it is with an execution.
enum Sight {
    Run(Execution),
    /// The vehicle has confirmed the stop, and said this; `None` if nothing.
    Stopped(Option<Box<RawValue>>),
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
            self.outbox.part(&beside::negative(&shown.raw)?).await?;
        }
        loop {
            let execution = match pursuit.next(stop).await? {
                Sight::Run(execution) => execution,
                Sight::Stopped(said) => {
                    if let Some(said) = said {
                        self.outbox.part(&said).await?;
                    }
                    return Err(End::Stopped);
                }
            };
            if execution.state.is_over() {
                return Ok(execution);
            }
            if has_moved(&shown, &execution) {
                self.outbox.part(&beside::negative(&execution.raw)?).await?;
            }
            shown = execution;
        }
    }
}

impl Pursuit {
    pub(super) fn new(client: Client, location: Link, quarry: Quarry) -> Self {
        Self { client, location, quarry, patience: Patience::new(MAX_MISSES), may_stop: true }
    }

    /// How far it is now; a wish to stop is passed on once. It goes on whether we see it or not: only
    /// when nothing is seen for long its end is unknown.
    async fn next(&mut self, stop: &CancellationToken) -> Result<Sight, End> {
        if self.may_stop {
            let seen = stop.run_until_cancelled(self.observe()).await;
            if let Some(execution) = seen {
                return execution.map(Sight::Run);
            }
            self.may_stop = false;
            if let Some(sight) = self.stopped().await {
                return Ok(sight);
            }
        }
        self.observe().await.map(Sight::Run)
    }

    async fn observe(&mut self) -> Result<Execution, End> {
        self.patience.answer(|| self.client.execution(&self.location)).await
    }

    /// Asks it to stop; `None` if it goes on. One that is over has its own end: it would only be
    /// forgotten.
    async fn stopped(&self) -> Option<Sight> {
        let seen = answered(self.client.execution(&self.location)).await;
        if let Some(over) = seen.filter(|run| run.state.is_over()) {
            return Some(Sight::Run(over));
        }
        match self.quarry {
            Quarry::Operation => {
                let stopped = answered(self.client.stop(&self.location)).await?;
                Some(Sight::Stopped(stopped.raw))
            }
            // It may take its time: it has stopped when it says so.
            Quarry::Script => {
                answered(self.client.end_script(&self.location, ScriptEnd::Stop)).await?;
                let seen = answered(self.client.execution(&self.location)).await?;
                (seen.state == ExecutionState::Stopped).then_some(Sight::Stopped(None))
            }
        }
    }
}

/// What the vehicle says, if it does so in time.
async fn answered<T: 'static>(call: Call<T>) -> Option<T> {
    timeout(ANSWER_PATIENCE, call.into_future()).await.ok()?.ok()
}

fn has_moved(before: &Execution, now: &Execution) -> bool {
    let result = |execution: &Execution| execution.result.as_ref().map(|it| it.get().to_owned());
    before.state != now.state || result(before) != result(now)
}
