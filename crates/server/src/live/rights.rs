//! What a session may follow, and what it follows.
//!
//! Refuses to tell what exists from what may not be seen.

use super::channel::{Channel, News};
use crate::auth::Pass;
use model::id::{CommandId, FleetId};
use model::user::Action;
use std::collections::HashSet;
use store::{Store, StoreError, VehicleFilter};
use tokio::sync::watch;

/// How many vehicles of a fleet a new subscriber is told of at most.
const SNAPSHOT: u32 = 10_000;

/// Everything that one session follows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Followed {
    pub(crate) commands: HashSet<CommandId>,
    pub(crate) channels: HashSet<Channel>,
}

impl Followed {
    /// One command and nothing else.
    pub(crate) fn command(command_id: CommandId) -> Self {
        Self { commands: HashSet::from([command_id]), channels: HashSet::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.commands.len() + self.channels.len()
    }
}

/// Whether the holder of the pass sees that fleet now.
pub(crate) fn sees(store: &Store, pass: &watch::Sender<Pass>, fleet: FleetId) -> bool {
    let session = &pass.borrow().session;
    session.may(Action::Watch) && session.sees(fleet, store.now())
}

/// Whether the holder of the pass may follow the command.
pub(crate) async fn may_watch(
    store: &Store,
    pass: &watch::Sender<Pass>,
    command_id: CommandId,
) -> Result<bool, StoreError> {
    let place = store.place_of_command(command_id).await?;
    // The pass comes last: it may have changed while the store was asked.
    Ok(place.is_some_and(|(_, fleet)| sees(store, pass, fleet)))
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
    Ok(fleet.is_some_and(|fleet| sees(store, pass, fleet)))
}

/// Whether everything that is followed may still be.
pub(crate) async fn may_go_on(
    store: &Store,
    pass: &watch::Sender<Pass>,
    followed: &Followed,
) -> Result<bool, StoreError> {
    for &command_id in &followed.commands {
        if !may_watch(store, pass, command_id).await? {
            return Ok(false);
        }
    }
    for &channel in &followed.channels {
        if !may_follow(store, pass, channel).await? {
            return Ok(false);
        }
    }
    Ok(true)
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
