//! How a command stands in its row.
//!
//! Refuses to guess: a row that does not read as what we write is an error.

use crate::StoreError;
use crate::clock::{micros, time};
use crate::engine::{Engine, answered, statements};
use crate::writer::Tx;
use model::Timestamp;
use model::command::{
    Cancelling, Command, Dispatched, Ended, ErrorCode, Failure, Lease, Order, Outcome, Phase,
    Queued, Risk, Running, State, Step,
};
use model::event::{Event, Kind};
use model::id::{CommandId, NodeId};
use serde_json::value::RawValue;
use sqlx::SqliteConnection;
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
                c.error_code, c.error_message
            from commands c ",
            $rest
        )
    };
}
pub(crate) use select_commands;

macro_rules! insert_command {
    () => {
        "insert into commands (
            command_id, vehicle_id, user_id, name, params, risk, reason, priority,
            submitted_at, deliver_by, run_timeout_us, trace_id,
            state, attempt, fence, due_at, last_offset, last_sequence, last_part)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0, $14, $15, 0, 0)"
    };
}

macro_rules! update_command {
    () => {
        "update commands set
            state = $3, attempt = $4, started_at = $5, not_before = $6, cancel_until = $7,
            owner = $8, lease_until = $9, fence = $10, due_at = $11,
            last_offset = $12, last_sequence = $13, last_part = $14,
            completed_at = $15, error_code = $16, error_message = $17
        where command_id = $1 and last_offset = $2 and due_at is not null"
    };
}

macro_rules! insert_events {
    () => {
        "insert into events (command_id, event_offset, kind, sequence_number, attempt, part,
            recorded_at, frame_bytes, frame, source)"
    };
}

/// A change of one command, and its events, in one statement. PostgreSQL only: every round trip of
/// a transaction is paid for by all who share it.
macro_rules! with_events {
    ($change:expr, $events:literal) => {
        concat!(
            "with changed as (",
            $change,
            " returning command_id) ",
            insert_events!(),
            " select c.command_id, e.event_offset, e.kind, e.sequence_number, e.attempt, e.part,
                e.recorded_at, e.frame_bytes, e.frame, e.source
            from changed c, unnest(",
            $events,
            ") as e (event_offset, kind, sequence_number, attempt, part, recorded_at,
                frame_bytes, frame, source)"
        )
    };
}

statements! {
    INSERT = {
        insert_command!(),
        postgres: with_events!(
            insert_command!(),
            "cast($16 as bigint[]), cast($17 as text[]), cast($18 as integer[]),
            cast($19 as integer[]), cast($20 as integer[]), cast($21 as bigint[]),
            cast($22 as integer[]), cast($23 as text[]), cast($24 as text[])"
        )
    }
    UPDATE = {
        update_command!(),
        postgres: with_events!(
            update_command!(),
            "cast($18 as bigint[]), cast($19 as text[]), cast($20 as integer[]),
            cast($21 as integer[]), cast($22 as integer[]), cast($23 as bigint[]),
            cast($24 as integer[]), cast($25 as text[]), cast($26 as text[])"
        )
    }
}

/// One event on SQLite, where a statement costs no round trip.
const APPEND: &str = concat!(insert_events!(), " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");

/// A row of `commands`.
#[derive(sqlx::FromRow)]
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
}

impl TryFrom<CommandRow> for Command {
    type Error = StoreError;

    fn try_from(row: CommandRow) -> Result<Self, StoreError> {
        const CORRUPT: StoreError = StoreError::Corrupt("command");
        let state = state(&row).ok_or(CORRUPT)?;
        Ok(Self {
            state,
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
        deliver_by: time(row.deliver_by),
        run_timeout: Duration::from_micros(row.run_timeout_us.try_into().ok()?),
        trace_id: row.trace_id,
    })
}

fn state(row: &CommandRow) -> Option<State> {
    let lease = || {
        let until = row.lease_until.map(time)?;
        Some(Lease { owner: row.owner.map(NodeId::from)?, until })
    };
    let phase = Phase::from_word(&row.state)?;
    Some(match phase {
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

/// The columns that a state fills.
#[derive(Default)]
struct StateColumns<'a> {
    not_before: Option<Timestamp>,
    cancel_until: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    failure: Option<&'a Failure>,
}

impl<'a> From<&'a State> for StateColumns<'a> {
    fn from(state: &'a State) -> Self {
        match state {
            State::Queued(queued) => Self { not_before: queued.not_before, ..Self::default() },
            State::Dispatched(_) | State::Running(_) => Self::default(),
            State::Cancelling(state) => Self { cancel_until: Some(state.until), ..Self::default() },
            State::Ended(ended) => {
                let failure = match &ended.outcome {
                    Outcome::Completed => None,
                    Outcome::Failed(failure) => Some(failure),
                };
                Self { completed_at: Some(ended.at), failure, ..Self::default() }
            }
        }
    }
}

/// What is added to a log.
pub(crate) struct Entries<'a> {
    /// In order.
    pub(crate) events: &'a [Event],
    /// The name that another program gave to what made them.
    pub(crate) source: Option<&'a str>,
}

/// The same as PostgreSQL takes it: an array for each column.
#[derive(Default)]
struct Columns<'a> {
    offsets: Vec<i64>,
    kinds: Vec<&'static str>,
    sequences: Vec<Option<i32>>,
    attempts: Vec<i32>,
    parts: Vec<Option<i32>>,
    times: Vec<i64>,
    sizes: Vec<i32>,
    frames: Vec<&'a str>,
    sources: Vec<Option<&'a str>>,
}

impl<'a> Entries<'a> {
    /// Each event with the source where it belongs: at what was said, not at what it led to.
    fn named(&self) -> impl Iterator<Item = (&'a Event, Option<&'a str>)> {
        let says = |event: &Event| matches!(event.kind, Kind::Response | Kind::Error);
        let said = self.events.iter().position(says).or(self.events.len().checked_sub(1));
        let source = self.source;
        let name = move |index| source.filter(|_| Some(index) == said);
        self.events.iter().enumerate().map(move |(index, event)| (event, name(index)))
    }

    fn columns(&self) -> Columns<'a> {
        let mut columns = Columns::default();
        for (event, source) in self.named() {
            columns.offsets.push(signed(event.offset));
            columns.kinds.push(event.kind.word());
            columns.sequences.push(event.sequence_number.map(narrow));
            columns.attempts.push(narrow(event.attempt));
            columns.parts.push(event.part.map(narrow));
            columns.times.push(micros(event.recorded_at));
            columns.sizes.push(size(event));
            columns.frames.push(&event.frame);
            columns.sources.push(source);
        }
        columns
    }

    async fn append(&self, conn: &mut SqliteConnection, id: CommandId) -> Result<(), StoreError> {
        for (event, source) in self.named() {
            sqlx::query(APPEND)
                .bind(Uuid::from(id))
                .bind(signed(event.offset))
                .bind(event.kind.word())
                .bind(event.sequence_number.map(narrow))
                .bind(narrow(event.attempt))
                .bind(event.part.map(narrow))
                .bind(micros(event.recorded_at))
                .bind(size(event))
                .bind(&event.frame)
                .bind(source)
                .execute(&mut *conn)
                .await?;
        }
        Ok(())
    }
}

/// Changes a command and appends the events of the change.
macro_rules! change {
    ($tx:expr, $sql:expr, $id:expr, [$($bind:expr),* $(,)?], $entries:expr) => {
        match &mut $tx.conn {
            Engine::Sqlite(conn) => {
                let change = sqlx::query($sql.sqlite)$(.bind($bind))*;
                one(change.execute(&mut *conn).await?.rows_affected(), 1)?;
                $entries.append(conn, $id).await
            }
            Engine::Postgres(conn) => {
                let columns = $entries.columns();
                let change = sqlx::query($sql.postgres)$(.bind($bind))*
                    .bind(columns.offsets)
                    .bind(columns.kinds)
                    .bind(columns.sequences)
                    .bind(columns.attempts)
                    .bind(columns.parts)
                    .bind(columns.times)
                    .bind(columns.sizes)
                    .bind(columns.frames)
                    .bind(columns.sources);
                let appended = answered(change.execute(conn)).await?.rows_affected();
                one(appended, $entries.events.len())
            }
        }
    };
}

/// One command was changed: so many rows came of it.
fn one(rows: u64, expected: usize) -> Result<(), StoreError> {
    if usize::try_from(rows) == Ok(expected) { Ok(()) } else { Err(StoreError::Corrupt("command")) }
}

/// Stores a newly accepted command with its first events.
pub(crate) async fn insert(tx: &mut Tx, step: &Step) -> Result<(), StoreError> {
    let Command { order, .. } = &step.command;
    let entries = Entries { events: &step.events, source: None };
    change!(
        tx,
        INSERT,
        order.command_id,
        [
            Uuid::from(order.command_id),
            Uuid::from(order.vehicle_id),
            Uuid::from(order.user_id),
            &order.name,
            order.params.get(),
            order.risk.level(),
            order.reason.as_deref(),
            order.priority,
            micros(order.submitted_at),
            micros(order.deliver_by),
            i64::try_from(order.run_timeout.as_micros()).unwrap_or(i64::MAX),
            order.trace_id.as_deref(),
            step.command.phase().word(),
            step.command.due_at().map(micros),
            signed(step.command.last_offset),
        ],
        entries
    )
}

/// Stores what one or more inputs made of a command whose newest event was `before`.
///
/// The `where` clause repeats two of the model's rules where other nodes can see them: the log has
/// no gaps, and nothing follows the end.
pub(crate) async fn update(
    tx: &mut Tx,
    before: u64,
    command: &Command,
    entries: &Entries<'_>,
) -> Result<(), StoreError> {
    let columns = StateColumns::from(&command.state);
    let lease = command.lease();
    change!(
        tx,
        UPDATE,
        command.order.command_id,
        [
            Uuid::from(command.order.command_id),
            signed(before),
            command.phase().word(),
            narrow(command.attempt),
            command.started_at.map(micros),
            columns.not_before.map(micros),
            columns.cancel_until.map(micros),
            lease.map(|lease| Uuid::from(lease.owner)),
            lease.map(|lease| micros(lease.until)),
            command.fence,
            command.due_at().map(micros),
            signed(command.last_offset),
            narrow(command.last_sequence),
            narrow(command.last_part),
            columns.completed_at.map(micros),
            columns.failure.map(|failure| failure.code.word()),
            columns.failure.map(|failure| failure.message.as_str()),
        ],
        entries
    )
}

fn size(event: &Event) -> i32 {
    i32::try_from(event.frame.len()).unwrap_or(i32::MAX)
}

/// An offset as both databases store it.
pub(crate) fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

fn narrow(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
