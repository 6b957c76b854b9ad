//! Dispatching: claims commands whose turn it is and drives each to its end.
//!
//! Refuses to hold the queue in memory: the commands table is the queue, and a doorbell only says
//! where to look first.

use super::{Commands, Settings, record};
use crate::observe;
use connect::{SendBy, Sovd};
use model::command::Phase;
use model::id::{CommandId, NodeId, VehicleId};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use store::{Claimed, Held, Reach};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often the whole queue is looked through, whoever rang or did not.
const SWEEP: Duration = Duration::from_secs(1);
/// How many rings may wait; one that is lost is made up for by the sweep.
const RINGS: usize = 4096;
/// How long drives may take to notice that the server goes down.
const DRAIN: Duration = Duration::from_secs(25);

/// Something that the dispatcher should look at.
enum Ring {
    Vehicle(VehicleId),
    Stop(CommandId),
}

/// The way to wake the dispatcher; cheap to clone.
#[derive(Clone)]
pub(crate) struct Doorbell(mpsc::Sender<Ring>);

impl Doorbell {
    /// A doorbell, and what the dispatcher hears of it.
    pub(crate) fn new() -> (Self, Visitors) {
        let (rings, heard) = mpsc::channel(RINGS);
        (Self(rings), Visitors(heard))
    }

    /// There may be something to do at this vehicle.
    pub(crate) fn ring(&self, vehicle_id: VehicleId) {
        drop(self.0.try_send(Ring::Vehicle(vehicle_id)));
    }

    /// A user wants this command stopped.
    pub(crate) fn stop(&self, command_id: CommandId) {
        drop(self.0.try_send(Ring::Stop(command_id)));
    }
}

/// The dispatcher's end of the doorbell.
pub(crate) struct Visitors(mpsc::Receiver<Ring>);

/// A command, and the fence under which it is driven: a node may claim again what it lost.
type DriveKey = (CommandId, i64);

/// What a drive can be told.
#[derive(Clone)]
pub(super) struct Reins {
    /// A user wants it stopped.
    pub(super) stop: CancellationToken,
    /// Until when the claim is known to last.
    pub(super) send_by: SendBy,
}

/// The task that owns every drive of this node.
pub(crate) struct Dispatcher {
    commands: Commands,
    connector: Sovd,
    node: NodeId,
    settings: Settings,
    drives: JoinSet<DriveKey>,
    driven: HashMap<DriveKey, Reins>,
    /// Whether something may wait for no other reason than want of room.
    is_full: bool,
}

impl Dispatcher {
    pub(crate) fn new(commands: Commands, connector: Sovd, node: NodeId) -> Self {
        let settings = commands.settings;
        let (drives, driven) = (JoinSet::new(), HashMap::new());
        Self { commands, connector, node, settings, drives, driven, is_full: false }
    }

    /// Runs until `shutdown`, then lets what has begun come to its end.
    ///
    /// A command that outlives [`DRAIN`] stays as it is in the store; the next start deals with it.
    pub(crate) async fn run(mut self, mut visitors: Visitors, shutdown: CancellationToken) {
        observe::commands_in_flight(0);
        let (mut sweep, mut renew) = (ticks(SWEEP), ticks(self.settings.lease_renew));
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(ring) = visitors.0.recv() => self.answer(ring, &mut visitors).await,
                _ = sweep.tick() => self.claim(Reach::All).await,
                _ = renew.tick() => self.renew().await,
                Some(ended) = self.drives.join_next(), if !self.drives.is_empty() => {
                    self.forget(ended);
                    self.refill().await;
                }
            }
        }
        self.drain(renew).await;
    }

    /// Hears everybody who stands at the door, then looks at all their vehicles at once.
    async fn answer(&mut self, first: Ring, visitors: &mut Visitors) {
        let mut vehicles = HashSet::new();
        let mut next = Some(first);
        while let Some(ring) = next {
            match ring {
                Ring::Vehicle(id) => drop(vehicles.insert(id)),
                Ring::Stop(id) => self.stop(id),
            }
            next = visitors.0.try_recv().ok();
        }
        if !vehicles.is_empty() {
            self.claim(Reach::Vehicles(vehicles.into_iter().collect())).await;
        }
    }

    /// Gives the room that has become free to whoever waits for it, at whichever vehicle.
    async fn refill(&mut self) {
        while let Some(ended) = self.drives.try_join_next() {
            self.forget(ended);
        }
        if self.is_full {
            self.claim(Reach::All).await;
        }
    }

    async fn claim(&mut self, reach: Reach) {
        let room = self.settings.max_in_flight.saturating_sub(self.drives.len());
        if room == 0 {
            self.is_full = true;
            return;
        }
        let send_by = self.send_by();
        match self.commands.store.claim(self.node, self.settings.lease, reach, room).await {
            Ok(claimed) => {
                self.is_full = claimed.len() >= room;
                for command in claimed {
                    self.drive(command, send_by);
                }
            }
            Err(error) => tracing::warn!(%error, "cannot claim commands"),
        }
    }

    fn drive(&mut self, claimed: Claimed, send_by: Instant) {
        let key = (claimed.command.order.command_id, claimed.command.fence);
        let send_by = SendBy::new(send_by.into_std());
        let reins = Reins { stop: CancellationToken::new(), send_by };
        self.driven.insert(key, reins.clone());
        let (commands, connector) = (self.commands.clone(), self.connector.clone());
        self.drives.spawn(async move {
            record::drive(commands, connector, claimed, reins).await;
            key
        });
        observe::commands_in_flight(self.drives.len());
    }

    fn stop(&self, command_id: CommandId) {
        let reins = self.driven.iter().filter(|((driven, _), _)| *driven == command_id);
        reins.for_each(|(_, reins)| reins.stop.cancel());
    }

    fn forget(&mut self, ended: Result<DriveKey, tokio::task::JoinError>) {
        match ended {
            Ok(key) => drop(self.driven.remove(&key)),
            Err(error) => tracing::error!(%error, "a drive panicked; its timer ends the command"),
        }
        observe::commands_in_flight(self.drives.len());
    }

    /// Keeps the claims, and learns what has been cancelled through other nodes.
    async fn renew(&mut self) {
        if self.drives.is_empty() {
            return;
        }
        let send_by = self.send_by();
        match self.commands.store.renew(self.node, self.settings.lease).await {
            Ok(held) => held.into_iter().for_each(|claim| self.keep(claim, send_by)),
            Err(error) => tracing::warn!(%error, "cannot renew claims"),
        }
    }

    /// Until when something may be sent under a claim that is asked for now: so long before its end
    /// that what is on its way arrives while it lasts.
    fn send_by(&self) -> Instant {
        Instant::now() + self.settings.lease - self.settings.lease / 6
    }

    fn keep(&self, claim: Held, send_by: Instant) {
        let Some(reins) = self.driven.get(&(claim.command_id, claim.fence)) else { return };
        if claim.phase == Phase::Cancelling {
            reins.stop.cancel();
        }
        if claim.is_renewed {
            reins.send_by.extend(send_by.into_std());
        }
    }

    async fn drain(mut self, mut renew: Interval) {
        let until = Instant::now() + DRAIN;
        while !self.drives.is_empty() {
            tokio::select! {
                Some(ended) = self.drives.join_next() => self.forget(ended),
                _ = renew.tick() => self.renew().await,
                () = tokio::time::sleep_until(until) => {
                    tracing::warn!(left = self.drives.len(), "going down with commands still running");
                    break;
                }
            }
        }
        self.drives.shutdown().await;
    }
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
