//! Claiming: a node takes the commands whose turn it is.
//!
//! Refuses to let two nodes count the commands of a vehicle at the same time, and to make one of
//! them wait for a command.

use crate::clock::micros;
use crate::commands::Start;
use crate::drive::{Applied, SWEEP, fold, readable};
use crate::engine::{fetch, fetch_each, statements};
use crate::row::{self, CommandRow, signed};
use crate::vehicles::{VehicleRow, select_vehicles};
use crate::writer::{Turn, Tx, Write};
use crate::{Store, StoreError};
use model::command::turn;
use model::command::{Command, Input, Lease, State, later};
use model::event::Event;
use model::id::{CommandId, NodeId, VehicleId};
use model::vehicle::Vehicle;
use std::collections::{BTreeSet, HashMap, HashSet};
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
                and (v.connection_status = 'connected' or v.obstacle is not null
                    or (c.started_at is not null and c.risk = 0))) waiting
        order by random() limit ($2 + 0)"
    }
    LOCK_VEHICLES = {
        select_vehicles!("where vehicle_id = $1"),
        postgres: select_vehicles!(
            "where vehicle_id = any(cast($1 as uuid[])) order by vehicle_id for no key update"
        )
    }
    LOCK_FREE_VEHICLES = {
        select_vehicles!("where vehicle_id = $1"),
        postgres: select_vehicles!(
            "where vehicle_id = any(cast($1 as uuid[])) for no key update skip locked"
        )
    }
    // The newest commands of a vehicle with a long queue need not be looked at yet, and those that wait
    // for a person take nobody's turn.
    OPEN = {
        row::select_commands!(
            "where c.vehicle_id = $1 and c.due_at is not null and c.state <> 'awaiting_approval'
            order by (c.state = 'queued'), c.priority desc, c.command_id limit 64"
        ),
        postgres: row::select_commands!(
            "where c.command_id = any(array(
                select o.command_id from unnest(cast($1 as uuid[])) as v (vehicle_id),
                lateral (
                    select w.command_id from commands w
                    where w.vehicle_id = v.vehicle_id and w.due_at is not null
                        and w.state <> 'awaiting_approval'
                    order by (w.state = 'queued'), w.priority desc, w.command_id limit 64
                ) o
            ))"
        )
    }
    LOCK_UNMOVED = {
        "select command_id from commands where command_id = $1 and last_offset = $2",
        postgres: "select c.command_id from commands c
        join unnest(cast($1 as uuid[]), cast($2 as bigint[])) as w (command_id, last_offset)
            on c.command_id = w.command_id and c.last_offset = w.last_offset
        where c.command_id = any(cast($1 as uuid[])) for update of c skip locked"
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

/// What came of a claim.
#[derive(Debug, Default)]
pub struct Claims {
    /// What the node drives from now on.
    pub started: Vec<Claimed>,
    /// What was its turn, and moved in another way: it ended, because it is not what was approved.
    pub others: Vec<Applied>,
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
    ) -> Result<Claims, StoreError> {
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
    type Done = Claims;

    fn turn(&self) -> Turn {
        match &self.reach {
            Reach::All => Turn::Sweep,
            Reach::Vehicles(ids) => ids.first().map_or(Turn::Any, |&id| Turn::Vehicle(id.into())),
        }
    }

    async fn run(&self, tx: &mut Tx) -> Result<Claims, StoreError> {
        let vehicles = self.vehicles(tx).await?;
        let mut left = vehicles.as_slice();
        let mut claims = Claims::default();
        while !left.is_empty() && claims.started.len() < self.limit {
            // No more of them than there is room for: the rest is left to other nodes.
            let room = self.limit.saturating_sub(claims.started.len());
            let (here, rest) = left.split_at(room.min(left.len()));
            let Claims { started, others } = self.claim_at(tx, here, room, |_| true).await?;
            claims.started.extend(started);
            claims.others.extend(others);
            left = rest;
        }
        Ok(claims)
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

    async fn claim_at(
        &self,
        tx: &mut Tx,
        vehicles: &[Uuid],
        room: usize,
        is_wanted: impl Fn(CommandId) -> bool,
    ) -> Result<Claims, StoreError> {
        let vehicles = self.locked(tx, vehicles).await?;
        let mut open = open(tx, &vehicles).await?;
        let mut chosen = Vec::new();
        for vehicle in vehicles {
            let is_reachable = vehicle.is_worth_a_try();
            let open = open.remove(&vehicle.vehicle_id).unwrap_or_default();
            let starting = turn::starting(open, is_reachable, tx.now).into_iter();
            let wanted = starting.filter(|command| is_wanted(command.order.command_id));
            chosen.extend(wanted.map(|command| (command, vehicle.clone())));
        }
        chosen.truncate(room);
        let unmoved = unmoved(tx, &chosen).await?;
        chosen.retain(|(command, _)| unmoved.contains(&command.order.command_id));
        let mut claims = Claims::default();
        for (command, vehicle) in chosen {
            let applied = self.start(tx, command);
            if matches!(applied.command.state, State::Running(_)) {
                let Applied { command, events, .. } = applied;
                claims.started.push(Claimed { command, vehicle, events });
            } else if !applied.events.is_empty() {
                claims.others.push(applied);
            }
        }
        Ok(claims)
    }

    /// Those of the vehicles that no other node is at, or all of them once no other is.
    async fn locked(&self, tx: &mut Tx, vehicles: &[Uuid]) -> Result<Vec<Vehicle>, StoreError> {
        let lock = match &self.reach {
            Reach::All => LOCK_FREE_VEHICLES,
            Reach::Vehicles(_) => LOCK_VEHICLES,
        };
        let rows = fetch_each!(&mut tx.conn, lock, vehicles, |id| [*id], VehicleRow);
        let vehicles = rows.into_iter().map(Vehicle::try_from);
        let log = |error: &StoreError| tracing::error!(%error, "a vehicle is left alone");
        Ok(vehicles.filter_map(|vehicle| vehicle.inspect_err(log).ok()).collect())
    }

    fn start(&self, tx: &mut Tx, command: Command) -> Applied {
        let lease = Lease { owner: self.node, until: later(tx.now, self.lease) };
        fold(tx, command, vec![Input::Claim(lease), Input::Start], None)
    }
}

/// The commands that a transaction accepts and may start.
#[derive(Default)]
pub(crate) struct Starting {
    wanted: HashMap<CommandId, (VehicleId, Start)>,
    started: HashMap<CommandId, Claimed>,
}

impl Starting {
    /// The command may be started in the transaction that accepts it.
    pub(crate) fn want(&mut self, command: &Command, start: Start) {
        self.wanted.insert(command.order.command_id, (command.order.vehicle_id, start));
    }

    /// The claim of a command that has been started.
    pub(crate) fn started(&mut self, command: &Command) -> Option<Claimed> {
        self.started.remove(&command.order.command_id)
    }
}

impl Tx {
    /// Starts what may be started of what has been accepted, where it is its turn and without waiting
    /// for other nodes. What is not started now is claimed as any other.
    pub(crate) async fn start_accepted(&mut self) -> Result<(), StoreError> {
        let wanted = std::mem::take(&mut self.starting.wanted);
        // One node accepts all that share a transaction.
        let Some((_, Start { node, lease })) = wanted.values().next().copied() else {
            return Ok(());
        };
        self.post().await?;
        let vehicles: BTreeSet<Uuid> = wanted.values().map(|(id, _)| Uuid::from(*id)).collect();
        let vehicles: Vec<_> = vehicles.into_iter().collect();
        let claim = Claim { node, lease, reach: Reach::All, limit: wanted.len() };
        let is_wanted = |id| wanted.contains_key(&id);
        // Nobody has had the time to approve one of these, and so none is other than it was approved.
        let claims = claim.claim_at(self, &vehicles, wanted.len(), is_wanted).await?;
        let by_id =
            claims.started.into_iter().map(|claimed| (claimed.command.order.command_id, claimed));
        self.starting.started = by_id.collect();
        Ok(())
    }
}

/// The open commands of vehicles; none of a vehicle with one that cannot be read, because that one
/// may be in flight.
async fn open(
    tx: &mut Tx,
    vehicles: &[Vehicle],
) -> Result<HashMap<VehicleId, Vec<Command>>, StoreError> {
    let rows = fetch_each!(
        &mut tx.conn,
        OPEN,
        vehicles,
        |vehicle| [Uuid::from(vehicle.vehicle_id)],
        CommandRow
    );
    let mut open: HashMap<VehicleId, Option<Vec<Command>>> = HashMap::new();
    for row in rows {
        let here = open.entry(row.vehicle_id.into()).or_insert_with(|| Some(Vec::new()));
        match (here.as_mut(), readable(row)) {
            (Some(readable), Some(command)) => readable.push(command),
            _ => *here = None,
        }
    }
    Ok(open.into_iter().map(|(id, open)| (id, open.unwrap_or_default())).collect())
}

/// Those of the commands that have not moved since they were read, and are not being moved.
async fn unmoved(
    tx: &mut Tx,
    chosen: &[(Command, Vehicle)],
) -> Result<HashSet<CommandId>, StoreError> {
    if chosen.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = fetch_each!(
        &mut tx.conn,
        LOCK_UNMOVED,
        chosen,
        |chosen| [Uuid::from(chosen.0.order.command_id), signed(chosen.0.last_offset)],
        (Uuid,)
    );
    Ok(rows.into_iter().map(|(id,)| id.into()).collect())
}
