//! What a session may follow, and what it follows.
//!
//! Refuses to tell what exists from what may not be seen.

use super::channel::{Channel, News};
use super::lock;
use crate::auth::Pass;
use model::id::{CommandId, FleetId};
use model::user::Action;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use store::{Store, StoreError, VehicleFilter};
use tokio::sync::watch;

/// How many vehicles of a fleet a new subscriber is told of at most.
const SNAPSHOT: u32 = 10_000;
/// How many commands one question to the store asks about.
const AT_ONCE: usize = 500;

/// Something to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// The log of a command.
    Command(CommandId),
    /// The state of vehicles.
    Channel(Channel),
}

/// Everything that one session follows; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Followed(Arc<Mutex<HashSet<Target>>>);

impl Followed {
    /// One command and nothing else.
    pub(crate) fn command(command_id: CommandId) -> Self {
        let followed = Self::default();
        followed.insert(Target::Command(command_id));
        followed
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.0).len()
    }

    pub(crate) fn contains(&self, target: Target) -> bool {
        lock(&self.0).contains(&target)
    }

    pub(crate) fn insert(&self, target: Target) {
        lock(&self.0).insert(target);
    }

    /// Whether it was there.
    pub(crate) fn remove(&self, target: Target) -> bool {
        lock(&self.0).remove(&target)
    }

    fn all(&self) -> Vec<Target> {
        lock(&self.0).iter().copied().collect()
    }
}

/// Whether the holder of the pass sees that fleet now.
pub(crate) fn sees(store: &Store, pass: &watch::Sender<Pass>, fleet: FleetId) -> bool {
    let session = &pass.borrow().session;
    session.may(Action::Watch) && session.sees(fleet, store.now())
}

/// Whether the holder of the pass may follow the channel.
pub(crate) async fn may_follow(
    store: &Store,
    pass: &watch::Sender<Pass>,
    channel: Channel,
) -> Result<bool, StoreError> {
    let fleet = match channel {
        Channel::Vehicle(id) => store.vehicle(id).await?.map(|vehicle| vehicle.fleet_id),
        Channel::Fleet(id) => store.fleet(id).await?.map(|fleet| fleet.fleet_id),
    };
    // The pass comes last: it may have changed while the store was asked.
    Ok(fleet.is_some_and(|fleet| sees(store, pass, fleet)))
}

/// What of all that is followed may not be followed any more.
pub(crate) async fn lost(
    store: &Store,
    pass: &watch::Sender<Pass>,
    followed: &Followed,
) -> Result<Vec<Target>, StoreError> {
    let (mut commands, mut lost) = (Vec::new(), Vec::new());
    for target in followed.all() {
        match target {
            Target::Command(command_id) => commands.push(command_id),
            Target::Channel(channel) if may_follow(store, pass, channel).await? => {}
            Target::Channel(_) => lost.push(target),
        }
    }
    for commands in commands.chunks(AT_ONCE) {
        let heads = store.heads(commands).await?;
        let seen = heads.iter().filter(|head| sees(store, pass, head.fleet_id));
        let seen: HashSet<_> = seen.map(|head| head.command_id).collect();
        let unseen = commands.iter().filter(|id| !seen.contains(id));
        lost.extend(unseen.map(|id| Target::Command(*id)));
    }
    Ok(lost)
}

/// What is known on a channel now.
pub(crate) async fn present(store: &Store, channel: Channel) -> Result<Vec<News>, StoreError> {
    match channel {
        Channel::Vehicle(id) => Ok(store.vehicle(id).await?.iter().map(News::of).collect()),
        Channel::Fleet(id) => {
            let filter =
                VehicleFilter { fleet_id: Some(id), limit: SNAPSHOT, ..VehicleFilter::default() };
            let (vehicles, _) = store.vehicles(&filter).await?;
            Ok(vehicles.iter().map(News::of).collect())
        }
    }
}
