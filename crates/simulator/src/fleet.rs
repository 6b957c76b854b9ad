//! What simulated vehicles are made of: the data files and their shape.
//!
//! Describes vehicles at rest; nothing here runs or remembers.

use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use crate::dialect::Dialect;
use crate::entity::bulk::BulkPlan;
use crate::entity::configurations::ConfigurationPlan;
use crate::entity::data::{LiveItem, SettingItem};
use crate::entity::faults::Fault;
use crate::injection::Injection;
use crate::operation::Operation;
use crate::updates::UpdatePlan;
use crate::vin;

const VEHICLES: &str = include_str!("vehicles.toml");
const EQUIPMENT: &str = include_str!("equipment.toml");

/// Shared by all vehicles: a thousand of them are described once.
#[expect(clippy::expect_used, reason = "the data file is embedded, and a test parses it")]
static DEMONSTRATION: LazyLock<Vec<Vehicle>> = LazyLock::new(|| {
    toml::from_str::<DataFile>(VEHICLES).expect("the embedded data file is valid").vehicle
});

#[expect(clippy::expect_used, reason = "the data file is embedded, and a test parses it")]
static FULL: LazyLock<Arc<Equipment>> = LazyLock::new(|| {
    toml::from_str(EQUIPMENT).map(Arc::new).expect("the embedded data file is valid")
});

/// A vehicle as the data files describe it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vehicle {
    /// Vehicle identification number, with a valid check digit.
    pub vin: String,
    /// Who built it.
    pub make: String,
    /// What it is sold as.
    pub model: String,
    /// Model year.
    pub year: u16,
    /// Starts with an address at which nothing listens.
    #[serde(default)]
    pub offline: bool,
    /// Refuses writes and operations to who holds no lock, as strict servers do.
    #[serde(default)]
    pub needs_lock: bool,
    /// How it speaks SOVD.
    #[serde(skip)]
    pub(crate) dialect: Dialect,
    /// What the link to it suffers from, unless a setting says otherwise.
    #[serde(skip)]
    pub(crate) injection: Injection,
    pub(crate) ecus: Vec<Arc<EntityPlan>>,
    /// What it has beside its classic control units; `None` is nothing.
    #[serde(skip)]
    pub(crate) equipment: Option<Arc<Equipment>>,
}

/// What makes a vehicle a modern one: a central computer, apps, areas, functions, updates.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Equipment {
    pub(crate) components: Vec<Arc<EntityPlan>>,
    pub(crate) apps: Vec<Arc<EntityPlan>>,
    pub(crate) areas: Vec<Arc<EntityPlan>>,
    pub(crate) functions: Vec<Arc<EntityPlan>>,
    pub(crate) updates: Vec<UpdatePlan>,
}

/// What an entity is; it follows which collections it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    #[default]
    Ecu,
    /// A high-performance computer, with everything that SOVD knows.
    Computer,
    App,
    Area,
    Function,
}

/// An entity as it leaves the factory.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntityPlan {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// The entity of the same collection that it is a part of.
    pub(crate) parent: Option<String>,
    /// Path of the component on which an app runs.
    pub(crate) located_on: Option<String>,
    /// Paths of what is in an area.
    #[serde(default)]
    pub(crate) contains: Vec<String>,
    /// Paths of what it does not work without.
    #[serde(default)]
    pub(crate) depends_on: Vec<String>,
    pub(crate) variant: Option<String>,
    pub(crate) logical_address: Option<u16>,
    pub(crate) part_number: Option<String>,
    pub(crate) serial_number: Option<String>,
    pub(crate) software_version: Option<String>,
    /// Cannot clear a single fault, only all of them.
    #[serde(default)]
    pub(crate) clears_only_all: bool,
    #[serde(default)]
    pub(crate) faults: Vec<Arc<Fault>>,
    #[serde(default)]
    pub(crate) live: Vec<LiveItem>,
    #[serde(default)]
    pub(crate) settings: Vec<SettingItem>,
    #[serde(default)]
    pub(crate) operations: Vec<Operation>,
    #[serde(default)]
    pub(crate) configurations: Vec<ConfigurationPlan>,
    #[serde(default)]
    pub(crate) bulk: Vec<BulkPlan>,
}

impl Vehicle {
    /// The same vehicle, speaking a dialect.
    #[must_use]
    pub fn speaking(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// The same vehicle behind a link with faults, until a setting says otherwise.
    #[must_use]
    pub fn behind(self, injection: Injection) -> Self {
        Self { injection, ..self }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DataFile {
    vehicle: Vec<Vehicle>,
}

impl EntityPlan {
    /// The collections of resources that it has, as the links call them.
    pub(crate) fn collections(&self) -> Vec<&'static str> {
        let everywhere = ["data", "data-lists", "faults"];
        let controlled = ["locks", "cyclic-subscriptions", "triggers", "status"];
        let computed = ["logs", "communication-logs", "scripts", "clear-data"];
        let (plain, modes, computer) = match self.kind {
            Kind::Area => return Vec::new(),
            Kind::Ecu => (false, true, false),
            Kind::Computer => (false, true, true),
            Kind::App | Kind::Function => (true, false, false),
        };
        let some = |has: bool, name| has.then_some(name);
        let mut collections = everywhere.to_vec();
        collections.extend(some(!self.operations.is_empty(), "operations"));
        collections.extend(some(modes, "modes"));
        collections.extend(some(!self.configurations.is_empty(), "configurations"));
        collections.extend(some(!self.bulk.is_empty(), "bulk-data"));
        collections.extend(controlled.into_iter().filter(|name| !(plain && *name == "status")));
        collections.extend(computed.into_iter().filter(|_| computer));
        collections
    }
}

impl Equipment {
    /// Its entities, of all collections.
    #[cfg(test)]
    pub(crate) fn entities(&self) -> impl Iterator<Item = &Arc<EntityPlan>> {
        let parts = [&self.components, &self.apps, &self.areas, &self.functions];
        parts.into_iter().flatten()
    }
}

/// What every modern vehicle of the simulator has.
pub(crate) fn equipment() -> Arc<Equipment> {
    Arc::clone(&FULL)
}

/// The four vehicles of the demonstration, with all that SOVD knows; the last one is offline.
pub fn demo_fleet() -> Vec<Vehicle> {
    DEMONSTRATION.iter().map(equipped).collect()
}

/// `count` online vehicles, the same ones at every call; VINs differ up to one million.
///
/// They have classic control units only.
pub fn fleet(count: usize) -> Vec<Vehicle> {
    let online: Vec<&Vehicle> = DEMONSTRATION.iter().filter(|each| !each.offline).collect();
    online.iter().cycle().zip(1..=count).map(|(each, serial)| sibling(each, serial)).collect()
}

/// The vehicles of [`fleet`], with central computer, apps, areas, functions and updates beside.
pub fn full_fleet(count: usize) -> Vec<Vehicle> {
    fleet(count).iter().map(equipped).collect()
}

fn sibling(of: &Vehicle, serial: usize) -> Vehicle {
    Vehicle { vin: vin::with_serial(&of.vin, serial), ..of.clone() }
}

fn equipped(vehicle: &Vehicle) -> Vehicle {
    Vehicle { equipment: Some(equipment()), ..vehicle.clone() }
}
