//! Outputs of a server that is told in words what to do with them (SOVDd): each word is an execution
//! of its own, and none of them holds the output.
//!
//! Leaves no output in a tester's hand: giving back is owed before the first word is sent.

use ::sovd::{Call, Client, Execution, Operation, Started};
use model::catalog::operations::Action;
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Closing, Output};
use crate::order::End;
use crate::sovd::attempt::Attempt;
use crate::sovd::debt::{Debt, Debts};
use crate::sovd::lock::Last;
use crate::sovd::operation::result;
use crate::sovd::pursuit::{Pursuit, Quarry};
use crate::sovd::{failure, outbox};

const NOT_GIVEN_BACK: &str = "the output could not be given back";

impl Attempt<'_> {
    /// Control begins, is held, and goes back.
    pub(super) async fn control_in_words(
        &mut self,
        stop: &CancellationToken,
        output: &Output<'_>,
        debts: &Debts,
    ) -> Result<Last, End> {
        let place = output.operation.executions.clone();
        debts.owe(Debt::Output(Box::new(output.operation.clone())));
        let begun = self.say(stop, output, output.action).await;
        if matches!(begun, Err(End::NotSent | End::Refused(..))) {
            debts.strike(&place);
        }
        let Some(held) = begun? else { return Ok(None) };
        self.outbox.part(&held.raw).await?;
        let is_over = timeout(output.duration, stop.cancelled()).await.is_err();
        debts.strike(&place);
        let answer = given_back(&output.target.vehicle.client, &output.operation).await;
        let answer = answer.map_err(|end| failure::with_words(end, NOT_GIVEN_BACK))?;
        let returned = outbox::json(&Closing { returned: true, answer }).map(Some)?;
        if is_over { Ok(returned) } else { Err(End::Stopped) }
    }

    /// Gives back what others, or earlier commands, hold.
    pub(super) async fn release_in_words(
        &mut self,
        stop: &CancellationToken,
        output: &Output<'_>,
    ) -> Result<Last, End> {
        let said = self.say(stop, output, Action::Release).await?;
        let answer = said.map(|execution| execution.raw);
        outbox::json(&Closing { returned: true, answer }).map(Some)
    }

    /// Has something done with an output, and sees that it was; `None` if the vehicle's own parts have
    /// been handed on.
    async fn say(
        &mut self,
        stop: &CancellationToken,
        output: &Output<'_>,
        action: Action,
    ) -> Result<Option<Execution>, End> {
        let Output { target, operation, value, .. } = output;
        let execution = match self.change(told(&target.client, operation, action, *value)).await? {
            None => return Ok(None),
            Some(Started::Finished(execution)) => execution,
            Some(Started::Running { location, execution }) => {
                let pursuit = Pursuit::new(target.client.clone(), location, Quarry::Operation);
                self.pursue(pursuit, stop, execution).await?
            }
        };
        succeeded(&execution)?;
        result(&execution)?;
        Ok(Some(execution))
    }
}

/// The word for what is to be done, and the request that says it.
fn told(
    client: &Client,
    operation: &Operation,
    action: Action,
    value: Option<&Value>,
) -> Call<Started> {
    let word = match action {
        Action::Adjust => "short_term_adjust",
        Action::Freeze => "freeze",
        Action::Reset => "reset_to_default",
        Action::Release => "return_to_ecu",
    };
    let mut parameters = Map::from_iter([("action".to_owned(), word.into())]);
    if let Some(value) = value {
        parameters.insert("value".to_owned(), value.clone());
    }
    client.start(operation, Some(Value::Object(parameters)))
}

/// Gives the output back to the control unit, and sees that it has it.
pub(in crate::sovd) async fn given_back(
    client: &Client,
    operation: &Operation,
) -> Result<Last, End> {
    let begun = told(client, operation, Action::Release, None).await;
    let execution = match begun.map_err(failure::of_change)? {
        Started::Finished(execution) => execution,
        // Each is over as soon as it can be asked for.
        Started::Running { location, .. } => {
            client.execution(&location).await.map_err(failure::of_change)?
        }
    };
    succeeded(&execution)?;
    Ok(Some(execution.raw))
}

/// A completed execution may say that it has failed.
fn succeeded(execution: &Execution) -> Result<(), End> {
    let result = execution.result.as_deref().map(|raw| serde_json::from_str(raw.get()));
    let result: Value = result.and_then(Result::ok).unwrap_or_default();
    if result.get("success") != Some(&json!(false)) {
        return Ok(());
    }
    let words =
        result.get("error").and_then(Value::as_str).unwrap_or("the output was not controlled");
    Err(End::VehicleError(words.to_owned()))
}
