//! A vehicle of the registry and what is known of its connection.
//!
//! Refuses to reach it: that is a connector's.

use crate::Timestamp;
use crate::id::{FleetId, VehicleId};
use crate::vin::Vin;
use serde::{Deserialize, Serialize};

/// Whether the vehicle can be spoken to, as the last probe found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Its SOVD server answers.
    Connected,
    /// Nothing answers at its address.
    Disconnected,
    /// Something answers, but no SOVD server.
    Error,
}

impl ConnectionStatus {
    /// The word as stored and sent.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Error => "error",
        }
    }

    /// The status of a stored word; `None` for a word that no version of ours wrote.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Connected, Self::Disconnected, Self::Error]
            .into_iter()
            .find(|status| status.word() == word)
    }
}

/// What people call the vehicle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// The maker.
    pub make: String,
    /// The model.
    pub model: String,
    /// The model year; `None` if nobody said.
    pub year: Option<i32>,
}

/// How a vehicle is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connector {
    /// This server speaks SOVD with it.
    Sovd {
        /// The address of its SOVD server.
        url: String,
    },
    /// Somebody else's program takes its orders from the bus and answers there.
    External,
}

impl Connector {
    /// The kind as stored and sent.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Sovd { .. } => "sovd",
            Self::External => "external",
        }
    }

    /// The address of its SOVD server, if it is reached that way.
    pub fn sovd_url(&self) -> Option<&str> {
        match self {
            Self::Sovd { url } => Some(url),
            Self::External => None,
        }
    }
}

/// A vehicle of the registry.
#[derive(Debug, Clone)]
pub struct Vehicle {
    /// Its id.
    pub vehicle_id: VehicleId,
    /// Its VIN.
    pub vin: Vin,
    /// The fleet that it belongs to.
    pub fleet_id: FleetId,
    /// What people call it.
    pub model: Model,
    /// How it is reached.
    pub connector: Connector,
    /// What the installation keeps beside it: a JSON object. `ecu_aliases` in it maps an ECU address
    /// to a component (`{"0x10": "engine_ecu"}`), `data_aliases` a DID to a data id.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// Whether it can be spoken to.
    pub connection_status: ConnectionStatus,
    /// When it last answered; `None` = never.
    pub last_seen_at: Option<Timestamp>,
    /// Grows with every change of the row; the ETag of the vehicle.
    pub revision: i64,
}

/// A fleet: the unit in which rights to vehicles are granted.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// Its id.
    pub fleet_id: FleetId,
    /// Its name, unique.
    pub name: String,
}

/// News of a vehicle's connection, as the state channels send it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The vehicle.
    pub vehicle_id: VehicleId,
    /// Whether it can be spoken to.
    pub connection_status: ConnectionStatus,
    /// When it last answered; `None` = never.
    pub last_seen_at: Option<Timestamp>,
    /// Grows with every change: of two, the larger is the newer.
    pub revision: i64,
}
