//! Commands about operations and their executions.
//!
//! Starts nothing by itself: running one to its end has a module of its own.

use std::time::Duration;

use ::sovd::{Call, Capability, Controlled, Link, Operation};
use model::catalog::operations::Question;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing, reading};
use super::catalog::{confirmation, plain};
use super::failure;
use super::lock::Last;
use super::pages::all;
use super::vehicle::not_offered;
use crate::order::End;

impl<'a> Attempt<'a> {
    pub(super) async fn about_operations(
        &mut self,
        question: &Question,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        use Question as Q;
        match question {
            Q::List { entity, include_proximity_proof } => {
                reading(stop, self.list_operations(entity, *include_proximity_proof)).await
            }
            Q::Describe { entity, id } => reading(stop, self.describe_operation(entity, id)).await,
            Q::Run { .. } => self.run_operation(stop, question).await,
            Q::Control { .. } => self.control_execution(stop, question).await,
            Q::Stop { entity, id, exec_id } => {
                let (target, place) =
                    preparing(stop, self.execution_of(entity, id, exec_id)).await?;
                self.acknowledge(target.client.stop(&place)).await
            }
            Q::Actuate { .. } => self.actuate(stop, question).await,
        }
    }

    async fn list_operations(&mut self, entity: &str, with_proof: bool) -> Result<(), End> {
        let Target { client, entity, .. } = self.entity(entity).await?;
        let call = || {
            let call: Call<Vec<Operation>> = client.operations(&entity);
            if with_proof { call.with_proximity_proof() } else { call }
        };
        self.hand_on_list(call, plain).await
    }

    async fn describe_operation(&mut self, entity: &str, id: &str) -> Result<(), End> {
        let target = self.entity(entity).await?;
        let operation = target.vehicle.operation(&target.entity, id).await?;
        self.hand_on(target.client.operation(&operation.href).with_schema()).await
    }

    async fn control_execution(
        &mut self,
        stop: &CancellationToken,
        question: &Question,
    ) -> Result<(), End> {
        let Question::Control { entity, id, exec_id, capability, params, timeout } = question
        else {
            return Ok(());
        };
        let (target, place) = preparing(stop, self.execution_of(entity, id, exec_id)).await?;
        let call = target.client.control(&place, &named(capability), params.clone());
        let call = match timeout {
            Some(limit) => call.time_limit(Duration::from(*limit)),
            None => call,
        };
        let hold = self.hold(stop, &target, "operation.control").await?;
        let worked = hold.during(self.told(call)).await;
        self.conclude(hold, worked).await
    }

    async fn told(&mut self, call: Call<Controlled>) -> Result<Last, End> {
        match self.change(call).await? {
            Some(controlled) => confirmation(Some(controlled.execution.raw)),
            None => Ok(None),
        }
    }

    /// An execution that the vehicle still knows.
    async fn execution_of(
        &self,
        entity: &str,
        id: &str,
        execution: &str,
    ) -> Result<(Target<'a>, Link), End> {
        let target = self.entity(entity).await?;
        let operation = target.vehicle.operation(&target.entity, id).await?;
        let known = all(|| target.vehicle.client.executions(&operation)).await;
        let known = known.map_err(failure::of_read)?;
        let Some(found) = known.iter().find(|known| known.id == execution) else {
            return Err(not_offered("execution", execution, known.into_iter().map(|it| it.id)));
        };
        let place = found.href.clone();
        Ok((target, place))
    }
}

fn named(word: &str) -> Capability {
    match word {
        "execute" => Capability::Execute,
        "stop" => Capability::Stop,
        "freeze" => Capability::Freeze,
        "reset" => Capability::Reset,
        "status" => Capability::Status,
        other => Capability::Other(other.to_owned()),
    }
}
