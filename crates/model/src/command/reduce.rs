//! How a command moves: one pure function from (command, input, time) to (command, events).
//!
//! Refuses clocks, randomness and storage. Every rule about states, timers, retries and outcomes
//! stands here and nowhere else; the store repeats only the fence.

#![expect(clippy::wildcard_enum_match_arm, reason = "what a state does not name is refused in it")]

use super::approval::{may_decide, on_awaiting};
use super::external::External;
use super::log::Log;
use super::{
    ApprovalHash, AwaitingApproval, Command, Decider, Ended, ErrorCode, Failure, Lease, Outcome,
    Phase, Queued, Refusal, State, later,
};
use crate::Timestamp;
use crate::event::Event;
use crate::id::ResponseId;
use serde_json::value::RawValue;
use std::time::Duration;

/// How often a read is tried at most.
pub const MAX_ATTEMPTS: u32 = 3;
/// How long the vehicle has to confirm a stop.
pub const CANCEL_PATIENCE: Duration = Duration::from_secs(15);
/// The longest pause between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(8);

/// What can happen to a command.
#[derive(Debug, Clone)]
pub enum Input {
    /// A node takes it.
    Claim(Lease),
    /// The owner is about to send the first byte.
    Start,
    /// The vehicle answered.
    Part {
        /// Its number within the attempt, from 1.
        part: u32,
        /// Whether it is the last.
        is_final: bool,
        /// The id that the response gets.
        response_id: ResponseId,
        /// What the vehicle said.
        payload: Box<RawValue>,
    },
    /// Another program, which acts as a connector, said so.
    External(External),
    /// The vehicle refused before it did anything.
    Refused(Refusal, String),
    /// The vehicle answered with a failure.
    VehicleError(String),
    /// No connection came about: provably nothing was sent.
    NotSent,
    /// The connection broke after sending, or the owner died.
    Lost,
    /// An answer came that is no use: malformed, truncated or too large.
    Unusable(ErrorCode, &'static str),
    /// The vehicle, or the nature of a read, confirmed the stop.
    Stopped,
    /// A user wants it to stop.
    Cancel {
        /// The user's name.
        by: String,
    },
    /// A second person permits exactly this command.
    Approve {
        /// What they saw.
        hash: ApprovalHash,
        /// Who it is.
        by: Decider,
    },
    /// A second person forbids it.
    Deny {
        /// Why, in their words.
        reason: String,
        /// Who it is.
        by: Decider,
    },
    /// Its `due_at` has passed.
    Due,
}

/// Why an input changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It had already ended.
    #[error("the command has already ended")]
    Ended,
    /// Not possible where it stands; for timers: not due (any more).
    #[error("not possible in this state")]
    NotNow,
    /// It is there already: a part, or somebody's word about the command.
    #[error("it is already stored")]
    Duplicate,
    /// An earlier part is missing.
    #[error("an earlier part is missing")]
    Hole,
    /// The sender is no longer the owner.
    #[error("another node has taken the command over")]
    Fenced,
    /// Nobody is the second person for what they ordered.
    #[error("nobody decides about a command of their own")]
    Own,
    /// What was approved is not this command as it stands.
    #[error("the approval is of another command")]
    OtherOrder,
}

/// What an input did.
#[derive(Debug, Clone)]
pub struct Step {
    /// The command afterwards.
    pub command: Command,
    /// The events to append, in order.
    pub events: Vec<Event>,
}

/// The first event of a newly accepted command.
pub fn accept(order: super::Order) -> Step {
    let now = order.submitted_at;
    let state = match order.approve_by {
        Some(_) => State::AwaitingApproval(AwaitingApproval),
        None => State::Queued(Queued { not_before: None }),
    };
    let command = Command {
        order,
        state,
        decision: None,
        attempt: 0,
        started_at: None,
        fence: 0,
        last_offset: 0,
        last_sequence: 0,
        last_part: 0,
    };
    let mut log = Log::new(command, now);
    log.status(None, None);
    log.step()
}

/// Applies one input at the moment `now`.
///
/// # Errors
///
/// [`Refused`] if the input is not possible where the command stands; nothing changes then.
pub fn reduce(command: Command, input: Input, now: Timestamp) -> Result<Step, Refused> {
    let input = match input {
        // Whoever has answered was reached: it is the connection that broke.
        Input::NotSent if command.last_part > 0 => Input::Lost,
        other => other,
    };
    may_decide(&command, &input)?;
    let log = Log::new(command, now);
    match log.command.state.clone() {
        State::AwaitingApproval(awaiting) => on_awaiting(log, awaiting, input),
        State::Queued(queued) => on_queued(log, queued, input),
        State::Dispatched(dispatched) => on_dispatched(log, dispatched, input),
        State::Running(running) => on_running(log, running, input),
        State::Cancelling(cancelling) => on_cancelling(log, cancelling, input),
        State::Ended(_) => Err(Refused::Ended),
    }
}

fn on_queued(mut log: Log, queued: Queued, input: Input) -> Result<Step, Refused> {
    let now = log.now;
    match input {
        // What was altered since does not run: what it says now, nobody has permitted.
        Input::Claim(_) if !log.command.is_approved() => {
            Ok(log.end(queued.end(Failure::altered(), now), None))
        }
        Input::Claim(lease) if log.may_claim(queued) => {
            log.command.attempt = log.command.attempt.saturating_add(1);
            log.command.fence = log.command.fence.saturating_add(1);
            log.command.last_part = 0;
            log.enter(State::Dispatched(queued.claim(lease)), None, None);
            Ok(log.step())
        }
        Input::Cancel { by } => Ok(log.end(queued.end(Failure::cancelled(), now), Some(&by))),
        Input::Due if log.is_due() => {
            let failure = log.too_late();
            Ok(log.end(queued.end(failure, now), None))
        }
        _ => Err(Refused::NotNow),
    }
}

fn on_dispatched(
    mut log: Log,
    dispatched: super::Dispatched,
    input: Input,
) -> Result<Step, Refused> {
    let now = log.now;
    match input {
        Input::Start if !log.is_due() => {
            log.command.started_at = Some(log.start_of_run());
            log.enter(State::Running(dispatched.start()), None, None);
            Ok(log.step())
        }
        Input::Refused(refusal, message) => {
            Ok(log.end(dispatched.end(Failure::refused(refusal, message), now), None))
        }
        // Nothing has been sent: another node may simply begin again.
        Input::NotSent | Input::Lost => {
            log.enter(State::Queued(dispatched.requeue(None)), Some("owner-lost"), None);
            Ok(log.step())
        }
        Input::Cancel { by } => Ok(log.end(dispatched.end(Failure::cancelled(), now), Some(&by))),
        Input::Due if log.is_due() => {
            let failure = log.too_late();
            Ok(log.end(dispatched.end(failure, now), None))
        }
        _ => Err(Refused::NotNow),
    }
}

fn on_running(mut log: Log, running: super::Running, input: Input) -> Result<Step, Refused> {
    let now = log.now;
    match input {
        Input::Cancel { by } => {
            let cancelling = running.cancel(later(now, CANCEL_PATIENCE));
            log.enter(State::Cancelling(cancelling), None, Some(&by));
            Ok(log.step())
        }
        Input::NotSent => Ok(log.not_sent(running)),
        Input::Lost => Ok(log.lost(running)),
        Input::Due if !log.is_due() => Err(Refused::NotNow),
        Input::Due => {
            let failure = Failure::lost(log.command.order.risk);
            Ok(log.end(running.end(Outcome::Failed(failure), now), None))
        }
        answer => log.answer(answer, |outcome| running.end(outcome, now)),
    }
}

fn on_cancelling(
    mut log: Log,
    cancelling: super::Cancelling,
    input: Input,
) -> Result<Step, Refused> {
    let now = log.now;
    let risk = log.command.order.risk;
    let end = |outcome| cancelling.end(outcome, now);
    match input {
        Input::Cancel { .. } => Err(Refused::NotNow),
        Input::Due if !log.is_due() => Err(Refused::NotNow),
        Input::Due => {
            log.enter(State::Running(cancelling.resume()), Some("stop-not-confirmed"), None);
            Ok(log.step())
        }
        // What was never sent cannot have run, and a read that brings nothing more has stopped.
        Input::Stopped | Input::NotSent => {
            Ok(log.end(end(Outcome::Failed(Failure::cancelled())), None))
        }
        Input::Lost if risk.is_repeatable() => {
            Ok(log.end(end(Outcome::Failed(Failure::cancelled())), None))
        }
        Input::Lost => Ok(log.end(end(Outcome::Failed(Failure::lost(risk))), None)),
        answer => log.answer(answer, end),
    }
}

impl Log {
    pub(super) fn is_due(&self) -> bool {
        self.command.due_at().is_some_and(|due| due <= self.now)
    }

    fn may_claim(&self, queued: Queued) -> bool {
        !self.is_due() && queued.not_before.is_none_or(|at| at <= self.now)
    }

    /// Why a command that waits is given up. An earlier attempt of a read may have been sent.
    fn too_late(&self) -> Failure {
        if self.command.is_retry() {
            Failure::lost(self.command.order.risk)
        } else {
            Failure::expired()
        }
    }

    /// A read's clock runs from its first start; anything else starts anew, because an earlier
    /// attempt of it provably sent nothing.
    fn start_of_run(&self) -> Timestamp {
        match self.command.started_at {
            Some(first) if self.command.order.risk.is_repeatable() => first,
            Some(_) | None => self.now,
        }
    }

    /// What the vehicle said, in the two states in which it may speak.
    fn answer(mut self, input: Input, end: impl FnOnce(Outcome) -> Ended) -> Result<Step, Refused> {
        let risk = self.command.order.risk;
        let failure = match input {
            Input::Part { part, is_final, response_id, payload } => {
                self.part(part, is_final, response_id, payload)?;
                let step =
                    if is_final { self.end(end(Outcome::Completed), None) } else { self.step() };
                return Ok(step);
            }
            Input::External(External::Response(answer)) => {
                let is_final = answer.is_final;
                self.external(&answer);
                let step =
                    if is_final { self.end(end(Outcome::Completed), None) } else { self.step() };
                return Ok(step);
            }
            Input::External(External::Completed) => {
                return Ok(self.end(end(Outcome::Completed), None));
            }
            // An answer has been stored: the vehicle did do something before it refused.
            Input::Refused(_, message) if self.command.last_part > 0 => Failure::vehicle(message),
            Input::Refused(refusal, message) => Failure::refused(refusal, message),
            Input::VehicleError(message) | Input::External(External::Failed(message)) => {
                Failure::vehicle(message)
            }
            Input::Unusable(code, message) => Failure::unusable(risk, code, message),
            _ => return Err(Refused::NotNow),
        };
        Ok(self.end(end(Outcome::Failed(failure)), None))
    }

    fn part(
        &mut self,
        part: u32,
        is_final: bool,
        response_id: ResponseId,
        payload: Box<RawValue>,
    ) -> Result<(), Refused> {
        let expected = self.command.last_part.saturating_add(1);
        match part.cmp(&expected) {
            std::cmp::Ordering::Less => return Err(Refused::Duplicate),
            std::cmp::Ordering::Greater => return Err(Refused::Hole),
            std::cmp::Ordering::Equal => self.command.last_part = part,
        }
        self.response(is_final, response_id, payload);
        Ok(())
    }

    /// No connection came about. A read has three attempts; anything else waits for its deadline.
    fn not_sent(mut self, running: super::Running) -> Step {
        let again = later(self.now, self.backoff());
        if !self.command.order.risk.is_repeatable() {
            self.enter(State::Queued(running.requeue(Some(again))), Some("unreachable"), None);
            return self.step();
        }
        if self.may_retry(again) {
            self.enter(State::Queued(running.requeue(Some(again))), Some("unreachable"), None);
            return self.step();
        }
        let at = self.now;
        self.end(running.end(Outcome::Failed(Failure::unreachable()), at), None)
    }

    /// The connection broke after sending. Only a read of which nothing is stored goes again.
    fn lost(mut self, running: super::Running) -> Step {
        let again = later(self.now, self.backoff());
        let nothing_stored = self.command.last_sequence == 0;
        if self.command.order.risk.is_repeatable() && nothing_stored && self.may_retry(again) {
            self.enter(State::Queued(running.requeue(Some(again))), Some("connection-lost"), None);
            return self.step();
        }
        let failure = Failure::lost(self.command.order.risk);
        let at = self.now;
        self.end(running.end(Outcome::Failed(failure), at), None)
    }

    fn may_retry(&self, again: Timestamp) -> bool {
        self.command.attempt < MAX_ATTEMPTS
            && self.command.run_deadline().is_some_and(|deadline| again < deadline)
    }

    /// 1 s · 2^k with full jitter. The jitter comes from the command's id, so that the reducer
    /// stays a function and a thousand commands that failed together still spread out.
    fn backoff(&self) -> Duration {
        let doublings = self.command.attempt.saturating_sub(1).min(3);
        let ceiling = Duration::from_secs(1 << doublings).min(MAX_BACKOFF);
        // The lower half: the upper one is the time, which such commands have in common.
        let (_, random) = uuid::Uuid::from(self.command.order.command_id).as_u64_pair();
        let share = (random.rotate_right(self.command.attempt * 10) % 1024) as u32;
        ceiling * share / 1024
    }
}

impl Input {
    /// Whether only the command's present owner may say so.
    pub fn is_owners(&self) -> bool {
        match self {
            Self::Start
            | Self::Part { .. }
            | Self::Refused(..)
            | Self::VehicleError(_)
            | Self::NotSent
            | Self::Lost
            | Self::Unusable(..)
            | Self::Stopped => true,
            Self::Claim(_)
            | Self::External(_)
            | Self::Cancel { .. }
            | Self::Approve { .. }
            | Self::Deny { .. }
            | Self::Due => false,
        }
    }
}

impl Phase {
    /// The states of which a node is the owner.
    pub const OWNED: [Self; 3] = [Self::Dispatched, Self::Running, Self::Cancelling];
}
