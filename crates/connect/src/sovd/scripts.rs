//! Scripts of an entity: listed, run to their end, stopped.
//!
//! Never starts one twice, and lets the vehicle forget a run only when its end is known and no restart
//! will repeat it.

use ::sovd::{
    Client, Error, Execution, ExecutionState, Link, Script, ScriptEnd, ScriptRun, Started,
};
use model::catalog::scripts::{Halt, Moment, Question};
use serde_json::Value;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing, reading};
use super::failure;
use super::operation::{forget, goes_on, has_moved};
use super::patience::{ANSWER_PATIENCE, Patience};
use super::vehicle::not_offered;
use crate::order::End;

/// How many times in a row the vehicle may fail to say how far a run is.
const MAX_MISSES: u32 = 5;

/// How a script is to be run.
#[derive(Clone, Copy)]
struct Wish<'a> {
    moment: Moment,
    parameters: Option<&'a Value>,
    proximity_response: Option<&'a str>,
}

/// A run at the vehicle.
struct Run {
    client: Client,
    location: Link,
    patience: Patience,
    may_stop: bool,
}

impl<'a> Attempt<'a> {
    /// Carries out a command about scripts.
    pub(super) async fn scripts(
        &mut self,
        stop: &CancellationToken,
        question: &Question,
    ) -> Result<(), End> {
        match question {
            Question::List { entity } => {
                reading(stop, async {
                    let Target { client, entity, .. } = self.entity(entity).await?;
                    self.hand_on(client.scripts(&entity)).await
                })
                .await
            }
            Question::Run { entity, id, params, moment, proximity_response } => {
                let wish = Wish {
                    moment: *moment,
                    parameters: params.as_ref(),
                    proximity_response: proximity_response.as_deref(),
                };
                self.run_script(stop, entity, id, wish).await
            }
            Question::Stop { entity, id, exec_id, halt } => {
                let place = preparing(stop, self.script_run(entity, id, exec_id)).await?;
                self.stop_script(place, *halt).await
            }
        }
    }

    /// Progress as parts, then the result; of a script that waits for a restart, that it does.
    async fn run_script(
        &mut self,
        stop: &CancellationToken,
        entity: &str,
        id: &str,
        wish: Wish<'_>,
    ) -> Result<(), End> {
        let (target, script) = preparing(stop, self.script(entity, id)).await?;
        let mut call =
            target.client.run_script(&script, occasion(wish.moment), wish.parameters.cloned());
        if let Some(response) = wish.proximity_response {
            call = call.proximity_response(response);
        }
        let (location, started) = match self.change(call).await? {
            None => return Ok(()),
            Some(Started::Finished(execution)) => return self.report(execution).await,
            Some(Started::Running { location, execution }) => (location, execution),
        };
        if matches!(wish.moment, Moment::OnRestart | Moment::OnceOnRestart) {
            return self.outbox.last(&started.raw).await;
        }
        self.outbox.part(&started.raw).await?;
        let run = Run::new(target.client, location.clone());
        let ended = self.follow_script(run, stop, started).await?;
        if wish.moment == Moment::Now {
            // First, because whoever has the final part need not wait any longer.
            forget(&target.vehicle.client, &location).await;
        }
        self.report(ended).await
    }

    async fn follow_script(
        &mut self,
        mut run: Run,
        stop: &CancellationToken,
        mut shown: Execution,
    ) -> Result<Execution, End> {
        loop {
            let execution = run.next(stop).await?;
            if !goes_on(&execution.state) {
                return Ok(execution);
            }
            if has_moved(&shown, &execution) {
                self.outbox.part(&execution.raw).await?;
            }
            shown = execution;
        }
    }

    async fn stop_script(
        &mut self,
        (client, place): (Client, Link),
        halt: Halt,
    ) -> Result<(), End> {
        let end = match halt {
            Halt::Stop => ScriptEnd::Stop,
            Halt::ForcedTermination => ScriptEnd::ForcedTermination,
        };
        let Some(answer) = self.change(client.end_script(&place, end)).await? else {
            return Ok(());
        };
        match client.execution(&place).await {
            Ok(execution) => self.outbox.last(&execution.raw).await,
            Err(_) => self.confirm(&answer).await,
        }
    }

    async fn script(&self, entity: &str, id: &str) -> Result<(Target<'a>, Script), End> {
        let target = self.entity(entity).await?;
        let scripts = target.vehicle.client.scripts(&target.entity).await;
        let scripts = scripts.map_err(failure::of_read)?;
        let script = scripts.iter().find(|script| script.id == id).cloned();
        let ids = scripts.iter().map(|script| script.id.clone());
        let script = script.ok_or_else(|| not_offered("script", id, ids))?;
        Ok((target, script))
    }

    /// Where a run of a script is.
    async fn script_run(&self, entity: &str, id: &str, run: &str) -> Result<(Client, Link), End> {
        let (target, script) = self.script(entity, id).await?;
        let runs = target.vehicle.client.script_executions(&script).await;
        let runs = runs.map_err(failure::of_read)?;
        let found = runs.iter().find(|known| known.id == run).map(|known| known.href.clone());
        let ids = runs.iter().map(|known| known.id.clone());
        let place = found.ok_or_else(|| not_offered("execution", run, ids))?;
        Ok((target.client, place))
    }
}

impl Run {
    fn new(client: Client, location: Link) -> Self {
        Self { client, location, patience: Patience::new(MAX_MISSES), may_stop: true }
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

    /// Asks it to stop; confirmed is that only when it is over.
    async fn is_stopped(&self) -> bool {
        let asked = self.client.end_script(&self.location, ScriptEnd::Stop).into_future();
        if !matches!(timeout(ANSWER_PATIENCE, asked).await, Ok(Ok(_))) {
            return false;
        }
        let seen = timeout(ANSWER_PATIENCE, self.client.execution(&self.location).into_future());
        let is_over = |run: &Execution| run.state == ExecutionState::Stopped;
        let stopped = matches!(seen.await, Ok(Ok(run)) if is_over(&run));
        if stopped {
            forget(&self.client, &self.location).await;
        }
        stopped
    }
}

fn occasion(moment: Moment) -> ScriptRun {
    match moment {
        Moment::Now => ScriptRun::Now,
        Moment::NowAndOnRestart => ScriptRun::NowAndOnRestart,
        Moment::OnRestart => ScriptRun::OnRestart,
        Moment::OnceOnRestart => ScriptRun::OnceOnRestart,
    }
}
