//! Commands about locks, for users who want to hold one over several commands.
//!
//! Keeps no lock alive: a lock that a user took is renewed and released by that user.

use std::time::Duration;

use ::sovd::{Call, Created, Link, LockRequest};
use model::catalog::Seconds;
use model::catalog::locks::Question;
use serde_json::json;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Target, preparing, reading};
use super::catalog::plain;
use super::failure;
use super::pages::all;
use super::vehicle::not_offered;
use crate::order::End;

impl<'a> Attempt<'a> {
    pub(super) async fn about_locks(
        &mut self,
        question: &Question,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        use Question as Q;
        match question {
            Q::List { entity } => reading(stop, self.list_locks(entity)).await,
            Q::Acquire { entity, expiration, scopes } => {
                let request = wish(*expiration, scopes.as_deref(), false);
                self.acquire_lock(stop, entity, &request).await
            }
            Q::Break { entity, expiration, scopes } => {
                let request = wish(*expiration, scopes.as_deref(), true);
                self.acquire_lock(stop, entity, &request).await
            }
            Q::Renew { entity, id, expiration } => {
                let (target, place) = preparing(stop, self.lock_of(entity, id)).await?;
                let call = target.client.renew_lock(&place, Duration::from(*expiration));
                self.acknowledge(call).await
            }
            Q::Release { entity, id } => {
                let (target, place) = preparing(stop, self.lock_of(entity, id)).await?;
                self.acknowledge(target.client.release_lock(&place)).await
            }
        }
    }

    async fn list_locks(&mut self, entity: &str) -> Result<(), End> {
        let Target { client, entity, .. } = self.entity(entity).await?;
        self.hand_on_list(|| client.locks(&entity), plain).await
    }

    async fn acquire_lock(
        &mut self,
        stop: &CancellationToken,
        entity: &str,
        request: &LockRequest,
    ) -> Result<(), End> {
        let target = preparing(stop, self.entity(entity)).await?;
        let call: Call<Created> = target.client.acquire_lock(&target.entity, request);
        let Some(lock) = self.change(call).await? else { return Ok(()) };
        if lock.raw.get() == RawValue::NULL.get() {
            return self.outbox.last(&json!({ "id": lock.id })).await;
        }
        self.outbox.last(&lock.raw).await
    }

    /// The lock of this id on an entity.
    async fn lock_of(&self, entity: &str, id: &str) -> Result<(Target<'a>, Link), End> {
        let target = self.entity(entity).await?;
        let locks = all(|| target.vehicle.client.locks(&target.entity)).await;
        let locks = locks.map_err(failure::of_read)?;
        let Some(lock) = locks.iter().find(|lock| lock.id.as_deref() == Some(id)) else {
            return Err(not_offered("lock", id, locks.into_iter().filter_map(|lock| lock.id)));
        };
        let place = lock.href.clone();
        Ok((target, place))
    }
}

fn wish(expiration: Seconds, scopes: Option<&[String]>, break_lock: bool) -> LockRequest {
    let scopes = scopes.unwrap_or_default().to_vec();
    LockRequest { expiration: expiration.into(), scopes, break_lock }
}
