//! Running an operation to its end, observing it if it goes on after its start.
//!
//! Never starts it twice, and leaves none behind that nobody follows any more.

use std::time::Duration;

use ::sovd::{Call, Execution, ExecutionState, Started};
use model::catalog::operations::Question;
use model::command::Refusal;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing};
use super::debt::{Debt, Debts};
use super::lock::Last;
use super::pursuit::{Pursuit, Quarry};
use super::{beside, failure};
use crate::order::End;

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
        // It is output.actuate by another name, only that nobody would give the output back.
        if operation.output_id.is_some() && !self.may_actuate {
            let words = format!(
                "{id} controls an output: that takes a senior, and what output.actuate takes here"
            );
            return Err(End::Refused(Refusal::Precondition, words));
        }
        let mut start = target.client.start(&operation, params.clone());
        if let Some(limit) = timeout {
            start = start.time_limit(Duration::from(*limit));
        }
        if let Some(response) = proximity_response {
            start = start.proximity_response(response);
        }
        let hold = self.hold(stop, &target, "operation.run").await?;
        let worked = hold.during(self.run_to_end(&target, start, stop, hold.debts())).await;
        self.conclude(hold, worked).await
    }

    async fn run_to_end(
        &mut self,
        target: &Target<'_>,
        start: Call<Started>,
        stop: &CancellationToken,
        debts: Debts,
    ) -> Result<Last, End> {
        match self.change(start).await? {
            None => Ok(None),
            Some(Started::Finished(execution)) => result(&execution),
            Some(Started::Running { location, execution }) => {
                // Also while nobody follows it any more: it must not go on without its lock.
                debts.owe(Debt::Execution(location.clone()));
                let client = target.client.clone();
                let pursuit = Pursuit::new(client, location.clone(), Quarry::Operation);
                let ended = self.pursue(pursuit, stop, execution).await;
                if let Err(End::Stopped) = ended {
                    debts.strike(&location);
                }
                result(&ended?)
            }
        }
    }
}

/// How an execution ended.
pub(super) fn result(execution: &Execution) -> Result<Last, End> {
    match execution.state {
        ExecutionState::Failed => {
            let words = failure::all_words(&execution.errors, "the operation failed");
            Err(End::VehicleError(words))
        }
        ExecutionState::Stopped => {
            Err(End::VehicleError("the operation was stopped at the vehicle".to_owned()))
        }
        ExecutionState::Completed => beside::negative(&execution.raw).map(Some),
        // It is not over.
        ExecutionState::Running | ExecutionState::Other(_) => Err(End::Lost),
    }
}
