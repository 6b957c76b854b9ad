//! A vehicle at work: its control units, its setting and its ledger.
//!
//! Neither listens nor speaks HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::ecu::{Ecu, unknown};
use crate::fleet::Vehicle;
use crate::injection::Injector;
use crate::ledger::{Count, Effect, Ledger};
use crate::refusal::Refusal;
use crate::setting::{Failure, Parts, Setting};

/// One simulated vehicle and all that it remembers.
#[derive(Debug)]
pub(crate) struct Simulated {
    /// As built, without its control units: they are at work.
    pub(crate) plan: Vehicle,
    ecus: Vec<Ecu>,
    awake_since: Instant,
    setting: Mutex<Setting>,
    ledger: Mutex<Ledger>,
}

/// How one request of a command is to be answered.
#[derive(Debug)]
pub(crate) struct Conduct {
    /// How long the answer waits; `None` means not at all.
    pub(crate) delay: Option<Duration>,
    pub(crate) fault: Option<Failure>,
    /// What a streamed answer consists of; `None` means that nothing is streamed.
    pub(crate) parts: Option<Parts>,
}

impl Simulated {
    pub(crate) fn new(mut plan: Vehicle) -> Self {
        let ecus = std::mem::take(&mut plan.ecus);
        let ecus = ecus.into_iter().map(|ecu| Ecu::new(ecu, plan.vin.clone())).collect();
        let setting = Mutex::new(Setting::default_of(&plan));
        Self { plan, ecus, awake_since: Instant::now(), setting, ledger: Mutex::default() }
    }

    /// Every control unit.
    pub(crate) fn ecus(&self) -> &[Ecu] {
        &self.ecus
    }

    /// The control unit with this id.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`] if the vehicle does not have it.
    pub(crate) fn ecu(&self, id: &str) -> Result<&Ecu, Refusal> {
        let found = self.ecus.iter().find(|ecu| ecu.plan.id == id);
        found.ok_or_else(|| unknown("component", id))
    }

    /// Time since the vehicle woke up.
    pub(crate) fn elapsed(&self) -> Duration {
        self.awake_since.elapsed()
    }

    /// Counts a request of a command that has arrived in full; says how to answer it.
    pub(crate) fn receive(&self, command: &str, effect: Effect) -> Conduct {
        let first = self.ledger().count(command, effect);
        let setting = self.setting();
        let delay = if first { setting.delay(command) } else { None };
        Conduct { delay, fault: setting.fault, parts: setting.parts }
    }

    /// The setting in force.
    pub(crate) fn setting(&self) -> Setting {
        self.setting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The faults of its link at work.
    pub(crate) fn injector(&self) -> Arc<Injector> {
        let setting = self.setting.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&setting.injector)
    }

    /// Replaces the whole setting.
    pub(crate) fn set(&self, setting: Setting) {
        *self.setting.lock().unwrap_or_else(PoisonError::into_inner) = setting;
    }

    /// How often each command came.
    pub(crate) fn counts(&self) -> BTreeMap<Arc<str>, Count> {
        self.ledger().counts()
    }

    /// Forgets every command that came.
    pub(crate) fn clear_counts(&self) {
        self.ledger().clear();
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
