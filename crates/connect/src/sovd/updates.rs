//! Software updates: what there is, and the phases of installing one.
//!
//! Refuses to take an earlier phase for the one that was begun, and stops none: SOVD has no word for it.

use std::time::Duration;

use ::sovd::{Call, Client, Link, Origin, UpdateState, UpdateStatus, UpdateStep};
use model::catalog::updates::{Origin as Whence, Question};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing, reading};
use super::catalog::{plain, read_before};
use super::failure;
use super::pages::all;
use super::patience::Patience;
use super::vehicle::not_offered;
use crate::order::End;

/// How many times in a row the vehicle may fail to say how far it is: an update may restart its
/// server, which takes minutes.
const MAX_MISSES: u32 = 150;
/// How long a step may still look as what was before it, until that is how it is.
const SETTLING: Duration = Duration::from_secs(10);
/// The package that a vehicle has without listing it.
const AUTONOMOUS: &str = "autonomous";

/// A package of a vehicle, or of one of its entities.
#[derive(Clone, Copy)]
struct Package<'a> {
    entity: Option<&'a str>,
    id: &'a str,
}

impl Attempt<'_> {
    /// Carries out a command about updates.
    pub(super) async fn about_updates(
        &mut self,
        question: &Question,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        use Question as Q;
        let package = |entity, id| Package { entity, id };
        match question {
            Q::List { entity, target_version, origin } => {
                let version = target_version.as_deref();
                reading(stop, self.list_updates(entity.as_deref(), version, *origin)).await
            }
            Q::Inspect { entity, id } => {
                let package = package(entity.as_deref(), id);
                reading(stop, self.read_update(package, Client::update)).await
            }
            Q::Status { entity, id } => {
                let package = package(entity.as_deref(), id);
                reading(stop, self.read_update(package, Client::update_status)).await
            }
            Q::Prepare { entity, id } => {
                self.update(stop, package(entity.as_deref(), id), UpdateStep::Prepare).await
            }
            Q::Execute { entity, id } => {
                self.update(stop, package(entity.as_deref(), id), UpdateStep::Execute).await
            }
            Q::Automated { entity, id } => {
                self.update(stop, package(entity.as_deref(), id), UpdateStep::Automated).await
            }
            Q::Cancel { entity, id } => {
                self.cancel_update(stop, package(entity.as_deref(), id)).await
            }
        }
    }

    async fn list_updates(
        &mut self,
        entity: Option<&str>,
        target_version: Option<&str>,
        origin: Option<Whence>,
    ) -> Result<(), End> {
        let Target { client, entity, .. } = self.entity_or_root(entity).await?;
        let origin = origin.map(|origin| match origin {
            Whence::Remote => Origin::Remote,
            Whence::Proximity => Origin::Proximity,
        });
        let call = || client.updates_to(&entity, target_version, origin);
        self.hand_on_list(call, plain).await
    }

    async fn read_update<T>(
        &mut self,
        package: Package<'_>,
        read: fn(&Client, &Link) -> Call<T>,
    ) -> Result<(), End> {
        let (client, place) = self.package(package).await?;
        self.hand_on(read(&client, &place)).await
    }

    /// Progress as parts, then how the step ended.
    async fn update(
        &mut self,
        stop: &CancellationToken,
        package: Package<'_>,
        step: UpdateStep,
    ) -> Result<(), End> {
        let (client, place, before) = preparing(stop, async {
            let (client, place) = self.package(package).await?;
            let before = read_before(client.update_status(&place).await)?;
            Ok((client, place, before))
        })
        .await?;
        let Some(begun) = self.change(client.begin_update(&place, step)).await? else {
            return Ok(());
        };
        let status_at = begun.location;
        let status = || match &status_at {
            Some(status_at) => client.update_status_at(status_at),
            None => client.update_status(&place),
        };
        let ended = self.follow(status, step, before).await?;
        if ended.state == UpdateState::Failed {
            return Err(failed(&ended));
        }
        self.outbox.last(&ended.raw).await
    }

    /// Asks how far it is until the step is over, and tells whenever it has got further than `before`
    /// and since.
    async fn follow(
        &mut self,
        status: impl Fn() -> Call<UpdateStatus>,
        step: UpdateStep,
        before: Option<UpdateStatus>,
    ) -> Result<UpdateStatus, End> {
        let mut patience = Patience::new(MAX_MISSES);
        let (begun, mut is_another) = (Instant::now(), false);
        let mut shown = before;
        loop {
            let status = patience.answer(&status).await?;
            let has_moved = shown.as_ref().is_none_or(|shown| has_moved(shown, &status));
            is_another |= has_moved || begun.elapsed() >= SETTLING;
            if is_another && is_over(&status, step) {
                return Ok(status);
            }
            if has_moved {
                self.outbox.part(&status.raw).await?;
            }
            shown = Some(status);
        }
    }

    /// Takes a package away, with what was done with it.
    async fn cancel_update(
        &mut self,
        stop: &CancellationToken,
        package: Package<'_>,
    ) -> Result<(), End> {
        let (client, place) = preparing(stop, self.package(package)).await?;
        self.acknowledge(client.delete_update(&place)).await
    }

    /// Where a package is.
    async fn package(&self, package: Package<'_>) -> Result<(Client, Link), End> {
        let Package { entity, id } = package;
        let target = self.entity_or_root(entity).await?;
        let packages = all(|| target.vehicle.client.updates(&target.entity)).await;
        let packages = packages.map_err(failure::of_read)?;
        let listed = packages.iter().find(|package| package.id == id);
        let place = match listed {
            Some(package) => package.href.clone(),
            None if id == AUTONOMOUS => target.entity.place_of("updates", id),
            None => {
                let ids = packages.iter().map(|package| package.id.clone());
                return Err(not_offered("update package", id, ids));
            }
        };
        Ok((target.client, place))
    }
}

/// Whether what the vehicle says is the end of the step that was begun. Just after its beginning the
/// vehicle may still speak of the phase before.
fn is_over(status: &UpdateStatus, step: UpdateStep) -> bool {
    let is_in = |phase| status.phase.as_deref().is_none_or(|word| word == phase);
    match (&status.state, step) {
        (UpdateState::Completed, UpdateStep::Automated | UpdateStep::Execute)
        | (UpdateState::Failed, UpdateStep::Execute) => is_in("execute"),
        (UpdateState::Completed | UpdateState::Failed, UpdateStep::Prepare) => is_in("prepare"),
        (UpdateState::Failed, UpdateStep::Automated) => true,
        (UpdateState::Pending | UpdateState::InProgress | UpdateState::Other(_), _) => false,
    }
}

fn has_moved(before: &UpdateStatus, now: &UpdateStatus) -> bool {
    let of = |status: &UpdateStatus| {
        let entities = status.entities.iter().map(|it| (it.state.clone(), it.progress));
        let entities: Vec<_> = entities.collect();
        (status.phase.clone(), status.state.clone(), status.progress, status.step.clone(), entities)
    };
    of(before) != of(now)
}

/// The vehicle's words, and whose they are.
fn failed(status: &UpdateStatus) -> End {
    let own = status.errors.iter().map(failure::words);
    let theirs = status.entities.iter().flat_map(|part| {
        let entity = part.entity.as_deref().unwrap_or("?");
        part.errors.iter().map(move |error| format!("{entity}: {}", failure::words(error)))
    });
    let words: Vec<String> = own.chain(theirs).collect();
    if words.is_empty() {
        let step = status.step.as_deref().map(|step| format!(" at {step}")).unwrap_or_default();
        return End::VehicleError(format!("the update failed{step}"));
    }
    End::VehicleError(words.join("; "))
}
