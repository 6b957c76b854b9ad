//! Dispatching: claims commands whose turn it is and drives each to its end.
//!
//! Refuses to hold the queue in memory: the commands table is the queue, and a doorbell only says
//! where to look first.

use super::doorbell::{Ring, Visitors};
use super::{Commands, Settings, external, record};
use crate::contact::Contact;
use crate::observe;
use connect::SendBy;
use futures_util::FutureExt;
use model::command::{Input, Phase};
use model::id::{CommandId, NodeId};
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use store::{Claimed, Claims, Held, Reach};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often the whole queue is looked through, whoever rang or did not.
const SWEEP: Duration = Duration::from_secs(1);
/// How long drives may take to notice that the server goes down.
const DRAIN: Duration = Duration::from_secs(25);

/// A command, and the fence under which it is driven: a node may claim again what it lost.
type DriveKey = (CommandId, i64);

fn key(claimed: &Claimed) -> DriveKey {
    (claimed.command.order.command_id, claimed.command.fence)
}

/// What a drive can be told, and what is known of it.
#[derive(Clone)]
pub(super) struct Reins {
    /// A user wants it stopped.
    pub(super) stop: CancellationToken,
    /// Until when the claim is known to last.
    pub(super) send_by: SendBy,
    /// The claim is somebody else's, or over.
    lost: CancellationToken,
}

impl Reins {
    fn new(send_by: Instant) -> Self {
        let send_by = SendBy::new(send_by.into_std());
        Self { stop: CancellationToken::new(), send_by, lost: CancellationToken::new() }
    }
}

/// A drive, as its owner sees it.
struct Driven {
    reins: Reins,
    /// It has said all that it will say, though the claim may still stand.
    has_ended: bool,
    /// How often the claim was not among those that the node holds.
    missed: u8,
}

/// The task that owns every drive of this node.
pub(crate) struct Dispatcher {
    commands: Commands,
    contact: Contact,
    node: NodeId,
    settings: Settings,
    drives: JoinSet<DriveKey>,
    driven: HashMap<DriveKey, Driven>,
    /// Whether something may wait for no other reason than want of room.
    is_full: bool,
}

impl Dispatcher {
    pub(crate) fn new(commands: Commands, contact: Contact, node: NodeId) -> Self {
        let settings = commands.settings.clone();
        let (drives, driven) = (JoinSet::new(), HashMap::new());
        Self { commands, contact, node, settings, drives, driven, is_full: false }
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
                Some(ring) = visitors.recv() => self.answer(ring, &mut visitors).await,
                _ = sweep.tick() => self.claim(Reach::All).await,
                _ = renew.tick() => self.renew().await,
                Some(ended) = self.drives.join_next(), if !self.drives.is_empty() => {
                    self.forget(ended);
                    self.refill().await;
                }
            }
        }
        self.turn_away(visitors);
        self.drain(renew).await;
    }

    /// Nobody is driven any more: what has been claimed goes back to where others find it.
    fn turn_away(&mut self, mut visitors: Visitors) {
        visitors.close();
        while let Ok(ring) = visitors.try_recv() {
            if let Ring::Started(start) = ring {
                let (commands, key) = (self.commands.clone(), key(&start.claimed));
                let reins = Reins::new(start.send_by);
                self.take(key, reins, async move { commands.give_back(start.claimed).await });
            }
        }
    }

    /// Hears everybody who stands at the door, then looks at all their vehicles at once.
    async fn answer(&mut self, first: Ring, visitors: &mut Visitors) {
        let mut vehicles = HashSet::new();
        let mut next = Some(first);
        while let Some(ring) = next {
            match ring {
                Ring::Vehicle(id) => drop(vehicles.insert(id)),
                Ring::Stop(id) => self.stop(id),
                Ring::Started(start) => self.drive(start.claimed, start.send_by),
            }
            next = visitors.try_recv().ok();
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
            Ok(Claims { started, others }) => {
                self.is_full = started.len() >= room;
                for claimed in started {
                    self.drive(claimed, send_by);
                }
                for applied in others {
                    self.commands.announce(applied);
                }
            }
            Err(error) => tracing::warn!(%error, "cannot claim commands"),
        }
    }

    fn drive(&mut self, claimed: Claimed, send_by: Instant) {
        let key = key(&claimed);
        let (commands, contact) = (self.commands.clone(), self.contact.clone());
        let reins = Reins::new(send_by);
        let driving = record::drive(commands, contact, claimed, reins.clone());
        self.take(key, reins, driving);
    }

    fn take(
        &mut self,
        key: DriveKey,
        reins: Reins,
        driving: impl Future<Output = ()> + Send + 'static,
    ) {
        let lost = reins.lost.clone();
        self.driven.insert(key, Driven { reins, has_ended: false, missed: 0 });
        let driving = AssertUnwindSafe(driving).catch_unwind();
        self.drives.spawn(async move {
            if let Some(Err(_)) = lost.run_until_cancelled(driving).await {
                tracing::error!(command_id = %key.0, "a drive panicked: its claim is given up");
            }
            key
        });
        self.count();
    }

    fn count(&self) {
        self.commands.doorbell.count(self.drives.len());
        observe::commands_in_flight(self.drives.len());
    }

    fn stop(&self, command_id: CommandId) {
        let driven = self.driven.iter().filter(|((driven, _), _)| *driven == command_id);
        driven.for_each(|(_, driven)| driven.reins.stop.cancel());
    }

    /// Its claim may still stand: what the store says next decides whether it is forgotten.
    fn forget(&mut self, ended: Result<DriveKey, tokio::task::JoinError>) {
        match ended {
            Ok(key) => self.driven.get_mut(&key).into_iter().for_each(|it| it.has_ended = true),
            Err(error) => tracing::error!(%error, "a drive was aborted; its timer ends it"),
        }
        self.count();
    }

    /// Keeps the claims, and learns what has become of them.
    async fn renew(&mut self) {
        let send_by = self.send_by();
        match self.commands.store.renew(self.node, self.settings.lease).await {
            Ok(held) => {
                self.let_go(&held);
                for claim in held {
                    self.keep(claim, send_by);
                }
            }
            Err(error) => tracing::warn!(%error, "cannot renew claims"),
        }
    }

    /// Ends the drives whose claims are not ours any more; one that is just saying how it ended is
    /// given the time for it.
    fn let_go(&mut self, held: &[Held]) {
        let held: HashSet<_> = held.iter().map(|claim| (claim.command_id, claim.fence)).collect();
        self.driven.retain(|key, driven| {
            driven.missed = if held.contains(key) { 0 } else { driven.missed.saturating_add(1) };
            if driven.missed >= 2 {
                driven.reins.lost.cancel();
            }
            driven.missed == 0 || !driven.has_ended
        });
    }

    fn keep(&mut self, claim: Held, send_by: Instant) {
        let key = (claim.command_id, claim.fence);
        let Some(driven) = self.driven.get(&key) else { return self.adopt(claim, send_by) };
        if driven.has_ended {
            return self.disown(claim, Input::Lost, send_by);
        }
        if claim.phase == Phase::Cancelling {
            driven.reins.stop.cancel();
        }
        if claim.is_renewed {
            driven.reins.send_by.extend(send_by.into_std());
        }
    }

    /// A claim that nobody drives. Either its answer was lost on the way from the store: then nothing
    /// has been sent. Or another program has begun to answer: then it is listened to. Or it was made
    /// with the commit of a submit, and is on its way here.
    fn adopt(&mut self, claim: Held, send_by: Instant) {
        if self.commands.doorbell.is_expected(claim.command_id) {
            return;
        }
        if !claim.has_answer {
            return self.disown(claim, Input::NotSent, send_by);
        }
        let (commands, id) = (self.commands.clone(), claim.command_id);
        let listening = async move { external::listen_out(commands, id).await };
        self.take((id, claim.fence), Reins::new(send_by), listening);
    }

    fn disown(&mut self, claim: Held, input: Input, send_by: Instant) {
        let Held { command_id, fence, .. } = claim;
        tracing::warn!(%command_id, ?input, "a claim without a drive");
        let commands = self.commands.clone();
        let saying = async move { commands.conclude((command_id, fence), input).await };
        self.take((command_id, fence), Reins::new(send_by), saying);
    }

    fn send_by(&self) -> Instant {
        send_by(self.settings.lease)
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

/// Until when something may be sent under a claim that is asked for now: so long before its end
/// that a connection can still be made, and what is on its way arrives while the claim lasts.
pub(super) fn send_by(lease: Duration) -> Instant {
    Instant::now() + lease / 2
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
