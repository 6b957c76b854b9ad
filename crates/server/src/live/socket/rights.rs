//! What a session may follow.
//!
//! Refuses to tell what exists from what may not be seen.

use super::End;
use crate::auth::Session;
use crate::live::channel::{Channel, News};
use model::id::CommandId;
use model::user::Action;
use store::{Store, StoreError, VehicleFilter};

/// How many vehicles of a fleet a new subscriber is told of at most.
const SNAPSHOT: u32 = 10_000;

/// Whether the session may follow the command.
pub(super) async fn may_watch(
    store: &Store,
    session: &Session,
    command_id: CommandId,
) -> Result<bool, End> {
    let place = store.place_of_command(command_id).await.map_err(|error| failed(&error))?;
    let now = store.now();
    Ok(session.may(Action::Watch) && place.is_some_and(|(_, fleet)| session.sees(fleet, now)))
}

/// What is known on a channel now; `None` if there is no such channel for this session.
pub(super) async fn present(
    store: &Store,
    session: &Session,
    channel: Channel,
) -> Result<Option<Vec<News>>, End> {
    let now = store.now();
    if !session.may(Action::Watch) {
        return Ok(None);
    }
    match channel {
        Channel::Vehicle(id) => {
            let vehicle = store.vehicle(id).await.map_err(|error| failed(&error))?;
            let seen = vehicle.filter(|vehicle| session.sees(vehicle.fleet_id, now));
            Ok(seen.map(|vehicle| vec![News::of(&vehicle)]))
        }
        Channel::Fleet(id) => {
            let fleet = store.fleet(id).await.map_err(|error| failed(&error))?;
            if fleet.is_none() || !session.sees(id, now) {
                return Ok(None);
            }
            let filter =
                VehicleFilter { fleet_id: Some(id), limit: SNAPSHOT, ..VehicleFilter::default() };
            let (vehicles, _) = store.vehicles(&filter).await.map_err(|error| failed(&error))?;
            Ok(Some(vehicles.iter().map(News::of).collect()))
        }
    }
}

fn failed(error: &StoreError) -> End {
    tracing::warn!(%error, "cannot check a watcher's right");
    End::StoreFailed
}
