//! One command that lives through inputs, told as a chain of verbs.

use fleetwire_model::Timestamp;
use fleetwire_model::command::reduce::{accept, reduce};
use fleetwire_model::command::{
    Command, Decider, ErrorCode, Input, Lease, Order, Outcome, Phase, Refused, Risk, State,
};
use fleetwire_model::event::{Event, Kind};
use fleetwire_model::id::{CommandId, NodeId, ResponseId, UserId, VehicleId};
use serde_json::value::RawValue;
use std::time::Duration;
use uuid::Uuid;

pub(crate) const DELIVER_WITHIN: Duration = Duration::from_mins(1);
pub(crate) const APPROVE_WITHIN: Duration = Duration::from_mins(15);
pub(crate) const RUN_TIMEOUT: Duration = Duration::from_secs(30);
/// Its lower half decides about the pauses between attempts.
const COMMAND: u128 = 0x019a_bc00_0000_7000_8d5e_7b1c_93a4_f206;
/// Everything that a machine must not send twice.
pub(crate) const WRITES: [Risk; 3] = [Risk::R1, Risk::R2, Risk::R3];

#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) command: Command,
    pub(crate) now: Timestamp,
    pub(crate) log: Vec<Event>,
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) fn order(risk: Risk) -> Order {
    let submitted_at: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    Order {
        command_id: CommandId::from(Uuid::from_u128(COMMAND)),
        vehicle_id: VehicleId::from(Uuid::from_u128(0x02)),
        user_id: UserId::from(Uuid::from_u128(0x03)),
        name: "ReadDTC".to_owned(),
        params: json("{}"),
        risk,
        reason: None,
        priority: 0,
        submitted_at,
        approve_by: None,
        deliver_by: submitted_at + DELIVER_WITHIN,
        run_timeout: RUN_TIMEOUT,
        trace_id: None,
    }
}

/// The same, where a second person is needed.
pub(crate) fn delicate(risk: Risk) -> Order {
    let order = order(risk);
    let approve_by = order.submitted_at + APPROVE_WITHIN;
    Order { approve_by: Some(approve_by), deliver_by: approve_by + DELIVER_WITHIN, ..order }
}

/// Somebody else than whoever ordered.
pub(crate) fn anna() -> Decider {
    Decider { user_id: UserId::from(Uuid::from_u128(0x05)), name: "anna".to_owned() }
}

pub(crate) fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

pub(crate) fn part(part: u32, is_final: bool) -> Input {
    let response_id = ResponseId::from(Uuid::from_u128(0x100 + u128::from(part)));
    Input::Part { part, is_final, response_id, payload: json(r#"{"dtcs":[]}"#) }
}

pub(crate) fn cancel() -> Input {
    Input::Cancel { by: "erika".to_owned() }
}

impl Life {
    pub(crate) fn of(order: Order) -> Self {
        let now = order.submitted_at;
        let step = accept(order);
        Self { command: step.command, now, log: step.events }
    }

    pub(crate) fn queued(risk: Risk) -> Self {
        Self::of(order(risk))
    }

    pub(crate) fn awaiting(risk: Risk) -> Self {
        Self::of(delicate(risk))
    }

    /// What anna says when she permits the command that she sees.
    pub(crate) fn approval(&self) -> Input {
        Input::Approve { hash: self.command.approval_hash().unwrap(), by: anna() }
    }

    pub(crate) fn approved(self) -> Self {
        let approval = self.approval();
        self.takes(approval)
    }

    pub(crate) fn dispatched(risk: Risk) -> Self {
        Self::queued(risk).claimed()
    }

    pub(crate) fn running(risk: Risk) -> Self {
        Self::dispatched(risk).takes(Input::Start)
    }

    pub(crate) fn cancelling(risk: Risk) -> Self {
        Self::running(risk).takes(cancel())
    }

    pub(crate) fn claimed(self) -> Self {
        let lease = self.lease();
        self.takes(Input::Claim(lease))
    }

    pub(crate) fn lease(&self) -> Lease {
        Lease { owner: NodeId::from(Uuid::from_u128(0x04)), until: self.now + seconds(6) }
    }

    pub(crate) fn after(mut self, span: Duration) -> Self {
        self.now += span;
        self
    }

    /// Waits until the next attempt may begin, and begins it.
    pub(crate) fn retried(mut self) -> Self {
        self.now = self.not_before().unwrap();
        self.claimed().takes(Input::Start)
    }

    /// Waits until `due_at`, and applies its rule.
    pub(crate) fn overdue(mut self) -> Self {
        self.now = self.command.due_at().unwrap();
        self.takes(Input::Due)
    }

    pub(crate) fn takes(mut self, input: Input) -> Self {
        self.offer(input).unwrap();
        self
    }

    pub(crate) fn offer(&mut self, input: Input) -> Result<(), Refused> {
        let step = reduce(self.command.clone(), input, self.now)?;
        self.command = step.command;
        self.log.extend(step.events);
        Ok(())
    }

    pub(crate) fn refuses(&self, input: Input) -> Refused {
        self.clone().offer(input).unwrap_err()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.command.phase()
    }

    /// How it ended; `None` for a code means completed.
    pub(crate) fn end(&self) -> (Phase, Option<ErrorCode>) {
        let State::Ended(ended) = &self.command.state else { panic!("still {:?}", self.phase()) };
        match &ended.outcome {
            Outcome::Completed => (Phase::Completed, None),
            Outcome::Failed(failure) => (failure.phase, Some(failure.code)),
        }
    }

    pub(crate) fn not_before(&self) -> Option<Timestamp> {
        match &self.command.state {
            State::Queued(queued) => queued.not_before,
            State::AwaitingApproval(_)
            | State::Dispatched(_)
            | State::Running(_)
            | State::Cancelling(_)
            | State::Ended(_) => None,
        }
    }

    /// How long after acceptance the rule of its state is applied.
    pub(crate) fn due_after(&self) -> Option<Duration> {
        let due_at = self.command.due_at()?;
        Some(due_at.duration_since(self.command.order.submitted_at).unsigned_abs())
    }

    pub(crate) fn kinds(&self) -> Vec<Kind> {
        self.log.iter().map(|event| event.kind).collect()
    }

    pub(crate) fn newest_frame(&self) -> &str {
        &self.log.last().unwrap().frame
    }
}
