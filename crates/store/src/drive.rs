//! Moving commands: claim, record, cancel, expire, take over.
//!
//! Refuses rules of its own: each move is the model's reducer, run on the locked row inside the
//! transaction that stores what it made.

use crate::clock::micros;
use crate::commands::micros_of;
use crate::engine::{fetch, statements};
use crate::row::{self, CommandRow};
use crate::vehicles::VehicleRow;
use crate::writer::{Tx, Write};
use crate::{AuditEntry, Store, StoreError, audit};
use model::command::reduce::reduce;
use model::command::turn::{self, Waiting};
use model::command::{Command, Input, Lease, Phase, Refused, State, later};
use model::event::Event;
use model::id::{CommandId, NodeId, VehicleId};
use model::vehicle::{ConnectionStatus, Vehicle};
use std::time::Duration;
use uuid::Uuid;

/// How many commands one sweep moves at most.
const SWEEP: i64 = 128;

statements! {
    LOCK_COMMAND = { "select * from commands where command_id = $1", postgres: + "for update" }
    VEHICLES_WAITING = {
        "select distinct c.vehicle_id from commands c
        join vehicles v on v.vehicle_id = c.vehicle_id
        where c.state = 'queued' and c.due_at > $1 and (c.not_before is null or c.not_before <= $1)
            and (v.connection_status = 'connected' or (c.started_at is not null and c.risk = 0))
        limit $2"
    }
    LOCK_VEHICLE = {
        "select * from vehicles where vehicle_id = $1",
        postgres: + "for update skip locked"
    }
    // The newest commands of a vehicle with a long queue need not be looked at yet.
    OPEN = {
        "select * from commands where vehicle_id = $1 and due_at is not null
        order by (state = 'queued'), priority desc, command_id limit 64",
        postgres: + "for update"
    }
    DUE = {
        "select * from commands where due_at <= $1 order by due_at limit $2",
        postgres: + "for update skip locked"
    }
    LAPSED = {
        "select * from commands where lease_until is not null
            and (lease_until <= $1 or owner = $2) order by lease_until limit $3",
        postgres: + "for update skip locked"
    }
    RENEW = {
        "update commands set lease_until = $2 where owner = $1 and lease_until is not null
        returning command_id, state"
    }
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

/// A command that this node drives from now on.
#[derive(Debug)]
pub struct Claimed {
    /// The command, running.
    pub command: Command,
    /// Its vehicle.
    pub vehicle: Vehicle,
    /// The events that the claim appended.
    pub events: Vec<Event>,
}

/// How far a claim reaches.
#[derive(Debug, Clone)]
pub enum Reach {
    /// Every vehicle that something waits for.
    All,
    /// These.
    Vehicles(Vec<VehicleId>),
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
        self.write(Apply { command_id, fence, inputs, audit }).await
    }

    /// Takes commands whose turn it is, up to `limit`, and starts them. Both moves, and so the
    /// word "running", are durable before anything is sent.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing is claimed then, unless the answer of the database was lost.
    pub async fn claim(
        &self,
        node: NodeId,
        lease: Duration,
        reach: Reach,
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.write(Claim { node, lease, reach, limit }).await
    }

    /// Keeps this node's claims. Answers every command that it still owns with its state.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn renew(
        &self,
        node: NodeId,
        lease: Duration,
    ) -> Result<Vec<(CommandId, Phase)>, StoreError> {
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
fn readable(row: CommandRow) -> Option<Command> {
    let command_id = row.command_id;
    let command = Command::try_from(row);
    command.inspect_err(|error| tracing::error!(%command_id, %error, "skipping a row")).ok()
}

/// Applies one input to a command that is locked by this transaction.
async fn step(tx: &mut Tx, command: Command, input: Input) -> Result<Applied, StoreError> {
    fold(tx, command, vec![input]).await
}

async fn fold(tx: &mut Tx, command: Command, inputs: Vec<Input>) -> Result<Applied, StoreError> {
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
        row::update(tx, before, &applied.command, &applied.events).await?;
    }
    Ok(applied)
}

struct Apply {
    command_id: CommandId,
    fence: Option<i64>,
    inputs: Vec<Input>,
    audit: Option<AuditEntry>,
}

impl Write for Apply {
    type Done = Option<Applied>;

    async fn run(&self, tx: &mut Tx) -> Result<Option<Applied>, StoreError> {
        let id = Uuid::from(self.command_id);
        let Some(row) = fetch!(&mut tx.conn, LOCK_COMMAND, [id], fetch_optional as CommandRow)?
        else {
            return Ok(None);
        };
        let command = Command::try_from(row)?;
        let is_owners = self.inputs.iter().any(Input::is_owners);
        if is_owners && self.fence != Some(command.fence) {
            let refused = Some(Refused::Fenced);
            return Ok(Some(Applied { command, events: Vec::new(), refused }));
        }
        let applied = fold(tx, command, self.inputs.clone()).await?;
        if let Some(entry) = &self.audit
            && applied.refused.is_none()
        {
            audit::insert(tx, entry).await?;
        }
        Ok(Some(applied))
    }
}

struct Claim {
    node: NodeId,
    lease: Duration,
    reach: Reach,
    limit: usize,
}

impl Write for Claim {
    type Done = Vec<Claimed>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Claimed>, StoreError> {
        let mut claimed = Vec::new();
        for vehicle_id in self.vehicles(tx).await? {
            let room = self.limit.saturating_sub(claimed.len());
            if room == 0 {
                break;
            }
            claimed.extend(self.claim_of(tx, vehicle_id, room).await?);
        }
        Ok(claimed)
    }
}

impl Claim {
    async fn vehicles(&self, tx: &mut Tx) -> Result<Vec<Uuid>, StoreError> {
        match &self.reach {
            Reach::Vehicles(ids) => Ok(ids.iter().copied().map(Uuid::from).collect()),
            Reach::All => {
                let now = micros(tx.now);
                let rows =
                    fetch!(&mut tx.conn, VEHICLES_WAITING, [now, SWEEP], fetch_all as (Uuid,))?;
                Ok(rows.into_iter().map(|(id,)| id).collect())
            }
        }
    }

    /// Locks the vehicle, so that no other node counts its commands at the same time.
    async fn claim_of(
        &self,
        tx: &mut Tx,
        vehicle_id: Uuid,
        room: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let row = fetch!(&mut tx.conn, LOCK_VEHICLE, [vehicle_id], fetch_optional as VehicleRow)?;
        let Some(row) = row else {
            return Ok(Vec::new());
        };
        let rows = fetch!(&mut tx.conn, OPEN, [vehicle_id], fetch_all as CommandRow)?;
        let open: Option<Vec<Command>> = rows.into_iter().map(readable).collect();
        // A command that cannot be read may be in flight: its vehicle is left alone.
        let (Ok(vehicle), Some(open)) = (Vehicle::try_from(row), open) else {
            tracing::error!(%vehicle_id, "the rows of a vehicle cannot be read");
            return Ok(Vec::new());
        };
        let mut claimed = Vec::new();
        for command in starting(open, &vehicle, tx).into_iter().take(room) {
            let lease = Lease { owner: self.node, until: later(tx.now, self.lease) };
            let applied = fold(tx, command, vec![Input::Claim(lease), Input::Start]).await?;
            if matches!(applied.command.state, State::Running(_)) {
                let Applied { command, events, .. } = applied;
                claimed.push(Claimed { command, vehicle: vehicle.clone(), events });
            }
        }
        Ok(claimed)
    }
}

/// The open commands of a vehicle that may start now. A vehicle that is known to be away keeps what
/// it was never asked; a read that is being retried is how its return may be found out.
fn starting(open: Vec<Command>, vehicle: &Vehicle, tx: &Tx) -> Vec<Command> {
    let is_reachable = vehicle.connection_status == ConnectionStatus::Connected;
    let (queued, in_flight): (Vec<_>, Vec<_>) =
        open.into_iter().partition(|command| matches!(command.state, State::Queued(_)));
    let in_flight: Vec<_> = in_flight.iter().map(|command| command.order.risk).collect();
    let is_ready = |command: &Command| match &command.state {
        State::Queued(queued) => {
            queued.not_before.is_none_or(|at| at <= tx.now) && (is_reachable || command.is_retry())
        }
        State::Dispatched(_) | State::Running(_) | State::Cancelling(_) | State::Ended(_) => false,
    };
    // A write that has to wait keeps its place; a read that has to wait lets others pass.
    let line: Vec<Command> = queued
        .into_iter()
        .filter(|command| is_ready(command) || !command.order.risk.is_repeatable())
        .take_while(is_ready)
        .collect();
    let waiting: Vec<_> = line
        .iter()
        .map(|command| Waiting { command_id: command.order.command_id, risk: command.order.risk })
        .collect();
    let chosen = turn::next(&in_flight, &waiting);
    line.into_iter().filter(|command| chosen.contains(&command.order.command_id)).collect()
}

struct Renew {
    node: NodeId,
    lease: Duration,
}

impl Write for Renew {
    type Done = Vec<(CommandId, Phase)>;

    async fn run(&self, tx: &mut Tx) -> Result<Self::Done, StoreError> {
        let until = micros(tx.now).saturating_add(micros_of(self.lease));
        let rows = fetch!(
            &mut tx.conn,
            RENEW,
            [Uuid::from(self.node), until],
            fetch_all as (Uuid, String)
        )?;
        rows.into_iter()
            .map(|(id, state)| {
                let phase = Phase::from_word(&state).ok_or(StoreError::Corrupt("command"))?;
                Ok((id.into(), phase))
            })
            .collect()
    }
}

struct Due;

impl Write for Due {
    type Done = Vec<Applied>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Applied>, StoreError> {
        let now = micros(tx.now);
        let rows = fetch!(&mut tx.conn, DUE, [now, SWEEP], fetch_all as CommandRow)?;
        each(tx, rows, &Input::Due).await
    }
}

struct TakeOver {
    dead: Option<NodeId>,
}

impl Write for TakeOver {
    type Done = Vec<Applied>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Applied>, StoreError> {
        let now = micros(tx.now);
        let dead = self.dead.map(Uuid::from);
        let rows = fetch!(&mut tx.conn, LAPSED, [now, dead, SWEEP], fetch_all as CommandRow)?;
        each(tx, rows, &Input::Lost).await
    }
}

async fn each(
    tx: &mut Tx,
    rows: Vec<CommandRow>,
    input: &Input,
) -> Result<Vec<Applied>, StoreError> {
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        // One row that cannot be read must not stop the timers of all others.
        let Some(command) = readable(row) else { continue };
        all.push(step(tx, command, input.clone()).await?);
    }
    Ok(all)
}
