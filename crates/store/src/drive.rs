//! Moving commands: record, cancel, expire, take over.
//!
//! Refuses rules of its own: each move is the model's reducer, run on the locked row inside the
//! transaction that stores what it made.

use crate::clock::micros;
use crate::commands::micros_of;
use crate::engine::{fetch, statements};
use crate::fault_reads::{FaultReading, Kept};
use crate::ledger::Needs;
use crate::row::{self, CommandRow};
use crate::writer::{Turn, Tx, Write};
use crate::{AuditEntry, Store, StoreError, audit};
use model::command::reduce::reduce;
use model::command::{Command, Input, Phase, Refused};
use model::event::Event;
use model::id::{CommandId, NodeId};
use std::time::Duration;
use uuid::Uuid;

/// How many commands one sweep moves at most.
pub(crate) const SWEEP: i64 = 128;

statements! {
    DUE = {
        row::select_commands!("where c.due_at <= $1 order by c.due_at limit ($2 + 0)"),
        postgres: + "for update skip locked"
    }
    LAPSED = {
        row::select_commands!(
            "where c.lease_until is not null and (c.lease_until <= $1 or c.owner = $2)
            order by c.lease_until limit ($3 + 0)"
        ),
        postgres: + "for update skip locked"
    }
    // What another transaction is moving just now is answered and not renewed: that is for the next
    // time, and one command that is stuck in it must not cost the node all its leases.
    RENEW = {
        "update commands set lease_until = $2 where owner = $1 and lease_until is not null
        returning command_id, fence, state, last_sequence > 0, true",
        postgres: "with free as (
            select command_id from commands where owner = $1 and lease_until is not null
            for update skip locked),
        renewed as (
            update commands c set lease_until = $2 from free f where c.command_id = f.command_id)
        select command_id, fence, state, last_sequence > 0,
            command_id in (select command_id from free)
        from commands where owner = $1 and lease_until is not null"
    }
}

/// A claim that a node still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The command.
    pub command_id: CommandId,
    /// The fence of the claim.
    pub fence: i64,
    /// Where the command stands.
    pub phase: Phase,
    /// Whether an answer to it has been stored.
    pub has_answer: bool,
    /// Whether it lasts longer now; a command that is being moved keeps the lease that it has.
    pub is_renewed: bool,
}

/// What came of inputs to a command.
#[derive(Debug)]
pub struct Applied {
    /// The command afterwards.
    pub command: Command,
    /// The events that were appended, in order.
    pub events: Vec<Event>,
    /// Why the first input that was not taken was not; inputs after it were not looked at.
    pub refused: Option<Refused>,
}

impl Store {
    /// Applies inputs to a command, in order, in one transaction. An input that only the owner may
    /// give is refused unless `fence` is the command's. `None`: no such command.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing is stored then, unless the answer of the database was lost.
    pub async fn apply(
        &self,
        command_id: CommandId,
        fence: Option<i64>,
        inputs: Vec<Input>,
        audit: Option<AuditEntry>,
    ) -> Result<Option<Applied>, StoreError> {
        self.write(Apply { command_id, fence, inputs, audit, reading: None }).await
    }

    /// The same for what the owner of a command says, with what that tells of the faults of the vehicle
    /// if it completes the command.
    ///
    /// # Errors
    ///
    /// As of [`Store::apply`].
    pub async fn record(
        &self,
        (command_id, fence): (CommandId, i64),
        inputs: Vec<Input>,
        reading: Option<FaultReading>,
    ) -> Result<Option<Applied>, StoreError> {
        self.write(Apply { command_id, fence: Some(fence), inputs, audit: None, reading }).await
    }

    /// Keeps this node's claims, and answers all that it still holds.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn renew(&self, node: NodeId, lease: Duration) -> Result<Vec<Held>, StoreError> {
        self.write(Renew { node, lease }).await
    }

    /// Applies the rule of every state whose time has come.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn due(&self) -> Result<Vec<Applied>, StoreError> {
        self.write(Due).await
    }

    /// Takes the commands whose lease has ended, and at once those of a node that is known to be
    /// `dead`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn take_over(&self, dead: Option<NodeId>) -> Result<Vec<Applied>, StoreError> {
        self.write(TakeOver { dead }).await
    }
}

/// The command of a row; `None`, and a line in the log, if it does not read as what we write.
pub(crate) fn readable(row: CommandRow) -> Option<Command> {
    let command_id = row.command_id;
    let command = Command::try_from(row);
    command.inspect_err(|error| tracing::error!(%command_id, %error, "skipping a row")).ok()
}

/// Applies inputs to a command that is locked by this transaction. `source`: the name that another
/// program gave to what it said.
pub(crate) fn fold(
    tx: &mut Tx,
    command: Command,
    inputs: Vec<Input>,
    source: Option<&str>,
) -> Applied {
    let before = command.last_offset;
    let mut applied = Applied { command, events: Vec::new(), refused: None };
    for input in inputs {
        match reduce(applied.command.clone(), input, tx.now) {
            Ok(step) => {
                applied.command = step.command;
                applied.events.extend(step.events);
            }
            Err(Refused::Duplicate) => {}
            Err(refused) => {
                applied.refused = Some(refused);
                break;
            }
        }
    }
    if !applied.events.is_empty() {
        tx.ledger.move_on(before, &applied, source);
        if applied.command.is_altered() {
            alarm(tx, &applied.command);
        }
    }
    applied
}

/// Somebody wrote to the row of a command after its approval: that is one for the audit.
fn alarm(tx: &mut Tx, command: &Command) {
    let command_id = command.order.command_id;
    tracing::error!(%command_id, "a command is not the one that was approved");
    audit::note(
        tx,
        &AuditEntry {
            action: "command_altered",
            actor_id: None,
            actor: "system".to_owned(),
            session_hash: None,
            address: None,
            request_id: None,
            object: format!("command/{command_id}"),
            outcome: "fail",
            reason: None,
            details: None,
        },
    );
}

struct Apply {
    command_id: CommandId,
    fence: Option<i64>,
    inputs: Vec<Input>,
    audit: Option<AuditEntry>,
    reading: Option<FaultReading>,
}

impl Write for Apply {
    type Done = Option<Applied>;

    fn ask(&self, needs: &mut Needs) {
        needs.command(self.command_id);
    }

    async fn run(&self, tx: &mut Tx) -> Result<Option<Applied>, StoreError> {
        let Some(command) = tx.ledger.command(self.command_id)? else {
            return Ok(None);
        };
        let is_owners = self.inputs.iter().any(Input::is_owners);
        if is_owners && self.fence != Some(command.fence) {
            let refused = Some(Refused::Fenced);
            return Ok(Some(Applied { command, events: Vec::new(), refused }));
        }
        let applied = fold(tx, command, self.inputs.clone(), None);
        if let Some(entry) = &self.audit
            && !applied.events.is_empty()
        {
            audit::note(tx, entry);
        }
        if let Some(reading) = &self.reading
            && !applied.events.is_empty()
            && applied.command.phase() == Phase::Completed
        {
            let order = &applied.command.order;
            let (vehicle_id, command_id) = (order.vehicle_id, order.command_id);
            tx.ledger.readings.push(Kept { vehicle_id, command_id, reading: reading.clone() });
        }
        Ok(Some(applied))
    }
}

struct Renew {
    node: NodeId,
    lease: Duration,
}

impl Write for Renew {
    type Done = Vec<Held>;

    fn turn(&self) -> Turn {
        Turn::Sweep
    }

    async fn run(&self, tx: &mut Tx) -> Result<Self::Done, StoreError> {
        let until = micros(tx.now).saturating_add(micros_of(self.lease));
        let rows = fetch!(
            &mut tx.conn,
            RENEW,
            [Uuid::from(self.node), until],
            fetch_all as (Uuid, i64, String, bool, bool)
        )?;
        rows.into_iter()
            .map(|(id, fence, state, has_answer, is_renewed)| {
                let phase = Phase::from_word(&state).ok_or(StoreError::Corrupt("command"))?;
                Ok(Held { command_id: id.into(), fence, phase, has_answer, is_renewed })
            })
            .collect()
    }
}

struct Due;

impl Write for Due {
    type Done = Vec<Applied>;

    fn turn(&self) -> Turn {
        Turn::Sweep
    }

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Applied>, StoreError> {
        let now = micros(tx.now);
        let rows = fetch!(&mut tx.conn, DUE, [now, SWEEP], fetch_all as CommandRow)?;
        Ok(each(tx, rows, &Input::Due))
    }
}

struct TakeOver {
    dead: Option<NodeId>,
}

impl Write for TakeOver {
    type Done = Vec<Applied>;

    fn turn(&self) -> Turn {
        Turn::Sweep
    }

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Applied>, StoreError> {
        let now = micros(tx.now);
        let dead = self.dead.map(Uuid::from);
        let rows = fetch!(&mut tx.conn, LAPSED, [now, dead, SWEEP], fetch_all as CommandRow)?;
        Ok(each(tx, rows, &Input::Lost))
    }
}

/// One row that cannot be read must not stop the timers of all others.
fn each(tx: &mut Tx, rows: Vec<CommandRow>, input: &Input) -> Vec<Applied> {
    let commands = rows.into_iter().filter_map(readable);
    commands.map(|command| fold(tx, command, vec![input.clone()], None)).collect()
}
