//! Controlling an output for a while.
//!
//! Leaves no output in a tester's hand: control goes back to the control unit in every exit path. Where
//! the vehicle names nothing that could be given back, the last part says so.

mod worded;

use std::time::Duration;

use ::sovd::{Call, Capability, Error, Link, Operation, Started};
use model::catalog::operations::{Action, Question};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing};
use super::debt::{Debt, Debts};
use super::lock::Last;
use super::operation::result;
use super::pages::all;
use super::{failure, outbox};
use crate::order::End;
pub(super) use worded::given_back;

/// How much longer than asked for the vehicle may hold the output if nobody takes it back.
const GRACE: Duration = Duration::from_secs(5);

/// An output that is to be controlled.
struct Output<'a> {
    target: Target<'a>,
    operation: Operation,
    action: Action,
    value: Option<&'a Value>,
    duration: Duration,
}

/// The last part.
#[derive(Serialize)]
struct Closing {
    /// Whether the control unit has its output back.
    returned: bool,
    /// What the vehicle said last; `None` if nothing.
    answer: Last,
}

impl Attempt<'_> {
    /// Control begins, is held, and goes back.
    pub(super) async fn actuate(
        &mut self,
        stop: &CancellationToken,
        question: &Question,
    ) -> Result<(), End> {
        let Question::Actuate { entity, id, action, value, duration } = question else {
            return Ok(());
        };
        let (target, operation) = preparing(stop, async {
            let target = self.entity(entity).await?;
            let operation = target.vehicle.operation(&target.entity, id).await?;
            Ok((target, operation))
        })
        .await?;
        let hold = self.hold(stop, &target, "output.actuate").await?;
        let (value, duration) = (value.as_ref(), Duration::from(*duration));
        let output = Output { target, operation, action: *action, value, duration };
        let is_release = *action == Action::Release;
        let worked = match (output.operation.output_id.is_some(), is_release) {
            (false, true) => hold.during(self.release(&output)).await,
            (false, false) => hold.during(self.control(stop, &output, hold.debts())).await,
            (true, true) => hold.during(self.release_in_words(stop, &output)).await,
            (true, false) => hold.during(self.control_in_words(stop, &output, &hold.debts())).await,
        };
        self.conclude(hold, worked).await
    }

    async fn control(
        &mut self,
        stop: &CancellationToken,
        output: &Output<'_>,
        debts: Debts,
    ) -> Result<Last, End> {
        let location = match self.change(output.start()).await? {
            None => return Ok(None),
            Some(Started::Finished(execution)) => {
                let answer = result(&execution)?;
                return outbox::json(&Closing { returned: false, answer }).map(Some);
            }
            Some(Started::Running { location, execution }) => {
                debts.owe(Debt::Execution(location.clone()));
                self.outbox.part(&execution.raw).await?;
                location
            }
        };
        if let Some(capability) = output.capability() {
            let call = output.target.client.control(&location, &capability, None);
            if let Some(told) = self.change(call).await? {
                self.outbox.part(&told.execution.raw).await?;
            }
        }
        let is_over = timeout(output.duration, stop.cancelled()).await.is_err();
        let returned = self.give_back(output, &location, &debts).await?;
        if is_over { Ok(returned) } else { Err(End::Stopped) }
    }

    /// Gives control back, once.
    async fn give_back(
        &self,
        output: &Output<'_>,
        location: &Link,
        debts: &Debts,
    ) -> Result<Last, End> {
        let call = output.target.vehicle.client.stop(location).into_future();
        let answer = call.await;
        if !matches!(answer, Err(Error::NotSent(_))) {
            debts.strike(location);
        }
        match answer {
            Ok(answer) => outbox::json(&Closing { returned: true, answer: answer.raw }).map(Some),
            Err(error) => {
                let words = "the output could not be given back";
                Err(failure::with_words(failure::of_change(error), words))
            }
        }
    }

    /// Gives back what others, or earlier commands, hold.
    async fn release(&mut self, output: &Output<'_>) -> Result<Last, End> {
        let Output { target, operation, .. } = output;
        let held = all(|| target.vehicle.client.executions(operation)).await;
        let held = held.map_err(|error| failure::before_change(failure::of_read(error)))?;
        for execution in &held {
            if self.change(target.client.stop(&execution.href)).await?.is_none() {
                return Ok(None);
            }
        }
        let released: Vec<&str> = held.iter().map(|execution| execution.id.as_str()).collect();
        outbox::json(&json!({ "returned": true, "executions": released })).map(Some)
    }
}

impl Output<'_> {
    /// The vehicle gives control back by itself if nobody does. What is no object is the value.
    fn start(&self) -> Call<Started> {
        let parameters = self
            .value
            .map(|value| if value.is_object() { value.clone() } else { json!({ "value": value }) });
        let start = self.target.client.start(&self.operation, parameters);
        start.time_limit(self.duration.saturating_add(GRACE))
    }

    fn capability(&self) -> Option<Capability> {
        match self.action {
            Action::Freeze => Some(Capability::Freeze),
            Action::Reset => Some(Capability::Reset),
            Action::Adjust | Action::Release => None,
        }
    }
}
