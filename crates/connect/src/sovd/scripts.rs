//! Scripts of an entity: listed, uploaded, run to their end, stopped.
//!
//! Never starts one twice, and lets the vehicle forget a run only when its end is known and no restart
//! will repeat it.

use std::time::Duration;

use ::sovd::{Call, Client, Link, Script, ScriptEnd, ScriptRun, Started};
use model::catalog::scripts::{Halt, Moment, Question};
use serde_json::Value;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing, reading};
use super::catalog::confirmation;
use super::failure;
use super::lock::Last;
use super::operation::result;
use super::pursuit::{Pursuit, Quarry};
use super::upload::Cargo;
use super::vehicle::not_offered;
use crate::order::End;

/// How long the vehicle may take to forget a run.
const FORGET_PATIENCE: Duration = Duration::from_secs(2);

/// How a script is to be run.
#[derive(Clone, Copy)]
struct Wish<'a> {
    moment: Moment,
    parameters: Option<&'a Value>,
    proximity_response: Option<&'a str>,
}

impl<'a> Attempt<'a> {
    /// Carries out a command about scripts.
    pub(super) async fn about_scripts(
        &mut self,
        question: &Question,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        match question {
            Question::List { entity } => {
                reading(stop, async {
                    let Target { client, entity, .. } = self.entity(entity).await?;
                    self.hand_on(client.scripts(&entity)).await
                })
                .await
            }
            Question::Upload { entity, blob, content_type, name } => {
                let cargo =
                    Cargo { blob, content_type: content_type.as_deref(), name: name.as_deref() };
                let packed = cargo.packed()?;
                let target = preparing(stop, self.entity(entity)).await?;
                let hold = self.hold(stop, &target, "script.upload").await?;
                let call = |upload| target.client.upload_script(&target.entity, upload);
                let worked = hold.during(self.bring(packed, call)).await;
                self.conclude(hold, worked).await
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
                let run = preparing(stop, self.script_run(entity, id, exec_id)).await?;
                let (target, place) = run;
                let hold = self.hold(stop, &target, "script.stop").await?;
                let worked = hold.during(self.stop_script(&target.client, &place, *halt)).await;
                self.conclude(hold, worked).await
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
        let hold = self.hold(stop, &target, "script.run").await?;
        let worked = hold.during(self.run_script_to_end(&target, call, wish.moment, stop)).await;
        self.conclude(hold, worked).await
    }

    async fn run_script_to_end(
        &mut self,
        target: &Target<'_>,
        call: Call<Started>,
        moment: Moment,
        stop: &CancellationToken,
    ) -> Result<Last, End> {
        let (location, started) = match self.change(call).await? {
            None => return Ok(None),
            Some(Started::Finished(execution)) => return result(execution),
            Some(Started::Running { location, execution }) => (location, execution),
        };
        if matches!(moment, Moment::OnRestart | Moment::OnceOnRestart) {
            return confirmation(Some(started.raw));
        }
        let pursuit = Pursuit::new(target.client.clone(), location.clone(), Quarry::Script);
        let ended = self.pursue(pursuit, stop, started).await;
        let is_over = match &ended {
            Ok(_) => moment == Moment::Now,
            Err(end) => *end == End::Stopped,
        };
        if is_over {
            // First, because whoever has the final part need not wait any longer.
            forget(&target.vehicle.client, &location).await;
        }
        result(ended?)
    }

    async fn stop_script(
        &mut self,
        client: &Client,
        place: &Link,
        halt: Halt,
    ) -> Result<Last, End> {
        let end = match halt {
            Halt::Stop => ScriptEnd::Stop,
            Halt::ForcedTermination => ScriptEnd::ForcedTermination,
        };
        let Some(answer) = self.change(client.end_script(place, end)).await? else {
            return Ok(None);
        };
        match client.execution(place).await {
            Ok(execution) => Ok(Some(execution.raw)),
            Err(_) => confirmation(answer.raw),
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
    async fn script_run(
        &self,
        entity: &str,
        id: &str,
        run: &str,
    ) -> Result<(Target<'a>, Link), End> {
        let (target, script) = self.script(entity, id).await?;
        let runs = target.vehicle.client.script_executions(&script).await;
        let runs = runs.map_err(failure::of_read)?;
        let found = runs.iter().find(|known| known.id == run).map(|known| known.href.clone());
        let ids = runs.iter().map(|known| known.id.clone());
        let place = found.ok_or_else(|| not_offered("execution", run, ids))?;
        Ok((target, place))
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

/// Clears up at the vehicle; the command itself is over, so it is not named.
async fn forget(client: &Client, location: &Link) {
    match timeout(FORGET_PATIENCE, client.stop(location).into_future()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a run of a script stays at the vehicle"),
        Err(_) => tracing::warn!("a run of a script stays at the vehicle: no answer"),
    }
}
