//! Whether vehicles can be spoken to: probes them, stores what it finds, tells who listens.
//!
//! Refuses to conclude from one silence that a vehicle is gone.

use crate::command::doorbell::Doorbell;
use crate::contact::Contact;
use crate::live::bus::Announcer;
use crate::live::channel::News;
use crate::node::Members;
use connect::Probe;
use futures_util::{StreamExt, stream};
use model::Timestamp;
use model::command::later;
use model::id::VehicleId;
use model::vehicle::{ConnectionStatus, Connector, Vehicle};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use store::{ProbeResult, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// How many vehicles are probed at the same time.
const AT_ONCE: usize = 64;
/// How many probes in a row have to fail before a connected vehicle counts as gone.
const DOUBT: u32 = 2;
/// How often a vehicle that keeps answering is marked as seen.
const SEEN_EVERY: Duration = Duration::from_secs(30);

/// The task that follows the vehicles' connections.
pub(crate) struct Presences {
    pub(crate) store: Store,
    pub(crate) contact: Contact,
    pub(crate) announcer: Announcer,
    pub(crate) doorbell: Doorbell,
    pub(crate) members: Members,
}

impl Presences {
    /// Probes this node's share of the vehicles again and again until `shutdown`.
    pub(crate) async fn follow(self, every: Duration, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(every);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failures = HashMap::new();
        while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
            let round = shutdown.run_until_cancelled(self.round(&mut failures)).await;
            if let Some(Err(error)) = round {
                tracing::warn!(%error, "cannot follow the vehicles' connections");
            }
        }
    }

    async fn round(&self, failures: &mut HashMap<VehicleId, u32>) -> Result<(), StoreError> {
        let vehicles = self.store.all_vehicles().await?;
        self.catch_up(&vehicles);
        let is_mine = |vehicle: &Vehicle| self.members.is_mine(vehicle.vehicle_id.into());
        let vehicles: Vec<_> = vehicles.into_iter().filter(is_mine).collect();
        let mine: HashSet<_> = vehicles.iter().map(|vehicle| vehicle.vehicle_id).collect();
        failures.retain(|vehicle_id, _| mine.contains(vehicle_id));
        let listening = self.listening(&vehicles).await;
        let found: Vec<_> = stream::iter(vehicles)
            .map(|vehicle| async {
                let found = self.found(&vehicle, listening.as_ref()).await;
                found.map(|found| (vehicle, found))
            })
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await;
        let now = self.store.now();
        let news: Vec<_> = found
            .into_iter()
            .filter(|(vehicle, found)| is_believed(failures, vehicle, found.status))
            .filter(|(vehicle, found)| is_news(vehicle, found, now))
            .collect();
        if news.is_empty() { Ok(()) } else { self.tell(news).await }
    }

    /// Tells what other nodes have found and this one has not heard.
    fn catch_up(&self, vehicles: &[Vehicle]) {
        let channels = &self.announcer.channels;
        for vehicle in vehicles {
            channels.publish(&News::of(vehicle));
        }
        let fleets = vehicles.iter().map(|vehicle| (vehicle.vehicle_id, vehicle.fleet_id));
        channels.retain(&fleets.collect());
    }

    /// The vehicles whose external connector listens; `None` = nobody knows.
    async fn listening(&self, vehicles: &[Vehicle]) -> Option<HashSet<VehicleId>> {
        let external = vehicles.iter().filter(|vehicle| vehicle.connector == Connector::External);
        let external: Vec<_> = external.map(|vehicle| vehicle.vehicle_id).collect();
        if external.is_empty() {
            return Some(HashSet::new());
        }
        Some(self.announcer.bus.listening(external).await?.into_iter().collect())
    }

    /// What the connection of a vehicle is like; `None` = that cannot be told now.
    async fn found(
        &self,
        vehicle: &Vehicle,
        listening: Option<&HashSet<VehicleId>>,
    ) -> Option<Probe> {
        let probe = self.contact.probe(vehicle).await;
        if probe.is_some() {
            return probe;
        }
        let is_there = listening?.contains(&vehicle.vehicle_id);
        let status =
            if is_there { ConnectionStatus::Connected } else { ConnectionStatus::Disconnected };
        Some(Probe { status, obstacle: None })
    }

    async fn tell(&self, news: Vec<(Vehicle, Probe)>) -> Result<(), StoreError> {
        let probes = news.iter().map(|(vehicle, found)| ProbeResult {
            vehicle_id: vehicle.vehicle_id,
            status: found.status,
            obstacle: found.obstacle.clone(),
        });
        for presence in self.store.record_probes(probes.collect()).await? {
            let before = news.iter().find(|(before, _)| before.vehicle_id == presence.vehicle_id);
            let Some((before, found)) = before else { continue };
            if before.connection_status != presence.connection_status {
                tracing::info!(
                    vehicle_id = %presence.vehicle_id,
                    connection_status = presence.connection_status.word(),
                    "vehicle_connection_changed",
                );
            }
            // One with an obstacle is rung for as well: what waits for it is to end with the reason.
            if presence.connection_status == ConnectionStatus::Connected || found.obstacle.is_some()
            {
                self.doorbell.ring(presence.vehicle_id);
            }
            self.announcer.publish(News { fleet_id: before.fleet_id, presence });
        }
        Ok(())
    }
}

/// Whether a probe is believed: one failure of a vehicle that was there may be an accident.
fn is_believed(
    failures: &mut HashMap<VehicleId, u32>,
    vehicle: &Vehicle,
    status: ConnectionStatus,
) -> bool {
    if status == ConnectionStatus::Connected {
        failures.remove(&vehicle.vehicle_id);
        return true;
    }
    let count = failures.entry(vehicle.vehicle_id).or_insert(0);
    *count = count.saturating_add(1);
    *count >= DOUBT || vehicle.connection_status != ConnectionStatus::Connected
}

/// Whether a probe says something new: a change, or that a vehicle is still there after a while.
fn is_news(vehicle: &Vehicle, found: &Probe, now: Timestamp) -> bool {
    let is_stale = vehicle.last_seen_at.is_none_or(|seen| later(seen, SEEN_EVERY) <= now);
    vehicle.connection_status != found.status
        || vehicle.obstacle != found.obstacle
        || (found.status == ConnectionStatus::Connected && is_stale)
}
