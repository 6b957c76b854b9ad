//! One entity of a vehicle at work: a component, an app, an area or a function.
//!
//! Knows nothing of HTTP; time comes in as an argument.

pub(crate) mod bulk;
pub(crate) mod clearing;
pub(crate) mod configurations;
pub(crate) mod cycle;
pub(crate) mod data;
pub(crate) mod executions;
pub(crate) mod faults;
pub(crate) mod lists;
pub(crate) mod locks;
pub(crate) mod logs;
pub(crate) mod modes;
pub(crate) mod power;
pub(crate) mod recordings;
pub(crate) mod scripts;
pub(crate) mod subscriptions;
pub(crate) mod triggers;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use self::bulk::Bulk;
use self::clearing::Clearing;
use self::configurations::Configurations;
use self::data::{Item, Written};
use self::executions::{Execution, Executions};
use self::faults::{FaultMemory, Present};
use self::lists::DataLists;
use self::locks::Locks;
use self::logs::LogConfig;
use self::modes::Modes;
use self::power::{Power, Turn};
use self::recordings::Recordings;
use self::scripts::Scripts;
use self::subscriptions::Subscriptions;
use self::triggers::Triggers;
use crate::clock::Moment;
use crate::fleet::EntityPlan;
use crate::operation::{Operation, Work};
use crate::refusal::{Refusal, unknown};

/// How long a proximity challenge can be answered.
const CHALLENGE: Duration = Duration::from_mins(1);

/// Where an entity stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collection {
    Areas,
    Components,
    Apps,
    Functions,
}

/// An entity at work.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) plan: Arc<EntityPlan>,
    pub(crate) collection: Collection,
    /// Below the root of the server, without a slash at its ends.
    pub(crate) path: String,
    vin: Arc<str>,
    memory: Mutex<Memory>,
}

/// All that an entity remembers; nothing of it is there before it is needed.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) bulk: Bulk,
    pub(crate) clearing: Clearing,
    pub(crate) configurations: Configurations,
    pub(crate) executions: Executions,
    pub(crate) faults: FaultMemory,
    pub(crate) lists: DataLists,
    pub(crate) locks: Locks,
    pub(crate) logs: LogConfig,
    pub(crate) modes: Modes,
    pub(crate) power: Power,
    pub(crate) recordings: Recordings,
    pub(crate) scripts: Scripts,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) triggers: Triggers,
    pub(crate) written: Written,
    challenge: Option<Challenge>,
}

/// What proves that somebody is beside the vehicle: the same text backwards.
#[derive(Debug, Clone)]
pub(crate) struct Challenge {
    pub(crate) text: String,
    pub(crate) valid_until: Moment,
}

impl Collection {
    /// Every one, in the order in which links and lists show them.
    pub(crate) const ALL: [Self; 4] = [Self::Areas, Self::Components, Self::Apps, Self::Functions];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Areas => "areas",
            Self::Components => "components",
            Self::Apps => "apps",
            Self::Functions => "functions",
        }
    }

    /// What a refusal calls one of them.
    pub(crate) fn singular(self) -> &'static str {
        match self {
            Self::Areas => "area",
            Self::Components => "component",
            Self::Apps => "app",
            Self::Functions => "function",
        }
    }

    /// The collection of the parts of one of them; apps and functions have no parts.
    pub(crate) fn parts(self) -> &'static str {
        match self {
            Self::Areas => "subareas",
            Self::Components | Self::Apps | Self::Functions => "subcomponents",
        }
    }
}

impl Entity {
    pub(crate) fn new(plan: Arc<EntityPlan>, collection: Collection, vin: Arc<str>) -> Self {
        let (name, id) = (collection.name(), &plan.id);
        let path = match &plan.parent {
            Some(parent) => format!("{name}/{parent}/{}/{id}", collection.parts()),
            None => format!("{name}/{id}"),
        };
        Self { plan, collection, path, vin, memory: Mutex::default() }
    }

    /// All that it remembers.
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults that are there.
    pub(crate) fn faults(&self, now: Moment) -> Vec<Present> {
        self.memory().faults.present(&self.plan.faults, now)
    }

    /// Clears one fault.
    ///
    /// # Errors
    ///
    /// As [`FaultMemory::clear_one`], and [`Refusal::ClearsOnlyAll`] if the unit cannot.
    pub(crate) fn clear_fault(&self, code: &str, now: Moment) -> Result<(), Refusal> {
        let is_present = self.faults(now).iter().any(|present| present.fault.code == code);
        if is_present && self.plan.clears_only_all {
            return Err(Refusal::ClearsOnlyAll);
        }
        self.memory().faults.clear_one(&self.plan.faults, code, now)
    }

    /// Every data item.
    pub(crate) fn items(&self) -> Vec<Item<'_>> {
        data::items(&self.plan, &self.vin)
    }

    pub(crate) fn value(&self, item: &Item<'_>, now: Moment) -> Value {
        self.memory().written.value(item, &self.vin, now)
    }

    /// The operation with this id.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`] if the entity does not have it.
    pub(crate) fn operation(&self, id: &str) -> Result<Operation, Refusal> {
        let found = self.plan.operations.iter().find(|operation| operation.id() == id);
        found.copied().ok_or_else(|| unknown("operation", id))
    }
}

impl Memory {
    /// Checks that an operation may start now.
    ///
    /// # Errors
    ///
    /// [`Refusal::Precondition`] in the wrong session, [`Refusal::Denied`] without a valid answer
    /// to the proximity challenge, [`Refusal::Busy`] while it runs.
    pub(crate) fn admit(
        &mut self,
        operation: Operation,
        proximity: Option<&str>,
        now: Moment,
    ) -> Result<(), Refusal> {
        if let Some(session) = operation.session()
            && self.modes.value("session", now)? != session
        {
            return Err(Refusal::Precondition(format!("this takes the session `{session}`")));
        }
        if operation.needs_proximity() && !self.proves(proximity, now) {
            return Err(Refusal::Denied("this takes an answer to the proximity challenge"));
        }
        let runs =
            |execution: &Execution| execution.operation == operation && execution.is_running(now);
        if self.executions.iter().any(|(_, execution)| runs(execution)) {
            return Err(Refusal::Busy);
        }
        Ok(())
    }

    /// Begins an execution; its id.
    ///
    /// # Errors
    ///
    /// As [`Execution::start`].
    pub(crate) fn begin(
        &mut self,
        operation: Operation,
        work: Work,
        timeout_s: Option<u64>,
        now: Moment,
    ) -> Result<String, Refusal> {
        Ok(self.executions.push(Execution::start(operation, work, timeout_s, now)?))
    }

    /// A new challenge, in place of the last one.
    pub(crate) fn challenge(&mut self, now: Moment) -> Challenge {
        let text = Uuid::new_v4().simple().to_string();
        self.challenge.insert(Challenge { text, valid_until: now.plus(CHALLENGE) }).clone()
    }

    /// Switches the power; what a control unit forgets then is forgotten.
    ///
    /// # Errors
    ///
    /// As [`Power::turn`].
    pub(crate) fn turn(&mut self, turn: Turn, now: Moment) -> Result<(), Refusal> {
        self.power.turn(turn, now)?;
        self.modes.reset();
        self.executions.clear();
        if turn != Turn::Shutdown {
            self.scripts.iter_mut().for_each(|script| script.restart(now));
        }
        Ok(())
    }

    /// A challenge is good for one answer.
    fn proves(&mut self, answer: Option<&str>, now: Moment) -> bool {
        let Some(challenge) = self.challenge.take() else { return false };
        let wanted: String = challenge.text.chars().rev().collect();
        now < challenge.valid_until && answer == Some(wanted.as_str())
    }
}
