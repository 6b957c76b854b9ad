//! State channels: news of vehicles' connections, where the latest wins.
//!
//! Refuses to keep a history: whoever falls behind is told to look again.

use model::id::{FleetId, VehicleId};
use model::vehicle::{Presence, Vehicle};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;
use tokio::sync::broadcast;

/// How much news a socket may be behind before it reads the present state anew.
const BACKLOG: usize = 1024;

/// What can be subscribed to beside commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Channel {
    /// Every vehicle of a fleet.
    Fleet(FleetId),
    /// One vehicle.
    Vehicle(VehicleId),
}

/// Why a text names no channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("channel must be fleet:<id> or vehicle:<id>")]
pub(crate) struct NotAChannel;

impl FromStr for Channel {
    type Err = NotAChannel;

    fn from_str(text: &str) -> Result<Self, NotAChannel> {
        let (kind, id) = text.split_once(':').ok_or(NotAChannel)?;
        match kind {
            "fleet" => id.parse().map(Self::Fleet).map_err(|_| NotAChannel),
            "vehicle" => id.parse().map(Self::Vehicle).map_err(|_| NotAChannel),
            _ => Err(NotAChannel),
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fleet(id) => write!(f, "fleet:{id}"),
            Self::Vehicle(id) => write!(f, "vehicle:{id}"),
        }
    }
}

/// News of one vehicle.
#[derive(Debug, Clone)]
pub(crate) struct News {
    pub(crate) fleet_id: FleetId,
    pub(crate) presence: Presence,
}

impl News {
    /// What is known of a vehicle now.
    pub(crate) fn of(vehicle: &Vehicle) -> Self {
        let presence = Presence {
            vehicle_id: vehicle.vehicle_id,
            connection_status: vehicle.connection_status,
            last_seen_at: vehicle.last_seen_at,
            revision: vehicle.revision,
        };
        Self { fleet_id: vehicle.fleet_id, presence }
    }

    /// Whether it belongs on that channel.
    pub(crate) fn is_on(&self, channel: Channel) -> bool {
        match channel {
            Channel::Fleet(id) => id == self.fleet_id,
            Channel::Vehicle(id) => id == self.presence.vehicle_id,
        }
    }

    /// The frame that subscribers get.
    pub(crate) fn frame(&self) -> String {
        #[derive(Serialize)]
        struct VehicleStatus<'a> {
            event: &'static str,
            #[serde(flatten)]
            presence: &'a Presence,
        }
        let frame = VehicleStatus { event: "vehicle_status", presence: &self.presence };
        serde_json::to_string(&frame).unwrap_or_default()
    }
}

/// All state channels of a node.
#[derive(Clone)]
pub(crate) struct Channels(broadcast::Sender<News>);

impl Channels {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    /// Tells whoever listens. Never waits.
    pub(crate) fn publish(&self, news: News) {
        // An error means that nobody listens.
        drop(self.0.send(news));
    }

    /// Hears all news from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<News> {
        self.0.subscribe()
    }
}
