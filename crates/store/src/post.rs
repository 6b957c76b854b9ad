//! Storing what a transaction has decided: a statement for each table, whatever is in it.
//!
//! Refuses what another node has made impossible: the log has no gaps, and nothing follows the end.

use crate::StoreError;
use crate::clock::micros;
use crate::commands::micros_of;
use crate::engine::{Conn, execute_each, statements};
use crate::ledger::{Entry, Move};
use crate::row::signed;
use model::Timestamp;
use model::command::{Command, Failure, Outcome, State};
use model::event::Event;
use uuid::Uuid;

macro_rules! insert_commands {
    ($rows:literal) => {
        concat!(
            "insert into commands (
                command_id, vehicle_id, user_id, name, params, risk, reason, priority,
                submitted_at, deliver_by, run_timeout_us, trace_id, state, due_at, last_offset,
                approve_by, attempt, fence, last_sequence, last_part) ",
            $rows
        )
    };
}

macro_rules! insert_events {
    ($rows:literal) => {
        concat!(
            "insert into events (command_id, event_offset, kind, sequence_number, attempt, part,
                recorded_at, frame_bytes, frame, source) ",
            $rows
        )
    };
}

statements! {
    ACCEPT = {
        insert_commands!(
            "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
                0, 0, 0, 0)"
        ),
        postgres: insert_commands!(
            "select n.command_id, n.vehicle_id, n.user_id, n.name, n.params, n.risk, n.reason,
                n.priority, n.submitted_at, n.deliver_by, n.run_timeout_us, n.trace_id, n.state,
                n.due_at, n.last_offset, n.approve_by, 0, 0, 0, 0
            from unnest(
                cast($1 as uuid[]), cast($2 as uuid[]), cast($3 as uuid[]), cast($4 as text[]),
                cast($5 as text[]), cast($6 as smallint[]), cast($7 as text[]),
                cast($8 as smallint[]), cast($9 as bigint[]), cast($10 as bigint[]),
                cast($11 as bigint[]), cast($12 as text[]), cast($13 as text[]),
                cast($14 as bigint[]), cast($15 as bigint[]), cast($16 as bigint[])
            ) as n (command_id, vehicle_id, user_id, name, params, risk, reason, priority,
                submitted_at, deliver_by, run_timeout_us, trace_id, state, due_at, last_offset,
                approve_by)"
        )
    }
    // The condition repeats two of the model's rules where other nodes can see them.
    MOVE = {
        "update commands set
            state = $3, attempt = $4, started_at = $5, not_before = $6, cancel_until = $7,
            owner = $8, lease_until = $9, fence = $10, due_at = $11,
            last_offset = $12, last_sequence = $13, last_part = $14,
            completed_at = $15, error_code = $16, error_message = $17
        where command_id = $1 and last_offset = $2 and completed_at is null",
        postgres: "update commands c set
            state = m.state, attempt = m.attempt, started_at = m.started_at,
            not_before = m.not_before, cancel_until = m.cancel_until, owner = m.owner,
            lease_until = m.lease_until, fence = m.fence, due_at = m.due_at,
            last_offset = m.last_offset, last_sequence = m.last_sequence,
            last_part = m.last_part, completed_at = m.completed_at,
            error_code = m.error_code, error_message = m.error_message
        from unnest(
            cast($1 as uuid[]), cast($2 as bigint[]), cast($3 as text[]), cast($4 as integer[]),
            cast($5 as bigint[]), cast($6 as bigint[]), cast($7 as bigint[]), cast($8 as uuid[]),
            cast($9 as bigint[]), cast($10 as bigint[]), cast($11 as bigint[]),
            cast($12 as bigint[]), cast($13 as integer[]), cast($14 as integer[]),
            cast($15 as bigint[]), cast($16 as text[]), cast($17 as text[])
        ) as m (command_id, stored_offset, state, attempt, started_at, not_before, cancel_until,
            owner, lease_until, fence, due_at, last_offset, last_sequence, last_part,
            completed_at, error_code, error_message)
        where c.command_id = any(cast($1 as uuid[])) and c.command_id = m.command_id
            and c.last_offset = m.stored_offset and c.completed_at is null"
    }
    DECIDE = {
        "update commands set deliver_by = $2, decided_by = $3, decider = $4, decided_at = $5,
            approval_hash = $6
        where command_id = $1",
        postgres: "update commands c set deliver_by = d.deliver_by, decided_by = d.decided_by,
            decider = d.decider, decided_at = d.decided_at, approval_hash = d.approval_hash
        from unnest(
            cast($1 as uuid[]), cast($2 as bigint[]), cast($3 as uuid[]), cast($4 as text[]),
            cast($5 as bigint[]), cast($6 as text[])
        ) as d (command_id, deliver_by, decided_by, decider, decided_at, approval_hash)
        where c.command_id = any(cast($1 as uuid[])) and c.command_id = d.command_id"
    }
    APPEND = {
        insert_events!("values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"),
        postgres: insert_events!(
            "select e.command_id, e.event_offset, e.kind, e.sequence_number, e.attempt, e.part,
                e.recorded_at, e.frame_bytes, e.frame, e.source
            from unnest(
                cast($1 as uuid[]), cast($2 as bigint[]), cast($3 as text[]),
                cast($4 as integer[]), cast($5 as integer[]), cast($6 as integer[]),
                cast($7 as bigint[]), cast($8 as integer[]), cast($9 as text[]),
                cast($10 as text[])
            ) as e (command_id, event_offset, kind, sequence_number, attempt, part,
                recorded_at, frame_bytes, frame, source)"
        )
    }
}

/// Stores newly accepted commands.
pub(crate) async fn accepted(conn: &mut Conn, commands: &[Command]) -> Result<(), StoreError> {
    let stored = execute_each!(conn, ACCEPT, commands, |command| [
        Uuid::from(command.order.command_id),
        Uuid::from(command.order.vehicle_id),
        Uuid::from(command.order.user_id),
        command.order.name.as_str(),
        command.order.params.get(),
        command.order.risk.level(),
        command.order.reason.as_deref(),
        command.order.priority,
        micros(command.order.submitted_at),
        micros(command.order.deliver_by),
        micros_of(command.order.run_timeout),
        command.order.trace_id.as_deref(),
        command.phase().word(),
        command.due_at().map(micros),
        signed(command.last_offset),
        command.order.approve_by.map(micros),
    ]);
    all(stored, commands.len())
}

/// Stores how commands stand.
pub(crate) async fn moves(conn: &mut Conn, moves: &[Move<'_>]) -> Result<(), StoreError> {
    let stored = execute_each!(conn, MOVE, moves, |moved| [
        Uuid::from(moved.command.order.command_id),
        signed(moved.before),
        moved.command.phase().word(),
        narrow(moved.command.attempt),
        moved.command.started_at.map(micros),
        not_before(moved.command).map(micros),
        cancel_until(moved.command).map(micros),
        moved.command.lease().map(|lease| Uuid::from(lease.owner)),
        moved.command.lease().map(|lease| micros(lease.until)),
        moved.command.fence,
        moved.command.due_at().map(micros),
        signed(moved.command.last_offset),
        narrow(moved.command.last_sequence),
        narrow(moved.command.last_part),
        completed_at(moved.command).map(micros),
        failure(moved.command).map(|failure| failure.code.word()),
        failure(moved.command).map(|failure| failure.message.as_str()),
    ]);
    all(stored, moves.len())
}

/// Stores what second persons decided, and the deadlines that this gave.
pub(crate) async fn decisions(conn: &mut Conn, decided: &[&Command]) -> Result<(), StoreError> {
    let stored = execute_each!(conn, DECIDE, decided, |command| [
        Uuid::from(command.order.command_id),
        micros(command.order.deliver_by),
        command.decision.as_ref().map(|decision| Uuid::from(decision.user_id)),
        command.decision.as_ref().map(|decision| decision.name.as_str()),
        command.decision.as_ref().map(|decision| micros(decision.at)),
        command.decision.as_ref().and_then(|it| it.approved).map(|hash| hash.to_string()),
    ]);
    all(stored, decided.len())
}

/// Appends to logs.
pub(crate) async fn entries(conn: &mut Conn, entries: &[Entry]) -> Result<(), StoreError> {
    let stored = execute_each!(conn, APPEND, entries, |entry| [
        Uuid::from(entry.command_id),
        signed(entry.event.offset),
        entry.event.kind.word(),
        entry.event.sequence_number.map(narrow),
        narrow(entry.event.attempt),
        entry.event.part.map(narrow),
        micros(entry.event.recorded_at),
        size(&entry.event),
        entry.event.frame.as_str(),
        entry.source.as_deref(),
    ]);
    all(stored, entries.len())
}

/// Every one was stored: it stood as it was believed to.
fn all(rows: u64, expected: usize) -> Result<(), StoreError> {
    if usize::try_from(rows) == Ok(expected) { Ok(()) } else { Err(StoreError::Corrupt("command")) }
}

fn not_before(command: &Command) -> Option<Timestamp> {
    match &command.state {
        State::Queued(queued) => queued.not_before,
        State::AwaitingApproval(_)
        | State::Dispatched(_)
        | State::Running(_)
        | State::Cancelling(_)
        | State::Ended(_) => None,
    }
}

fn cancel_until(command: &Command) -> Option<Timestamp> {
    match &command.state {
        State::Cancelling(cancelling) => Some(cancelling.until),
        State::AwaitingApproval(_)
        | State::Queued(_)
        | State::Dispatched(_)
        | State::Running(_)
        | State::Ended(_) => None,
    }
}

fn completed_at(command: &Command) -> Option<Timestamp> {
    match &command.state {
        State::Ended(ended) => Some(ended.at),
        State::AwaitingApproval(_)
        | State::Queued(_)
        | State::Dispatched(_)
        | State::Running(_)
        | State::Cancelling(_) => None,
    }
}

fn failure(command: &Command) -> Option<&Failure> {
    match &command.state {
        State::Ended(ended) => match &ended.outcome {
            Outcome::Completed => None,
            Outcome::Failed(failure) => Some(failure),
        },
        State::AwaitingApproval(_)
        | State::Queued(_)
        | State::Dispatched(_)
        | State::Running(_)
        | State::Cancelling(_) => None,
    }
}

fn size(event: &Event) -> i32 {
    i32::try_from(event.frame.len()).unwrap_or(i32::MAX)
}

fn narrow(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
