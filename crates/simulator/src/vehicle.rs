//! A vehicle at work: its entities, its setting and its ledger.
//!
//! Neither listens nor speaks HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::entity::locks::Locks;
use crate::entity::{Collection, Entity};
use crate::fleet::{EntityPlan, Equipment, Vehicle};
use crate::injection::Injector;
use crate::ledger::{Count, Effect, Ledger};
use crate::setting::{Failure, Parts, Setting};
use crate::updates::{UpdatePlan, Updates};

/// One simulated vehicle and all that it remembers.
#[derive(Debug)]
pub(crate) struct Simulated {
    /// As built, without its control units: they are at work.
    pub(crate) plan: Vehicle,
    pub(crate) clock: Clock,
    entities: Vec<Arc<Entity>>,
    /// Those on the vehicle as a whole.
    locks: Mutex<Locks>,
    updates: Mutex<Updates>,
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
        let entities = assembled(&ecus, plan.equipment.as_deref(), &Arc::from(plan.vin.as_str()));
        Self {
            entities,
            clock: Clock::start(),
            locks: Mutex::default(),
            updates: Mutex::default(),
            setting: Mutex::new(Setting::default_of(&plan)),
            ledger: Mutex::default(),
            plan,
        }
    }

    /// The entities of a collection, without their parts.
    pub(crate) fn entities(&self, of: Collection) -> impl Iterator<Item = &Entity> {
        self.those(move |entity| entity.collection == of && entity.plan.parent.is_none())
    }

    /// The parts of an entity.
    pub(crate) fn parts(&self, of: &Entity) -> impl Iterator<Item = &Entity> {
        self.those(|entity| {
            let parent = entity.plan.parent.as_deref();
            entity.collection == of.collection && parent == Some(of.plan.id.as_str())
        })
    }

    /// Every entity for which `holds`.
    pub(crate) fn those(&self, holds: impl Fn(&Entity) -> bool) -> impl Iterator<Item = &Entity> {
        self.entities.iter().map(Arc::as_ref).filter(move |entity| holds(entity))
    }

    /// The entity to which a path below the root belongs, and the rest of the path.
    pub(crate) fn locate<'a>(&self, path: &'a str) -> Option<(Arc<Entity>, &'a str)> {
        let fits = |entity: &Arc<Entity>| {
            let rest = path.strip_prefix(entity.path.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| (Arc::clone(entity), rest))
        };
        self.entities.iter().filter_map(fits).min_by_key(|(_, rest)| rest.len())
    }

    /// The packages that it knows from the factory; `None` if it has no updates.
    pub(crate) fn update_plans(&self) -> Option<&[UpdatePlan]> {
        Some(&self.plan.equipment.as_ref()?.updates)
    }

    /// The locks on the vehicle as a whole.
    pub(crate) fn locks(&self) -> MutexGuard<'_, Locks> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn updates(&self) -> MutexGuard<'_, Updates> {
        self.updates.lock().unwrap_or_else(PoisonError::into_inner)
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

fn assembled(
    ecus: &[Arc<EntityPlan>],
    equipment: Option<&Equipment>,
    vin: &Arc<str>,
) -> Vec<Arc<Entity>> {
    let of = |plan: &Arc<EntityPlan>, collection| {
        Arc::new(Entity::new(Arc::clone(plan), collection, Arc::clone(vin)))
    };
    let ecus = ecus.iter().map(|plan| of(plan, Collection::Components));
    let mut entities: Vec<_> = ecus.collect();
    let Some(equipment) = equipment else { return entities };
    let parts = [
        (&equipment.components, Collection::Components),
        (&equipment.apps, Collection::Apps),
        (&equipment.areas, Collection::Areas),
        (&equipment.functions, Collection::Functions),
    ];
    for (plans, collection) in parts {
        entities.extend(plans.iter().map(|plan| of(plan, collection)));
    }
    entities
}
