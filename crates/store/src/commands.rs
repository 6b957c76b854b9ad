//! Accepting commands and reading where they stand.
//!
//! Refuses to move them: that is [`crate::drive`]'s.

use crate::audit::{self, AuditEntry};
use crate::claim::Claimed;
use crate::clock::micros;
use crate::engine::{fetch, look_up, read, statements};
use crate::fleets::in_sight;
use crate::idempotency::{IdempotencyKey, KeyName, KeyUse};
use crate::ledger::Needs;
use crate::row::{self, CommandRow};
use crate::writer::{Tx, Write};
use crate::{Sight, Store, StoreError};
use model::Timestamp;
use model::command::reduce::accept;
use model::command::{Command, Order, Phase, Risk, Status, Step, later};
use model::event::Event;
use model::id::{CommandId, FleetId, NodeId, UserId, VehicleId};
use serde_json::value::RawValue;
use std::time::Duration;
use uuid::Uuid;

/// The list of commands, with one condition more. The one on the vehicle is no optional filter, so that
/// its index serves on both engines.
macro_rules! listing {
    ($condition:literal) => {
        // The comparison first: it is where PostgreSQL learns the type of a filter that is not given.
        concat!(
            row::select_commands!("join vehicles v on v.vehicle_id = c.vehicle_id"),
            " where (c.user_id = $1 or $1 is null)
                and (c.command_id < $2 or $2 is null)
                and (c.submitted_at >= $3 or $3 is null)
                and (c.submitted_at <= $4 or $4 is null)
                and ($5 = '' or $5 like '%,' || c.state || ',%')
                and ", in_sight!("v.fleet_id", "$6", "$7", "$10"),
            $condition,
            " order by c.command_id desc limit ($8 + 0) offset $9"
        )
    };
}

statements! {
    COMMAND = { row::select_commands!("where command_id = $1") }
    PLACE = {
        "select v.vehicle_id, v.fleet_id from commands c join vehicles v on v.vehicle_id = c.vehicle_id
        where c.command_id = $1"
    }
    LIST = { listing!("") }
    // Few of very many: the index of what has a timer finds them.
    LIST_AWAITING = { listing!(" and c.due_at > 0 and c.state = 'awaiting_approval'") }
    LIST_OF_VEHICLE = { listing!(" and c.vehicle_id = $11") }
}

/// A command that may be accepted: everything has been checked but the key.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The id that it gets.
    pub command_id: CommandId,
    /// The vehicle.
    pub vehicle_id: VehicleId,
    /// Who orders it.
    pub user_id: UserId,
    /// Its catalogue name.
    pub name: String,
    /// Its parameters.
    pub params: Box<RawValue>,
    /// Its risk class.
    pub risk: Risk,
    /// Why.
    pub reason: Option<String>,
    /// Its priority.
    pub priority: i16,
    /// How long it may wait for a second person; `None` = it needs none.
    pub approve_within: Option<Duration>,
    /// How long it may wait for its first start; counted from the approval where one is needed.
    pub deliver_within: Duration,
    /// How long it may run.
    pub run_timeout: Duration,
    /// The W3C trace that it belongs to.
    pub trace_id: Option<String>,
}

/// Who drives a command that can start at once, and how long its claim lasts.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// The node.
    pub node: NodeId,
    /// The lease.
    pub lease: Duration,
}

/// What came of a submission.
#[derive(Debug)]
pub enum Accepted {
    /// It is stored.
    New(Box<Command>, Vec<Event>),
    /// The same, and it has started in the same commit.
    Started(Box<Command>, Vec<Event>, Box<Claimed>),
    /// It had been stored before, under the same key.
    Replayed(Box<Command>),
    /// The key had been used for another submission.
    KeyReused,
}

/// Which commands to list; `None` = any.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this vehicle.
    pub vehicle_id: Option<VehicleId>,
    /// In this coarse state.
    pub status: Option<Status>,
    /// In this fine state.
    pub phase: Option<Phase>,
    /// Submitted by this user.
    pub user_id: Option<UserId>,
    /// Submitted at this time or later.
    pub from: Option<Timestamp>,
    /// Submitted at this time or earlier.
    pub until: Option<Timestamp>,
    /// Only what whoever asks may see.
    pub sight: Sight,
    /// Only those submitted before this one.
    pub before: Option<CommandId>,
    /// How many at most.
    pub limit: u32,
    /// How many to pass over.
    pub offset: u32,
}

impl Store {
    /// Accepts a command: from the moment this returns it survives the end of the process.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing is stored then, unless the answer of the database was lost.
    pub async fn accept(
        &self,
        draft: Draft,
        key: Option<IdempotencyKey>,
        audit: AuditEntry,
    ) -> Result<Accepted, StoreError> {
        self.write(Accept { draft, key, audit, start: None }).await
    }

    /// Accepts a command, and starts it in the same commit if it is its turn at a vehicle that is
    /// connected and that no other node is at.
    ///
    /// # Errors
    ///
    /// As of [`Store::accept`].
    pub async fn accept_and_start(
        &self,
        draft: Draft,
        key: Option<IdempotencyKey>,
        audit: AuditEntry,
        start: Start,
    ) -> Result<Accepted, StoreError> {
        self.write(Accept { draft, key, audit, start: Some(start) }).await
    }

    /// The command; `None` if there is none of that id.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn command(&self, id: CommandId) -> Result<Option<Command>, StoreError> {
        look_up!(&self.readers, COMMAND, Uuid::from(id), CommandRow)?
            .map(Command::try_from)
            .transpose()
    }

    /// The command's vehicle and its fleet; the latter decides about who may see the command.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn place_of_command(
        &self,
        id: CommandId,
    ) -> Result<Option<(VehicleId, FleetId)>, StoreError> {
        let row = look_up!(&self.readers, PLACE, Uuid::from(id), (Uuid, Uuid))?;
        Ok(row.map(|(vehicle, fleet)| (vehicle.into(), fleet.into())))
    }

    /// Commands, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn commands(&self, filter: &Filter) -> Result<Vec<Command>, StoreError> {
        let user = filter.user_id.map(Uuid::from);
        let before = filter.before.map(Uuid::from);
        let (from, until) = (filter.from.map(micros), filter.until.map(micros));
        let states = states_of(filter);
        let granted = filter.sight.granted_to.map(Uuid::from);
        let token = filter.sight.confined_by.map(Uuid::from);
        let (limit, offset) = (i64::from(filter.limit), i64::from(filter.offset));
        let now = micros(self.now());
        let rows = match filter.vehicle_id.map(Uuid::from) {
            None if filter.phase == Some(Phase::AwaitingApproval) => read!(
                &self.readers,
                LIST_AWAITING,
                [user, before, from, until, &states, granted, now, limit, offset, token],
                fetch_all as CommandRow
            )?,
            None => read!(
                &self.readers,
                LIST,
                [user, before, from, until, &states, granted, now, limit, offset, token],
                fetch_all as CommandRow
            )?,
            Some(vehicle) => read!(
                &self.readers,
                LIST_OF_VEHICLE,
                [user, before, from, until, &states, granted, now, limit, offset, token, vehicle],
                fetch_all as CommandRow
            )?,
        };
        rows.into_iter().map(Command::try_from).collect()
    }
}

/// The fine words that a filter lets through, as `LIST` looks for them: none of them = any.
fn states_of(filter: &Filter) -> String {
    if filter.status.is_none() && filter.phase.is_none() {
        return String::new();
    }
    let passes = |phase: &Phase| {
        filter.status.is_none_or(|status| phase.status() == status)
            && filter.phase.is_none_or(|wanted| *phase == wanted)
    };
    let words = Phase::ALL.into_iter().filter(passes).map(Phase::word);
    words.fold(",".to_owned(), |list, word| list + word + ",")
}

struct Accept {
    draft: Draft,
    key: Option<IdempotencyKey>,
    audit: AuditEntry,
    start: Option<Start>,
}

impl Write for Accept {
    type Done = Accepted;

    fn ask(&self, needs: &mut Needs) {
        if let Some(key) = &self.key {
            let body_hash = key.body_hash.clone();
            needs.key(self.name_of(key), KeyUse { body_hash, command_id: self.draft.command_id });
        }
    }

    async fn run(&self, tx: &mut Tx) -> Result<Accepted, StoreError> {
        if let Some(earlier) = self.earlier(tx).await? {
            return Ok(earlier);
        }
        let step = accept(self.order(tx.now));
        tx.ledger.accept(&step);
        audit::note(tx, &self.audit);
        let Step { command, events } = step;
        if let Some(start) = self.start
            && command.phase() == Phase::Queued
        {
            tx.starting.want(&command, start);
        }
        Ok(Accepted::New(Box::new(command), events))
    }

    fn amend(&self, done: Accepted, tx: &mut Tx) -> Accepted {
        match done {
            Accepted::New(command, events) => match tx.starting.started(&command) {
                Some(claimed) => Accepted::Started(command, events, Box::new(claimed)),
                None => Accepted::New(command, events),
            },
            old @ (Accepted::Started(..) | Accepted::Replayed(_) | Accepted::KeyReused) => old,
        }
    }
}

impl Accept {
    fn name_of(&self, key: &IdempotencyKey) -> KeyName {
        (self.draft.user_id, key.key.clone())
    }

    /// What the key was used for before; `None` if it is this command's, or there is no key.
    async fn earlier(&self, tx: &mut Tx) -> Result<Option<Accepted>, StoreError> {
        let Some(key) = &self.key else { return Ok(None) };
        let used = tx.ledger.key_use(&self.name_of(key)).ok_or(StoreError::Corrupt("key"))?;
        if used.command_id == self.draft.command_id {
            return Ok(None);
        }
        if used.body_hash != key.body_hash {
            return Ok(Some(Accepted::KeyReused));
        }
        let first = if let Some(command) = tx.ledger.accepted(used.command_id) {
            command.clone()
        } else {
            let id = Uuid::from(used.command_id);
            fetch!(&mut tx.conn, COMMAND, [id], fetch_one as CommandRow)?.try_into()?
        };
        Ok(Some(Accepted::Replayed(Box::new(first))))
    }

    fn order(&self, now: Timestamp) -> Order {
        let draft = self.draft.clone();
        let approve_by = draft.approve_within.map(|within| later(now, within));
        Order {
            command_id: draft.command_id,
            vehicle_id: draft.vehicle_id,
            user_id: draft.user_id,
            name: draft.name,
            params: draft.params,
            risk: draft.risk,
            reason: draft.reason,
            priority: draft.priority,
            submitted_at: now,
            approve_by,
            deliver_by: later(approve_by.unwrap_or(now), draft.deliver_within),
            run_timeout: draft.run_timeout,
            trace_id: draft.trace_id,
        }
    }
}

/// A span in the unit of the store.
pub(crate) fn micros_of(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
