//! Commands that start and stop entities.
//!
//! Asks for nothing that the entity does not offer, and for that once; calls nothing done that was only
//! accepted.

use std::time::Duration;

use ::sovd::{Client, Entity, EntityStatus, Link, StatusChange};
use model::catalog::entities::Question;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing};
use super::failure;
use super::lock::Last;
use super::patience::{ANSWER_PATIENCE, Patience};
use super::vehicle::not_offered;
use crate::order::End;

/// How long the entity may still look as before, until that is how it is.
const SETTLING: Duration = Duration::from_secs(3);
/// How long it is watched.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is wanted of whom.
struct Turn<'a> {
    row: &'static str,
    entity: &'a str,
    change: StatusChange,
    params: Option<&'a Value>,
}

impl<'a> Attempt<'a> {
    pub(super) async fn about_entity(
        &mut self,
        question: &Question,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        let Turn { row, entity, change, params } = turn(question);
        let (target, place) = preparing(stop, self.offered(entity, change)).await?;
        let hold = self.hold(stop, &target, row).await?;
        let work = async {
            // Some servers insist on a body, and the standard forbids none.
            let params = params.cloned().unwrap_or_else(|| json!({}));
            let call = target.client.change_status(&place, Some(params));
            if self.change(call).await?.is_none() {
                return Ok(None);
            }
            self.settle(&target, is_up_after(change)).await
        };
        let worked = hold.during(work).await;
        self.conclude(hold, worked).await
    }

    /// Waits until the entity is as it was asked to be. The vehicle has accepted that, no more: of one
    /// that is not seen to be so nobody knows what has become.
    async fn settle(&mut self, target: &Target<'_>, up: bool) -> Result<Last, End> {
        let mut seen = None;
        let settled = settled(&target.client, &target.entity, up, &mut seen);
        if let Ok(status) = timeout(PATIENCE, settled).await {
            return Ok(Some(status));
        }
        if let Some(seen) = seen {
            self.outbox.part(&seen).await?;
        }
        Err(End::Lost)
    }

    async fn offered(&self, entity: &str, change: StatusChange) -> Result<(Target<'a>, Link), End> {
        let target = self.entity(entity).await?;
        let status = target.vehicle.client.entity_status(&target.entity).await;
        let EntityStatus { changes, .. } = status.map_err(failure::of_read)?;
        let Some(place) = changes.get(&change) else {
            let known = changes.into_keys().map(|change| change.word().to_owned());
            return Err(not_offered("change of status", change.word(), known));
        };
        Ok((target, place.clone()))
    }
}

fn turn(question: &Question) -> Turn<'_> {
    use Question as Q;
    use StatusChange as C;
    let (row, change, entity, params) = match question {
        Q::Restart { entity, params } => ("entity.restart", C::Restart, entity, params),
        Q::Start { entity, params } => ("entity.start", C::Start, entity, params),
        Q::Shutdown { entity, params } => ("entity.shutdown", C::Shutdown, entity, params),
        Q::ForceRestart { entity, params } => {
            ("entity.force-restart", C::ForceRestart, entity, params)
        }
        Q::ForceShutdown { entity, params } => {
            ("entity.force-shutdown", C::ForceShutdown, entity, params)
        }
    };
    Turn { row, entity, change, params: params.as_ref() }
}

fn is_up_after(change: StatusChange) -> bool {
    !matches!(change, StatusChange::Shutdown | StatusChange::ForceShutdown)
}

/// How the entity is once it is as it was asked to be. One that is up may have to go down first.
async fn settled(client: &Client, entity: &Entity, up: bool, seen: &mut Last) -> Box<RawValue> {
    let (begun, mut pauses, mut was_down) = (Instant::now(), Patience::new(u32::MAX), false);
    loop {
        pauses.wait().await;
        let asked = client.entity_status(entity).into_future();
        // Whoever starts anew may be silent meanwhile.
        let Ok(Ok(status)) = timeout(ANSWER_PATIENCE, asked).await else {
            was_down = true;
            continue;
        };
        let has_settled = begun.elapsed() >= SETTLING;
        let is_done = match status.ready {
            Some(ready) => {
                was_down |= !ready;
                ready == up && (!up || was_down || has_settled)
            }
            None => has_settled,
        };
        if is_done {
            return status.raw;
        }
        *seen = Some(status.raw);
    }
}
