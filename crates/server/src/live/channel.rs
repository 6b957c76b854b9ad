//! State channels: news of vehicles' connections, where the latest wins.
//!
//! Refuses to keep a history: whoever falls behind is told to look again.

use model::Timestamp;
use model::id::{FleetId, VehicleId};
use model::vehicle::{Presence, Vehicle};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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

/// How new a piece of news is: of two, the larger is the newer.
type Age = (i64, Option<Timestamp>);

/// What has been told of each vehicle: news may come from several nodes, and from the store.
#[derive(Default)]
struct Told(HashMap<VehicleId, Age>);

impl Told {
    /// Takes note; `false` = it is old.
    fn learn(&mut self, presence: &Presence) -> bool {
        let age = (presence.revision, presence.last_seen_at);
        let known = self.0.get(&presence.vehicle_id).copied();
        self.0.insert(presence.vehicle_id, known.map_or(age, |known| known.max(age)));
        known.is_none_or(|known| known < age)
    }
}

/// All state channels of a node.
#[derive(Clone)]
pub(crate) struct Channels {
    news: broadcast::Sender<News>,
    told: Arc<Mutex<Told>>,
}

impl Channels {
    pub(crate) fn new() -> Self {
        Self { news: broadcast::Sender::new(BACKLOG), told: Arc::default() }
    }

    /// Tells whoever listens, unless it is not newer than what they know. Never waits.
    pub(crate) fn publish(&self, news: News) {
        if self.told().learn(&news.presence) {
            // An error means that nobody listens.
            drop(self.news.send(news));
        }
    }

    /// Forgets the vehicles that are not in the registry any more.
    pub(crate) fn retain(&self, is_registered: impl Fn(VehicleId) -> bool) {
        self.told().0.retain(|vehicle_id, _| is_registered(*vehicle_id));
    }

    /// A panic elsewhere leaves the map whole: every change to it is one call.
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears all news from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }
}
