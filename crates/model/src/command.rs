//! A diagnostic command: what was ordered, where it stands, and the words that clients see for it.
//!
//! Refuses to decide anything about storage or delivery; how a command moves is [`reduce`]'s.

mod approval;
pub mod external;
mod failure;
mod log;
pub mod reduce;
pub mod turn;

pub use approval::{ApprovalHash, AwaitingApproval, Decider, Decision, NotAHash};
pub use failure::{ErrorCode, Failure, Refusal};
pub use reduce::{Input, Refused, Step};

use crate::Timestamp;
use crate::id::{CommandId, NodeId, UserId, VehicleId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::time::Duration;

/// What a command can do to a vehicle; decides about retries, rights and order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Risk {
    /// Reads. May be repeated by a machine.
    R0,
    /// Changes something that the vehicle forgets by itself.
    R1,
    /// Changes something that stays, and can be undone.
    R2,
    /// Safety-relevant or irreversible.
    R3,
}

impl Risk {
    /// The number of the class, 0 to 3.
    pub fn level(self) -> i16 {
        match self {
            Self::R0 => 0,
            Self::R1 => 1,
            Self::R2 => 2,
            Self::R3 => 3,
        }
    }

    /// The class of a number; everything unknown is the most dangerous.
    pub fn from_level(level: i16) -> Self {
        match level {
            0 => Self::R0,
            1 => Self::R1,
            2 => Self::R2,
            _ => Self::R3,
        }
    }

    /// Whether a machine may send it again without asking.
    pub fn is_repeatable(self) -> bool {
        self == Self::R0
    }
}

/// The coarse word for where a command stands; part of the public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not on its way to the vehicle yet.
    Pending,
    /// With the vehicle.
    InProgress,
    /// Ended with a final response.
    Completed,
    /// Ended otherwise.
    Failed,
}

/// The fine word for where a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waits for a second person.
    AwaitingApproval,
    /// Waits for the vehicle, its turn or the next attempt.
    Queued,
    /// Claimed by a node; nothing has been sent.
    Dispatched,
    /// On its way to, or with, the vehicle.
    Running,
    /// A cancel is on its way to the vehicle.
    Cancelling,
    /// The final response is stored.
    Completed,
    /// The vehicle said no, or a read got no usable answer.
    Failed,
    /// Refused before anything was done.
    Rejected,
    /// Cancelled before it was sent, or the stop was confirmed.
    Cancelled,
    /// Provably never executed.
    Expired,
    /// Handed over; may have run; its result is missing.
    Unknown,
}

impl Phase {
    /// Every phase, in the order of a command's life.
    pub const ALL: [Self; 11] = [
        Self::AwaitingApproval,
        Self::Queued,
        Self::Dispatched,
        Self::Running,
        Self::Cancelling,
        Self::Completed,
        Self::Failed,
        Self::Rejected,
        Self::Cancelled,
        Self::Expired,
        Self::Unknown,
    ];

    /// The coarse word.
    pub fn status(self) -> Status {
        match self {
            Self::AwaitingApproval | Self::Queued | Self::Dispatched => Status::Pending,
            Self::Running | Self::Cancelling => Status::InProgress,
            Self::Completed => Status::Completed,
            Self::Failed | Self::Rejected | Self::Cancelled | Self::Expired | Self::Unknown => {
                Status::Failed
            }
        }
    }

    /// Whether nothing can follow.
    pub fn is_terminal(self) -> bool {
        matches!(self.status(), Status::Completed | Status::Failed)
    }

    /// The word as stored and sent.
    pub fn word(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Queued => "queued",
            Self::Dispatched => "dispatched",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
        }
    }

    /// The phase of a stored word; `None` for a word that no version of ours wrote.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.word() == word)
    }
}

/// What was ordered. Never changes after acceptance, but for `deliver_by` by an approval.
#[derive(Debug, Clone)]
pub struct Order {
    /// The command.
    pub command_id: CommandId,
    /// The vehicle that shall execute it.
    pub vehicle_id: VehicleId,
    /// Who ordered it.
    pub user_id: UserId,
    /// The catalogue name, as the client gave it.
    pub name: String,
    /// The parameters, as the client gave them; valid against the catalogue's schema.
    pub params: Box<RawValue>,
    /// The risk class of the catalogue entry.
    pub risk: Risk,
    /// Why, in the words of whoever ordered it.
    pub reason: Option<String>,
    /// Higher goes first among the commands that wait for one vehicle; −10 to 10, default 0.
    pub priority: i16,
    /// When it was accepted.
    pub submitted_at: Timestamp,
    /// The last moment at which a second person may approve it; `None` = it needs none.
    pub approve_by: Option<Timestamp>,
    /// The last moment at which it may be sent for the first time. Counted from the approval where one
    /// is needed; until then as if it came at the last moment.
    pub deliver_by: Timestamp,
    /// How long it may run, counted from its first start.
    pub run_timeout: Duration,
    /// The W3C trace that it belongs to, 32 hex digits; carried on to the vehicle.
    pub trace_id: Option<String>,
}

/// Who drives a command that is not waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The node.
    pub owner: NodeId,
    /// When another node may take over, unless it is renewed.
    pub until: Timestamp,
}

/// A command as the fold of its event log.
#[derive(Debug, Clone)]
pub struct Command {
    /// What was ordered.
    pub order: Order,
    /// Where it stands.
    pub state: State,
    /// What a second person decided; `None` = nobody has, or nobody needs to.
    pub decision: Option<Decision>,
    /// How often it was claimed; 0 before the first time.
    pub attempt: u32,
    /// When the first attempt began; `None` before.
    pub started_at: Option<Timestamp>,
    /// Grows with every claim; inputs of an earlier owner are refused by it.
    pub fence: i64,
    /// The offset of the newest event; events count from 1 without gaps.
    pub last_offset: u64,
    /// The number of the newest response; responses count from 1 without gaps.
    pub last_sequence: u32,
    /// The newest part of the current attempt; parts count from 1 within an attempt.
    pub last_part: u32,
}

/// Where a command stands; each state is a type with only the transitions that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// See [`Phase::AwaitingApproval`].
    AwaitingApproval(AwaitingApproval),
    /// See [`Phase::Queued`].
    Queued(Queued),
    /// See [`Phase::Dispatched`].
    Dispatched(Dispatched),
    /// See [`Phase::Running`].
    Running(Running),
    /// See [`Phase::Cancelling`].
    Cancelling(Cancelling),
    /// Over: one of the terminal phases.
    Ended(Ended),
}

/// Waits. `not_before` delays the next attempt; `None` = as soon as possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// The earliest moment of the next attempt.
    pub not_before: Option<Timestamp>,
}

/// Claimed; nothing has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dispatched {
    /// The driving node.
    pub lease: Lease,
}

/// With the vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// The driving node.
    pub lease: Lease,
}

/// With the vehicle, and asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelling {
    /// The driving node.
    pub lease: Lease,
    /// When the vehicle's silence counts as "not stopped".
    pub until: Timestamp,
}

/// Over. Has no transition, on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub outcome: Outcome,
    /// When it ended.
    pub at: Timestamp,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The final response is stored.
    Completed,
    /// Anything else, with its reason.
    Failed(Failure),
}

impl Outcome {
    /// The terminal phase.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Completed => Phase::Completed,
            Self::Failed(failure) => failure.phase,
        }
    }
}

#[expect(clippy::unused_self, reason = "a transition consumes the state it leaves")]
impl Queued {
    fn claim(self, lease: Lease) -> Dispatched {
        Dispatched { lease }
    }

    fn end(self, failure: Failure, at: Timestamp) -> Ended {
        Ended { outcome: Outcome::Failed(failure), at }
    }
}

#[expect(clippy::unused_self, reason = "a transition consumes the state it leaves")]
impl Dispatched {
    fn start(self) -> Running {
        Running { lease: self.lease }
    }

    fn requeue(self, not_before: Option<Timestamp>) -> Queued {
        Queued { not_before }
    }

    fn end(self, failure: Failure, at: Timestamp) -> Ended {
        Ended { outcome: Outcome::Failed(failure), at }
    }
}

#[expect(clippy::unused_self, reason = "a transition consumes the state it leaves")]
impl Running {
    fn cancel(self, until: Timestamp) -> Cancelling {
        Cancelling { lease: self.lease, until }
    }

    fn requeue(self, not_before: Option<Timestamp>) -> Queued {
        Queued { not_before }
    }

    fn end(self, outcome: Outcome, at: Timestamp) -> Ended {
        Ended { outcome, at }
    }
}

#[expect(clippy::unused_self, reason = "a transition consumes the state it leaves")]
impl Cancelling {
    fn resume(self) -> Running {
        Running { lease: self.lease }
    }

    fn end(self, outcome: Outcome, at: Timestamp) -> Ended {
        Ended { outcome, at }
    }
}

impl Command {
    /// The fine word for where it stands.
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::AwaitingApproval(_) => Phase::AwaitingApproval,
            State::Queued(_) => Phase::Queued,
            State::Dispatched(_) => Phase::Dispatched,
            State::Running(_) => Phase::Running,
            State::Cancelling(_) => Phase::Cancelling,
            State::Ended(ended) => ended.outcome.phase(),
        }
    }

    /// The moment at which the running command is given up; `None` before its first start.
    pub fn run_deadline(&self) -> Option<Timestamp> {
        self.started_at.map(|start| later(start, self.order.run_timeout))
    }

    /// The moment at which the state's rule has to be applied; `None` for a terminal state.
    pub fn due_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::AwaitingApproval(_) => self.order.approve_by,
            State::Queued(_) | State::Dispatched(_) if self.is_retry() => self.run_deadline(),
            State::Queued(_) | State::Dispatched(_) => Some(self.order.deliver_by),
            State::Running(_) => self.run_deadline(),
            State::Cancelling(cancelling) => Some(cancelling.until),
            State::Ended(_) => None,
        }
    }

    /// A read that has been started before: its clock is the run timeout, no longer `deliver_by`.
    pub fn is_retry(&self) -> bool {
        self.started_at.is_some() && self.order.risk.is_repeatable()
    }

    /// The node that drives it, if any does.
    pub fn lease(&self) -> Option<Lease> {
        match &self.state {
            State::Dispatched(Dispatched { lease })
            | State::Running(Running { lease })
            | State::Cancelling(Cancelling { lease, .. }) => Some(*lease),
            State::AwaitingApproval(_) | State::Queued(_) | State::Ended(_) => None,
        }
    }
}

/// `at` + `span`, or the end of time.
pub fn later(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}
