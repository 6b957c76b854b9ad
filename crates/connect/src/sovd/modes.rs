//! Commands about modes, and the modes that other commands need.
//!
//! Sets no mode that wants a key: unlocking has a module of its own.

use std::time::Duration;

use ::sovd::{Entity, Error, Link};
use model::catalog::ModeNeed;
use model::catalog::modes::Question;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing, reading};
use super::debt::Debt;
use super::lock::{Hold, Last};
use super::vehicle::not_offered;
use super::{failure, outbox, unlock};
use crate::order::End;

/// By these a server says that it does not know the mode, or not this value of it.
const UNKNOWN: [u16; 5] = [400, 404, 405, 422, 501];

impl<'a> Attempt<'a> {
    pub(super) async fn about_modes(
        &mut self,
        question: &Question,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        use Question as Q;
        match question {
            Q::List { entity } => reading(stop, self.list_modes(entity)).await,
            Q::Get { entity, id } => reading(stop, self.get_mode(entity, id)).await,
            Q::Unlock { entity, level, key_source, expiration } => {
                let wish = unlock::Wish { entity, level, key_source, expiration: *expiration };
                self.unlock(stop, wish).await
            }
            Q::Set { entity, id, value, expiration } => {
                let (target, place) = preparing(stop, self.mode(entity, id)).await?;
                let hold = self.hold(stop, &target, "mode.set").await?;
                let expiration = expiration.map(Duration::from);
                let worked = hold.during(self.set_mode(&target, &place, value, expiration)).await;
                self.conclude(hold, worked).await
            }
        }
    }

    async fn list_modes(&mut self, entity: &str) -> Result<(), End> {
        let Target { client, entity, .. } = self.entity(entity).await?;
        self.hand_on(client.modes(&entity)).await
    }

    async fn get_mode(&mut self, entity: &str, id: &str) -> Result<(), End> {
        let (target, place) = self.mode(entity, id).await?;
        self.hand_on(target.client.mode(&place)).await
    }

    async fn set_mode(
        &mut self,
        target: &Target<'_>,
        place: &Link,
        value: &Value,
        expiration: Option<Duration>,
    ) -> Result<Last, End> {
        let call = target.client.set_mode(place, value.clone());
        let call = match expiration {
            Some(expiration) => call.expiring_after(expiration),
            None => call,
        };
        let Some(set) = self.change(call).await? else { return Ok(None) };
        if set.raw.get() == RawValue::NULL.get() {
            return outbox::json(&json!({ "value": value })).map(Some);
        }
        Ok(Some(set.raw))
    }

    /// The mode of this id; servers that list none may have it all the same.
    pub(super) async fn mode(&self, entity: &str, id: &str) -> Result<(Target<'a>, Link), End> {
        let target = self.entity(entity).await?;
        let place = match target.vehicle.client.modes(&target.entity).await {
            Ok(modes) => match modes.iter().find(|mode| mode.id == id) {
                Some(mode) => mode.href.clone(),
                None => return Err(not_offered("mode", id, modes.into_iter().map(|it| it.id))),
            },
            Err(Error::Unsupported { .. }) => unlisted(&target, id).await?,
            Err(error) => return Err(failure::of_read(error)),
        };
        Ok((target, place))
    }
}

/// The place of a mode that is not listed, if there is such a mode.
async fn unlisted(target: &Target<'_>, id: &str) -> Result<Link, End> {
    let place = target.entity.place_of("modes", id);
    match target.vehicle.client.mode(&place).await {
        Err(error) if error.status() == Some(404) => Err(not_offered("mode", id, [])),
        _ => Ok(place),
    }
}

/// Brings an entity into a mode that a command needs, and owes what it was before. A mode that the
/// entity does not have is not needed there, and one that takes a key is not ours to set.
pub(super) async fn meet(hold: &Hold, entity: &Entity, need: &ModeNeed) -> Result<(), End> {
    let Some(value) = need.value else { return Ok(()) };
    if !entity.links.contains_key("modes") {
        return Ok(());
    }
    let client = hold.client();
    let place = match client.modes(entity).await {
        Ok(modes) => match modes.into_iter().find(|mode| mode.id == need.id) {
            Some(mode) => mode.href,
            None => return Ok(()),
        },
        Err(_) => entity.place_of("modes", need.id),
    };
    let before = match client.mode(&place).await {
        Ok(state) => state.value,
        Err(error) if is_unknown(&error) => return Ok(()),
        Err(error) => return Err(failure::of_read(error)),
    };
    if before.as_ref().and_then(Value::as_str).is_some_and(|it| it.eq_ignore_ascii_case(value)) {
        return Ok(());
    }
    hold.debts().owe(Debt::Mode { place: place.clone(), set: value.into(), before });
    match client.set_mode(&place, value).expiring_after(hold.expiration()).await {
        Err(error) if is_unknown(&error) => {
            hold.debts().strike(&place);
            Ok(())
        }
        answer => answer.map(drop).map_err(failure::of_read),
    }
}

fn is_unknown(error: &Error) -> bool {
    error.status().is_some_and(|status| UNKNOWN.contains(&status))
}
