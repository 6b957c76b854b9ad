//! Claiming: a node takes the commands whose turn it is.
//!
//! Refuses to let two nodes count the commands of a vehicle at the same time, and to make one of
//! them wait for a command.

use crate::clock::micros;
use crate::drive::{Applied, SWEEP, fold, readable};
use crate::engine::{fetch, statements};
use crate::row::{self, CommandRow, signed};
use crate::vehicles::{VehicleRow, select_vehicles};
use crate::writer::{Turn, Tx, Write};
use crate::{Store, StoreError};
use model::command::turn;
use model::command::{Command, Input, Lease, State, later};
use model::event::Event;
use model::id::{NodeId, VehicleId};
use model::vehicle::{ConnectionStatus, Vehicle};
use std::time::Duration;
use uuid::Uuid;

// How nodes share PostgreSQL here. Who holds a vehicle's row is alone in counting its commands; that
// lock is no stronger than it must be, because an insert of a command refers to the row and has to
// go on. A sweep passes over vehicles that another node is at; whoever was told of these vehicles
// waits for them, in the order of their ids, because the other may have looked too early. Commands
// are read without locks, so that no claim waits for the transactions in which they move: meanwhile
// one in flight can only leave, and a waiting one that moved is noticed when it is locked by itself.
// Only the answer of another program starts one past all this: it tells of what had begun already.
statements! {
    // In any order: vehicles that are busy for long must not be in the way of all others.
    VEHICLES_WAITING = {
        "select vehicle_id from (
            select distinct c.vehicle_id from commands c
            join vehicles v on v.vehicle_id = c.vehicle_id
            where c.state = 'queued' and c.due_at > $1
                and (c.not_before is null or c.not_before <= $1)
                and (v.connection_status = 'connected'
                    or (c.started_at is not null and c.risk = 0))) waiting
        order by random() limit $2"
    }
    LOCK_VEHICLE = {
        select_vehicles!("where vehicle_id = $1"),
        postgres: + "for no key update"
    }
    LOCK_FREE_VEHICLE = {
        select_vehicles!("where vehicle_id = $1"),
        postgres: + "for no key update skip locked"
    }
    // The newest commands of a vehicle with a long queue need not be looked at yet.
    OPEN = {
        row::select_commands!(
            "where c.vehicle_id = $1 and c.due_at is not null
            order by (c.state = 'queued'), c.priority desc, c.command_id limit 64"
        )
    }
    LOCK_UNMOVED = {
        "select command_id from commands where command_id = $1 and last_offset = $2",
        postgres: + "for update skip locked"
    }
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

impl Reach {
    fn sorted(mut self) -> Self {
        if let Self::Vehicles(ids) = &mut self {
            ids.sort_unstable();
        }
        self
    }
}

impl Store {
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
        self.write(Claim { node, lease, reach: reach.sorted(), limit }).await
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

    fn turn(&self) -> Turn {
        match &self.reach {
            Reach::All => Turn::Sweep,
            Reach::Vehicles(ids) => ids.first().map_or(Turn::Any, |&id| Turn::Vehicle(id.into())),
        }
    }

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

    /// `None`: another node is at it, or there is none.
    async fn lock_vehicle(&self, tx: &mut Tx, id: Uuid) -> Result<Option<VehicleRow>, StoreError> {
        let lock = match &self.reach {
            Reach::All => LOCK_FREE_VEHICLE,
            Reach::Vehicles(_) => LOCK_VEHICLE,
        };
        Ok(fetch!(&mut tx.conn, lock, [id], fetch_optional as VehicleRow)?)
    }

    async fn claim_of(
        &self,
        tx: &mut Tx,
        vehicle_id: Uuid,
        room: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let Some(row) = self.lock_vehicle(tx, vehicle_id).await? else {
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
        let is_reachable = vehicle.connection_status == ConnectionStatus::Connected;
        for command in turn::starting(open, is_reachable, tx.now).into_iter().take(room) {
            let started = self.start(tx, command).await?;
            claimed.extend(started.map(|Applied { command, events, .. }| Claimed {
                command,
                vehicle: vehicle.clone(),
                events,
            }));
        }
        Ok(claimed)
    }

    /// `None`: it moved since it was read, or is moving.
    async fn start(&self, tx: &mut Tx, command: Command) -> Result<Option<Applied>, StoreError> {
        let (id, offset) = (Uuid::from(command.order.command_id), signed(command.last_offset));
        let unmoved = fetch!(&mut tx.conn, LOCK_UNMOVED, [id, offset], fetch_optional as (Uuid,))?;
        if unmoved.is_none() {
            return Ok(None);
        }
        let lease = Lease { owner: self.node, until: later(tx.now, self.lease) };
        let applied = fold(tx, command, vec![Input::Claim(lease), Input::Start], None).await?;
        Ok(matches!(applied.command.state, State::Running(_)).then_some(applied))
    }
}
