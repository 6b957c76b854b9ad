//! Whether a vehicle is as an installation wants it to be before a command runs.
//!
//! Refuses whenever that cannot be seen: a vehicle that does not tell its speed may be driving.

use model::catalog::StateNeed;
use model::command::Refusal;
use serde_json::Value;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, preparing};
use super::failure;
use super::patience::ANSWER_PATIENCE;
use crate::order::End;

/// Longest value in a message, in characters.
const MAX_SHOWN: usize = 100;

impl Attempt<'_> {
    /// Sees to it that the vehicle is as it has to be. It may be otherwise a moment later: what must
    /// never happen, the vehicle itself has to prevent.
    pub(super) async fn meet(
        &self,
        needs: &[StateNeed],
        stop: &CancellationToken,
    ) -> Result<(), End> {
        for need in needs {
            // A change would end as one that may have been carried out if this took all of its time.
            let seen = timeout(ANSWER_PATIENCE, preparing(stop, self.value(need))).await;
            let seen = seen.map_err(|_| refused(need, "the vehicle does not answer"))?;
            let seen = seen.map_err(|end| unseen(need, end))?;
            if !need.is_met_by(&seen) {
                return Err(refused(need, &shown(&seen)));
            }
        }
        Ok(())
    }

    async fn value(&self, need: &StateNeed) -> Result<Value, End> {
        let target = self.entity(&need.entity).await?;
        let item = target.vehicle.item(&target.entity, &need.id).await?;
        let reading = target.client.read(&item.href).await.map_err(failure::of_read)?;
        serde_json::from_str(reading.value.get()).map_err(|_| End::Malformed)
    }
}

/// A vehicle that has no such value, or does not tell it, is not as it has to be; one that is not there
/// may be asked again.
fn unseen(need: &StateNeed, end: End) -> End {
    if let End::Refused(_, words) | End::VehicleError(words) = &end {
        return refused(need, words);
    }
    end
}

fn refused(need: &StateNeed, found: &str) -> End {
    let words = format!("policy.conditions wants {need}, but: {found}");
    End::Refused(Refusal::Precondition, words)
}

fn shown(value: &Value) -> String {
    format!("it is {}", value.to_string().chars().take(MAX_SHOWN).collect::<String>())
}
