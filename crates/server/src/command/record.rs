//! One drive: the vehicle's answers are put in order, stored, and then published.
//!
//! Refuses to publish what is not stored, and to decide how a command ends: it reports, and the
//! model's reducer decides.

use super::discovery::Discovery;
use super::dispatch::Reins;
use super::survey::Survey;
use super::{Commands, announce, external, insist};
use crate::contact::{Contact, CredentialError};
use crate::observe;
use connect::{End, Order, Part, Sovd};
use model::catalog::{Question, operations};
use model::command::reduce::CANCEL_PATIENCE;
use model::command::{Command, ErrorCode, Input, Refusal, Refused, Risk};
use model::id::{CommandId, ResponseId};
use model::parts::InOrder;
use model::user::Action;
use serde_json::json;
use serde_json::value::RawValue;
use std::time::{Duration, Instant};
use store::{Applied, Claimed, FaultReading};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How many parts may be on their way from the connector to the store. More stay with the vehicle.
const PARTS: usize = 32;

/// Drives a claimed command to its end, or until it is somebody else's.
pub(super) async fn drive(commands: Commands, contact: Contact, claimed: Claimed, reins: Reins) {
    let Claimed { command, vehicle, events } = claimed;
    announce(&commands.bus, &command, events);
    let limit = remaining(&commands, &command);
    let row = commands.catalog.entry(&command.order.name);
    let needs: Option<Vec<_>> =
        row.map(|row| commands.policy().needed_state(row).cloned().collect());
    let Some(address) = contact.address(&vehicle).transpose() else {
        return match needs {
            Some(needs) => external::drive(commands, command, needs, limit, &reins).await,
            None => commands.conclude((command.order.command_id, command.fence), unknown()).await,
        };
    };
    let question = question(&command).zip(needs);
    let discovery = question.as_ref().and_then(|(question, _)| Discovery::of(question));
    let survey = question.as_ref().and_then(|(question, _)| Survey::of(question));
    let recorder = Recorder { commands, command, parts: InOrder::default(), discovery, survey };
    match (question, address) {
        (Some((question, needs)), Ok(address)) => {
            let order = Order {
                command_id: recorder.command.order.command_id,
                user_id: recorder.command.order.user_id,
                may_actuate: recorder.commands.may_actuate(&recorder.command, &question).await,
                question,
                needs,
                vehicle: address,
                traceparent: traceparent(&recorder.command),
                send_by: reins.send_by,
            };
            recorder.ask(contact.connector, order, (limit, reins.stop)).await;
        }
        (Some(_), Err(error)) => recorder.locked_out(&error).await,
        (None, _) => recorder.unreadable().await,
    }
}

impl Commands {
    /// Whether a command is of somebody who may actuate outputs, and meets what is asked for that; asked
    /// only where that matters, and `false` if it cannot be learned.
    async fn may_actuate(&self, command: &Command, question: &Question) -> bool {
        if !matches!(question, Question::Operations(operations::Question::Run { .. })) {
            return true;
        }
        let [row, output] =
            [&*command.order.name, "output.actuate"].map(|it| self.catalog.entry(it));
        let has_reason = command.order.reason.is_some();
        let asks_more = |(row, output)| self.policy().asks_more(output, row, has_reason);
        if row.zip(output).is_none_or(asks_more) {
            return false;
        }
        match self.store.user(command.order.user_id).await {
            Ok(user) => user.is_some_and(|user| user.role.may(Action::Submit(Risk::R3))),
            Err(error) => {
                tracing::warn!(%error, "the role of a user cannot be read");
                false
            }
        }
    }
}

/// The question of a stored command; `None` if no version of ours can have accepted it.
fn question(command: &Command) -> Option<Question> {
    let asked =
        json!({ "command_name": command.order.name, "command_params": command.order.params });
    serde_json::from_value(asked).ok()
}

/// The trace of whoever submitted the command, with the command as the parent of what comes next.
pub(super) fn traceparent(command: &Command) -> Option<String> {
    let trace_id = command.order.trace_id.as_ref()?;
    let (high, low) = uuid::Uuid::from(command.order.command_id).as_u64_pair();
    Some(format!("00-{trace_id}-{:016x}-01", high ^ low))
}

pub(super) fn remaining(commands: &Commands, command: &Command) -> Duration {
    let deadline = command.run_deadline().unwrap_or(command.order.submitted_at);
    Duration::try_from(deadline.duration_since(commands.store.now())).unwrap_or(Duration::ZERO)
}

/// Why recording stopped before the vehicle's answer was over.
enum Over {
    /// The command has ended, or another node drives it.
    NotOurs,
    /// The answer is no use.
    Unusable(ErrorCode, &'static str),
}

const TRUNCATED: Over = Over::Unusable(ErrorCode::Truncated, "Vehicle response truncated");

struct Recorder {
    commands: Commands,
    command: Command,
    parts: InOrder<Part>,
    /// `None` if the command is no discovery of the whole vehicle, or its tree has been kept.
    discovery: Option<Discovery>,
    /// `None` if the command tells nothing that is counted.
    survey: Option<Survey>,
}

impl Recorder {
    async fn ask(mut self, connector: Sovd, order: Order, limits: (Duration, CancellationToken)) {
        let (limit, stop) = limits;
        let (answers, mut parts) = mpsc::channel(PARTS);
        // On the heap: a drive is moved around, and this is most of it.
        let execution = Box::pin(connector.execute(order, answers, stop.clone()));
        let asking = within(limit, &stop, execution);
        tokio::pin!(asking);
        // Both run side by side; the connector's end comes after the last of its parts is taken.
        let mut end = None;
        let recorded = loop {
            let mut page = Vec::with_capacity(PARTS);
            tokio::select! {
                biased;
                count = parts.recv_many(&mut page, PARTS) => {
                    if count == 0 {
                        break Ok(());
                    }
                    if let Err(over) = self.record(page).await {
                        break Err(over);
                    }
                }
                asked = &mut asking, if end.is_none() => {
                    // Whoever was given up would never close the channel.
                    let is_late = asked.is_none();
                    end = Some(asked);
                    if is_late {
                        break Ok(());
                    }
                }
            }
        };
        let end = match (recorded, end) {
            (Err(Over::NotOurs), _) => return,
            (Err(Over::Unusable(code, message)), _) => Input::Unusable(code, message),
            (Ok(()), Some(asked)) => asked.map_or(Input::Due, input),
            (Ok(()), None) => asking.await.map_or(Input::Due, input),
        };
        // After the run timeout the model says what that means.
        self.finish(end).await;
    }

    /// Stores a page of parts, in order, each once.
    async fn record(&mut self, page: Vec<Part>) -> Result<(), Over> {
        for part in page {
            let number = part.part;
            match self.parts.push(number, part) {
                Ok(true) => {}
                Ok(false) => observe::parts_dropped("duplicate"),
                Err(_) => return Err(TRUNCATED),
            }
        }
        let (mut inputs, mut reading) = (Vec::new(), None);
        while let Some((part, answer)) = self.parts.pop() {
            let response_id = ResponseId::new();
            reading = self.survey.as_mut().and_then(|survey| survey.add(&answer));
            let Part { is_final, payload, .. } = answer;
            self.found(&payload, is_final).await;
            inputs.push(Input::Part { part, is_final, response_id, payload });
        }
        if inputs.is_empty() {
            return Ok(());
        }
        let written = self.command.last_offset.saturating_add(inputs.len() as u64);
        if written > self.commands.settings.max_events {
            return Err(Over::Unusable(ErrorCode::TooLarge, "Vehicle response too large"));
        }
        self.apply(inputs, reading).await
    }

    /// A completed discovery is one whose tree can be read.
    async fn found(&mut self, entity: &RawValue, is_final: bool) {
        if let Some(discovery) = &mut self.discovery {
            discovery.add(entity);
        }
        if is_final && let Some(discovery) = self.discovery.take() {
            self.commands.keep(&self.command, discovery).await;
        }
    }

    async fn apply(
        &mut self,
        inputs: Vec<Input>,
        reading: Option<FaultReading>,
    ) -> Result<(), Over> {
        let claim = (self.command.order.command_id, self.command.fence);
        let Some(applied) = self.commands.stored(claim, inputs, reading).await else {
            return Err(Over::NotOurs);
        };
        let refused = applied.refused;
        self.command = self.commands.announce(applied);
        match refused {
            None if self.command.due_at().is_none() => Err(Over::NotOurs),
            None => Ok(()),
            Some(Refused::Hole) => Err(TRUNCATED),
            Some(_) => Err(Over::NotOurs),
        }
    }

    async fn finish(mut self, input: Input) {
        // The command may have ended meanwhile: then there is nothing left to say.
        drop(self.apply(vec![input], None).await);
    }

    async fn locked_out(self, error: &CredentialError) {
        self.finish(Input::Refused(Refusal::Precondition, error.to_string())).await;
    }

    async fn unreadable(self) {
        self.finish(unknown()).await;
    }
}

/// How a command ends whose row is gone, or switched off since: what it would have to meet is not known.
fn unknown() -> Input {
    let words = "this server does not know the command any more".to_owned();
    Input::Refused(Refusal::Unsupported, words)
}

impl Commands {
    /// Says how a drive ended that had no parts to record.
    pub(super) async fn conclude(&self, claim: (CommandId, i64), input: Input) {
        // The command may have ended meanwhile: then there is nothing left to say.
        if let Some(applied) = self.stored(claim, vec![input], None).await {
            self.announce(applied);
        }
    }

    /// Puts a claim back that nobody drives: nothing has been sent.
    pub(super) async fn give_back(&self, claimed: Claimed) {
        let Claimed { command, events, .. } = claimed;
        announce(&self.bus, &command, events);
        self.conclude((command.order.command_id, command.fence), Input::NotSent).await;
    }

    /// Stores what was answered. The command's own timers, or another node's claim, end what the store
    /// delays.
    async fn stored(
        &self,
        claim: (CommandId, i64),
        inputs: Vec<Input>,
        reading: Option<FaultReading>,
    ) -> Option<Applied> {
        let write = || async {
            let started = Instant::now();
            let applied = self.store.record(claim, inputs.clone(), reading.clone()).await?;
            let count = applied.as_ref().map_or(0, |applied| applied.events.len());
            observe::events_stored(count, started.elapsed());
            Ok(applied)
        };
        insist(claim.0, "an answer", write).await.flatten()
    }
}

/// What comes within the limit; whoever was asked to stop has a little longer to confirm it.
async fn within<T>(
    limit: Duration,
    stop: &CancellationToken,
    work: impl Future<Output = T>,
) -> Option<T> {
    let late = async {
        tokio::time::sleep(limit).await;
        if stop.is_cancelled() {
            tokio::time::sleep(CANCEL_PATIENCE).await;
        }
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = late => None,
    }
}

/// What the connector's end means for the command.
fn input(end: End) -> Input {
    match end {
        // The final part would have ended the command: none came.
        End::Answered | End::Truncated => {
            Input::Unusable(ErrorCode::Truncated, "Vehicle response truncated")
        }
        End::Malformed => Input::Unusable(ErrorCode::Malformed, "Vehicle response malformed"),
        End::TooLarge => Input::Unusable(ErrorCode::TooLarge, "Vehicle response too large"),
        End::Refused(refusal, words) => Input::Refused(refusal, words),
        End::VehicleError(words) => Input::VehicleError(words),
        End::NotSent => Input::NotSent,
        End::Lost => Input::Lost,
        End::Stopped => Input::Stopped,
    }
}
