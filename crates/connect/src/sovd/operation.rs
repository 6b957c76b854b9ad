//! Running an operation to its end, observing it if it goes on after its start.
//!
//! Never starts it twice, and lets the vehicle forget it only when its end is known.

use std::time::Duration;

use ::sovd::{Call, Client, Execution, ExecutionState, Link, Started};
use model::catalog::operations::Question;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing};
use super::failure;
use super::lock::Last;
use super::pursuit::{Pursuit, Quarry};
use crate::order::End;

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
                let client = target.client.clone();
                let pursuit = Pursuit::new(client, location.clone(), Quarry::Operation);
                let ended = self.pursue(pursuit, stop, execution).await?;
                // First, because whoever has the final part need not wait any longer.
                forget(&target.vehicle.client, &location).await;
                result(ended)
            }
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

/// Clears up at the vehicle; the command itself is over, so it is not named.
pub(super) async fn forget(client: &Client, location: &Link) {
    match timeout(FORGET_PATIENCE, client.stop(location).into_future()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "an execution stays at the vehicle"),
        Err(_) => tracing::warn!("an execution stays at the vehicle: no answer"),
    }
}
