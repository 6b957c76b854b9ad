//! What simulated vehicles are made of: the one data file and its shape.
//!
//! Describes vehicles at rest; nothing here runs or remembers.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::dialect::Dialect;
use crate::execution::Operation;
use crate::injection::Injection;
use crate::unit::Unit;
use crate::vin;

const VEHICLES: &str = include_str!("vehicles.toml");

/// A vehicle as the data file describes it.
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
    /// How it speaks SOVD.
    #[serde(skip)]
    pub(crate) dialect: Dialect,
    /// What the link to it suffers from, unless a setting says otherwise.
    #[serde(skip)]
    pub(crate) injection: Injection,
    pub(crate) ecus: Vec<EcuPlan>,
}

/// A control unit as it leaves the factory.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EcuPlan {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) variant: String,
    pub(crate) logical_address: u16,
    pub(crate) part_number: String,
    pub(crate) serial_number: String,
    pub(crate) software_version: String,
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
}

/// An entry of the fault memory.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    pub(crate) code: String,
    /// What to show instead of a code that is not for people; `None` means the code itself.
    pub(crate) display_code: Option<String>,
    pub(crate) name: String,
    pub(crate) scope: String,
    /// 1 fatal, 2 error, 3 warning, 4 information.
    pub(crate) severity: u8,
    /// The status byte of ISO 14229, bit 0 first.
    pub(crate) status: u8,
    pub(crate) symptom: Option<String>,
    pub(crate) environment: Value,
}

/// A measured value that swings between two bounds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiveItem {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) did: String,
    pub(crate) unit: Unit,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) period_s: f64,
}

/// A stored value that a tester may write.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingItem {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) did: String,
    pub(crate) unit: Unit,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) value: f64,
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

/// The four vehicles of the demonstration; the last one is offline.
#[expect(clippy::expect_used, reason = "the data file is embedded, and a test parses it")]
pub fn demo_fleet() -> Vec<Vehicle> {
    toml::from_str::<DataFile>(VEHICLES).expect("the embedded data file is valid").vehicle
}

/// `count` online vehicles, the same ones at every call; VINs differ up to one million.
pub fn fleet(count: usize) -> Vec<Vehicle> {
    let online: Vec<Vehicle> = demo_fleet().into_iter().filter(|each| !each.offline).collect();
    online.iter().cycle().zip(1..=count).map(|(each, serial)| sibling(each, serial)).collect()
}

fn sibling(of: &Vehicle, serial: usize) -> Vehicle {
    Vehicle { vin: vin::with_serial(&of.vin, serial), ..of.clone() }
}
