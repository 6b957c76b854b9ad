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

/// What a vehicle's SOVD server is shown, and what it is believed by.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The bearer token that it wants, encrypted; `None` = none is shown.
    pub sealed_token: Option<Vec<u8>>,
    /// The certificates, as PEM, of the only authorities that it is believed by; `None` = those that
    /// the machine trusts.
    pub authorities: Option<String>,
    /// Our certificate and its private key, as PEM, encrypted, to show when it asks who we are; `None` =
    /// nothing is shown.
    pub sealed_identity: Option<Vec<u8>>,
}

/// Says what there is, and not what it is.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = f.debug_struct("Credentials");
        text.field("has_token", &self.sealed_token.is_some());
        text.field("has_authorities", &self.authorities.is_some());
        text.field("has_identity", &self.sealed_identity.is_some()).finish()
    }
}

/// How a vehicle is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connector {
    /// This server speaks SOVD with it.
    Sovd {
        /// The address of its SOVD server.
        url: String,
        /// What makes the two of them trust each other.
        credentials: Credentials,
    },
    /// Somebody else's program takes its orders from the bus and answers there.
    External,
}

impl Connector {
    /// By SOVD, with no credentials.
    pub fn sovd(url: impl Into<String>) -> Self {
        Self::Sovd { url: url.into(), credentials: Credentials::default() }
    }

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
            Self::Sovd { url, .. } => Some(url),
            Self::External => None,
        }
    }

    /// The credentials for its SOVD server, if it is reached that way.
    pub fn credentials(&self) -> Option<&Credentials> {
        match self {
            Self::Sovd { credentials, .. } => Some(credentials),
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
    /// Why a server that answers is of no use, as the last probe found it: its certificate is not
    /// believed, or it wants another token. `None` = nothing of that kind is known.
    pub obstacle: Option<String>,
    /// When it last answered; `None` = never.
    pub last_seen_at: Option<Timestamp>,
    /// Grows with every change of the row; the ETag of the vehicle.
    pub revision: i64,
}

impl Vehicle {
    /// Whether there is a reason to try an order: it can be spoken to, or its obstacle is one that the
    /// order is to end with, because waiting would not remove it.
    pub fn is_worth_a_try(&self) -> bool {
        self.connection_status == ConnectionStatus::Connected || self.obstacle.is_some()
    }
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
