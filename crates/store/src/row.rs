//! How a command stands in its row.
//!
//! Refuses to guess: a row that does not read as what we write is an error.

use crate::StoreError;
use crate::clock::time;
use crate::engine::row;
use model::command::{
    AwaitingApproval, Cancelling, Command, Decision, Dispatched, Ended, ErrorCode, Failure, Lease,
    Order, Outcome, Phase, Queued, Risk, Running, State,
};
use model::id::{NodeId, UserId};
use serde_json::value::RawValue;
use std::time::Duration;
use uuid::Uuid;

/// Selects commands with the columns of a [`CommandRow`], from a table called `c`.
///
/// Every column by its name: PostgreSQL refuses to go on with a prepared `select *` once a newer
/// node has added a column.
macro_rules! select_commands {
    ($rest:literal) => {
        concat!(
            "select c.command_id, c.vehicle_id, c.user_id, c.name, c.params, c.risk, c.reason,
                c.priority, c.submitted_at, c.deliver_by, c.run_timeout_us, c.trace_id, c.state,
                c.attempt, c.started_at, c.not_before, c.cancel_until, c.owner, c.lease_until,
                c.fence, c.last_offset, c.last_sequence, c.last_part, c.completed_at,
                c.error_code, c.error_message, c.approve_by, c.decided_by, c.decider,
                c.decided_at, c.approval_hash
            from commands c ",
            $rest
        )
    };
}
pub(crate) use select_commands;

row! {
    /// A row of `commands`.
    pub(crate) struct CommandRow {
        pub(crate) command_id: Uuid,
        pub(crate) vehicle_id: Uuid,
        pub(crate) user_id: Uuid,
        name: String,
        params: String,
        risk: i16,
        reason: Option<String>,
        priority: i16,
        submitted_at: i64,
        deliver_by: i64,
        run_timeout_us: i64,
        trace_id: Option<String>,
        state: String,
        attempt: i32,
        started_at: Option<i64>,
        not_before: Option<i64>,
        cancel_until: Option<i64>,
        owner: Option<Uuid>,
        lease_until: Option<i64>,
        fence: i64,
        last_offset: i64,
        last_sequence: i32,
        last_part: i32,
        completed_at: Option<i64>,
        error_code: Option<String>,
        error_message: Option<String>,
        approve_by: Option<i64>,
        decided_by: Option<Uuid>,
        decider: Option<String>,
        decided_at: Option<i64>,
        approval_hash: Option<String>,
    }
}

impl TryFrom<CommandRow> for Command {
    type Error = StoreError;

    fn try_from(row: CommandRow) -> Result<Self, StoreError> {
        const CORRUPT: StoreError = StoreError::Corrupt("command");
        let state = state(&row).ok_or(CORRUPT)?;
        let decision = row.decided_by.map(|by| decision(&row, by.into()).ok_or(CORRUPT));
        Ok(Self {
            state,
            decision: decision.transpose()?,
            attempt: row.attempt.try_into().map_err(|_| CORRUPT)?,
            started_at: row.started_at.map(time),
            fence: row.fence,
            last_offset: row.last_offset.try_into().map_err(|_| CORRUPT)?,
            last_sequence: row.last_sequence.try_into().map_err(|_| CORRUPT)?,
            last_part: row.last_part.try_into().map_err(|_| CORRUPT)?,
            order: order(row).ok_or(CORRUPT)?,
        })
    }
}

fn order(row: CommandRow) -> Option<Order> {
    Some(Order {
        command_id: row.command_id.into(),
        vehicle_id: row.vehicle_id.into(),
        user_id: row.user_id.into(),
        name: row.name,
        params: RawValue::from_string(row.params).ok()?,
        risk: Risk::from_level(row.risk),
        reason: row.reason,
        priority: row.priority,
        submitted_at: time(row.submitted_at),
        approve_by: row.approve_by.map(time),
        deliver_by: time(row.deliver_by),
        run_timeout: Duration::from_micros(row.run_timeout_us.try_into().ok()?),
        trace_id: row.trace_id,
    })
}

fn decision(row: &CommandRow, user_id: UserId) -> Option<Decision> {
    let approved = match &row.approval_hash {
        Some(hash) => Some(hash.parse().ok()?),
        None => None,
    };
    Some(Decision { user_id, name: row.decider.clone()?, at: time(row.decided_at?), approved })
}

fn state(row: &CommandRow) -> Option<State> {
    let lease = || {
        let until = row.lease_until.map(time)?;
        Some(Lease { owner: row.owner.map(NodeId::from)?, until })
    };
    let phase = Phase::from_word(&row.state)?;
    Some(match phase {
        Phase::AwaitingApproval => {
            row.approve_by?;
            State::AwaitingApproval(AwaitingApproval)
        }
        Phase::Queued => State::Queued(Queued { not_before: row.not_before.map(time) }),
        Phase::Dispatched => State::Dispatched(Dispatched { lease: lease()? }),
        Phase::Running => State::Running(Running { lease: lease()? }),
        Phase::Cancelling => {
            State::Cancelling(Cancelling { lease: lease()?, until: time(row.cancel_until?) })
        }
        Phase::Completed => ended(row, Outcome::Completed)?,
        Phase::Failed | Phase::Rejected | Phase::Cancelled | Phase::Expired | Phase::Unknown => {
            let code = ErrorCode::from_word(row.error_code.as_deref()?)?;
            let message = row.error_message.clone()?;
            ended(row, Outcome::Failed(Failure { phase, code, message }))?
        }
    })
}

fn ended(row: &CommandRow, outcome: Outcome) -> Option<State> {
    Some(State::Ended(Ended { outcome, at: time(row.completed_at?) }))
}

/// An offset as both databases store it.
pub(crate) fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}
