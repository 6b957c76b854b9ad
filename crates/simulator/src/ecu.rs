//! One control unit: its fault memory, its data, its running operations.
//!
//! Knows nothing of HTTP; time comes in as an argument.

use std::collections::{HashMap, VecDeque};
use std::f64::consts::TAU;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::execution::{Operation, Range, Sweep};
use crate::fleet::{EcuPlan, Fault, LiveItem, SettingItem};
use crate::refusal::Refusal;
use crate::unit::Unit;

/// Finished executions that are kept until somebody deletes them; the oldest goes first.
const MAX_EXECUTIONS: usize = 32;

/// A control unit at work.
#[derive(Debug)]
pub(crate) struct Ecu {
    pub(crate) plan: EcuPlan,
    vin: String,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    faults: Vec<Arc<Fault>>,
    written: HashMap<String, f64>,
    sweeps: VecDeque<Sweep>,
}

/// A data item as the list shows it.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) did: &'a str,
    pub(crate) source: Source<'a>,
}

/// Where the value of a data item comes from.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    Identification(&'a str),
    Live(&'a LiveItem),
    Setting(&'a SettingItem),
}

impl Ecu {
    pub(crate) fn new(plan: EcuPlan, vin: String) -> Self {
        let memory = Memory { faults: plan.faults.clone(), ..Memory::default() };
        Self { plan, vin, memory: Mutex::new(memory) }
    }

    /// The faults that nobody has cleared.
    pub(crate) fn faults(&self) -> Vec<Arc<Fault>> {
        self.memory().faults.clone()
    }

    /// Clears the faults of one scope, or all of them.
    pub(crate) fn clear_faults(&self, scope: Option<&str>) {
        self.memory().faults.retain(|fault| scope.is_some_and(|scope| fault.scope != scope));
    }

    /// Clears one fault.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`] if it is not there, [`Refusal::ClearsOnlyAll`] if the unit cannot.
    pub(crate) fn clear_fault(&self, code: &str) -> Result<(), Refusal> {
        let mut memory = self.memory();
        let position = memory.faults.iter().position(|fault| fault.code == code);
        let position = position.ok_or_else(|| unknown("fault", code))?;
        if self.plan.clears_only_all {
            return Err(Refusal::ClearsOnlyAll);
        }
        memory.faults.remove(position);
        Ok(())
    }

    /// Every data item: identification first, then live data, then settings.
    pub(crate) fn items(&self) -> Vec<Item<'_>> {
        let plan = &self.plan;
        let identification = [
            ("vin", "Vehicle identification number", "F190", &self.vin),
            ("part_number", "Part number", "F187", &plan.part_number),
            ("serial_number", "Serial number", "F18C", &plan.serial_number),
            ("software_version", "Software version", "F195", &plan.software_version),
        ];
        let identification = identification.map(|(id, name, did, text)| Item {
            id,
            name,
            did,
            source: Source::Identification(text),
        });
        let live = plan.live.iter().map(Item::live);
        identification
            .into_iter()
            .chain(live)
            .chain(plan.settings.iter().map(Item::setting))
            .collect()
    }

    /// The value of an item, `elapsed` after the vehicle woke up.
    pub(crate) fn value(&self, item: &Item<'_>, elapsed: Duration) -> Value {
        match item.source {
            Source::Identification(text) => text.into(),
            Source::Live(live) => live.unit.rounded(self.measured(live, elapsed)).into(),
            Source::Setting(setting) => {
                self.memory().written.get(&setting.id).copied().unwrap_or(setting.value).into()
            }
        }
    }

    /// Writes a setting.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`], [`Refusal::ReadOnly`], or [`Refusal::InvalidValue`] beyond its bounds.
    pub(crate) fn write(&self, id: &str, value: &Value) -> Result<(), Refusal> {
        let Some(setting) = self.plan.settings.iter().find(|setting| setting.id == id) else {
            let readable = self.items().iter().any(|item| item.id == id);
            let read_only = || Refusal::ReadOnly(id.to_owned());
            return Err(if readable { read_only() } else { unknown("data item", id) });
        };
        let (low, high) = (setting.low, setting.high);
        let number = value.as_f64().filter(|number| (low..=high).contains(number));
        let number = number.ok_or_else(|| {
            Refusal::InvalidValue(format!("a number from {low} to {high}, please"))
        })?;
        self.memory().written.insert(id.to_owned(), number);
        Ok(())
    }

    /// The operation with this id.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`] if the unit does not have it.
    pub(crate) fn operation(&self, id: &str) -> Result<Operation, Refusal> {
        let found = self.plan.operations.iter().find(|operation| operation.id() == id);
        found.copied().ok_or_else(|| unknown("operation", id))
    }

    /// Starts an actuator sweep.
    ///
    /// # Errors
    ///
    /// [`Refusal::Busy`] while another one runs.
    pub(crate) fn start(&self, range: Range, now: Instant) -> Result<Sweep, Refusal> {
        let sweep = Sweep::start(range, now);
        let mut memory = self.memory();
        if memory.sweeps.iter().any(|other| other.is_running(now)) {
            return Err(Refusal::Busy);
        }
        if memory.sweeps.len() >= MAX_EXECUTIONS {
            memory.sweeps.pop_front();
        }
        memory.sweeps.push_back(sweep.clone());
        Ok(sweep)
    }

    /// Every execution that is still kept, the oldest first.
    pub(crate) fn sweeps(&self) -> Vec<Sweep> {
        self.memory().sweeps.iter().cloned().collect()
    }

    /// The execution with this id.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`] if it never was, or is forgotten.
    pub(crate) fn sweep(&self, id: &str) -> Result<Sweep, Refusal> {
        let found = self.memory().sweeps.iter().find(|sweep| sweep.id == id).cloned();
        found.ok_or_else(|| unknown("execution", id))
    }

    /// Stops an execution and keeps it.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`] if it never was, or is forgotten.
    pub(crate) fn stop(&self, id: &str, now: Instant) -> Result<Sweep, Refusal> {
        let mut memory = self.memory();
        let found = memory.sweeps.iter_mut().find(|sweep| sweep.id == id);
        let sweep = found.ok_or_else(|| unknown("execution", id))?;
        sweep.stop(now);
        Ok(sweep.clone())
    }

    /// Stops an execution and forgets it.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`] if it never was, or is forgotten.
    pub(crate) fn forget(&self, id: &str) -> Result<(), Refusal> {
        let mut memory = self.memory();
        let kept = memory.sweeps.len();
        memory.sweeps.retain(|sweep| sweep.id != id);
        if memory.sweeps.len() < kept { Ok(()) } else { Err(unknown("execution", id)) }
    }

    /// Swings between the bounds; vehicles differ by the phase that their VIN gives.
    fn measured(&self, live: &LiveItem, elapsed: Duration) -> f64 {
        let offset: u32 = self.vin.bytes().chain(live.id.bytes()).map(u32::from).sum();
        let turns = elapsed.as_secs_f64() / live.period_s + f64::from(offset) / 97.0;
        live.low + (live.high - live.low) * f64::midpoint(1.0, (TAU * turns).sin())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Item<'a> {
    fn live(live: &'a LiveItem) -> Self {
        Self { id: &live.id, name: &live.name, did: &live.did, source: Source::Live(live) }
    }

    fn setting(setting: &'a SettingItem) -> Self {
        let source = Source::Setting(setting);
        Self { id: &setting.id, name: &setting.name, did: &setting.did, source }
    }

    /// The category of SOVD that the item belongs to.
    pub(crate) fn category(&self) -> &'static str {
        match self.source {
            Source::Identification(_) => "identData",
            Source::Live(_) => "currentData",
            Source::Setting(_) => "storedData",
        }
    }

    /// What the value is measured in; `None` for text.
    pub(crate) fn unit(&self) -> Option<Unit> {
        match self.source {
            Source::Identification(_) => None,
            Source::Live(live) => Some(live.unit),
            Source::Setting(setting) => Some(setting.unit),
        }
    }
}

/// The refusal for an id that means nothing here.
pub(crate) fn unknown(kind: &'static str, id: &str) -> Refusal {
    Refusal::Unknown { kind, id: id.to_owned() }
}
