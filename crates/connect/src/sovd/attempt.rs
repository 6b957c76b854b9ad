//! One attempt at an order: whom it asks, and what its requests carry.
//!
//! Never makes a failure look smaller than it is: what was sent decides how a failure is reported.

use std::sync::Arc;
use std::time::Duration;

use ::sovd::{Answer, Call, Client, Entity, Error, HeaderName, HeaderValue};
use model::id::UserId;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::kept::{Kept, Place, Remove};
use super::outbox::Outbox;
use super::trust::Trust;
use super::vehicle::{Knowledge, Vehicle};
use super::{ecu, failure};
use crate::keys::KeySources;
use crate::order::{Address, End, Order, SendBy};

const COMMAND_ID: HeaderName = HeaderName::from_static("x-fleetwire-command-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// By what vehicles are reached, whichever order it is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach<'a> {
    pub(super) trust: &'a Trust,
    pub(super) knowledge: &'a Knowledge,
    /// Where keys come from.
    pub(super) keys: &'a KeySources,
    /// Where what has to be taken away at vehicles is taken away.
    pub(super) farewells: &'a TaskTracker,
    /// How long a lock lasts that nobody renews.
    pub(super) lock_expiration: Duration,
}

/// An order that is being carried out.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    pub(super) reach: Reach<'a>,
    pub(super) address: &'a Address,
    user: UserId,
    pub(super) may_actuate: bool,
    headers: Vec<(HeaderName, HeaderValue)>,
    send_by: &'a SendBy,
    /// Whether the vehicle has carried out a change.
    has_changed: bool,
    pub(super) outbox: Outbox,
}

/// The entity that an order is about.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) vehicle: Vehicle<'a>,
    /// Names the command in every request, unlike the vehicle's own client.
    pub(super) client: Client,
    pub(super) entity: Arc<Entity>,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(reach: Reach<'a>, order: &'a Order, outbox: Outbox) -> Self {
        let command_id = Some((COMMAND_ID, order.command_id.to_string()));
        let traceparent = order.traceparent.clone().map(|context| (TRACEPARENT, context));
        let headers = [command_id, traceparent].into_iter().flatten();
        let headers = headers.filter_map(|(name, text)| Some((name, text.try_into().ok()?)));
        Self {
            reach,
            address: &order.vehicle,
            user: order.user_id,
            may_actuate: order.may_actuate,
            headers: headers.collect(),
            send_by: &order.send_by,
            has_changed: false,
            outbox,
        }
    }

    /// The vehicle that the order is for.
    pub(super) async fn vehicle(&self) -> Result<Vehicle<'a>, End> {
        let Reach { trust, knowledge, .. } = self.reach;
        Vehicle::find(knowledge, trust, self.address, self.user).await
    }

    /// The same client, naming the command in every request.
    pub(super) fn tagged(&self, client: &Client) -> Client {
        let headers = self.headers.iter().cloned();
        headers.fold(client.clone(), |client, (name, value)| client.with_header(name, value))
    }

    /// The component that an older client calls by address, alias or id.
    pub(super) async fn ecu(&self, name: &str) -> Result<Target<'a>, End> {
        let vehicle = self.vehicle().await?;
        let entity = ecu::resolve(&vehicle, &self.address.ecu_aliases, name).await?;
        Ok(self.target(vehicle, entity))
    }

    /// The entity at a path such as `components/engine_ecu`.
    pub(super) async fn entity(&self, path: &str) -> Result<Target<'a>, End> {
        let vehicle = self.vehicle().await?;
        let entity = vehicle.entity_at(path).await?;
        Ok(self.target(vehicle, entity))
    }

    /// The entity at a path, or else what the vehicle as a whole offers.
    pub(super) async fn entity_or_root(&self, path: Option<&str>) -> Result<Target<'a>, End> {
        if let Some(path) = path {
            return self.entity(path).await;
        }
        let vehicle = self.vehicle().await?;
        let root = vehicle.root().await?;
        Ok(self.target(vehicle, root))
    }

    /// Sends a request that changes nothing; `None` if the vehicle answered by a stream, which has
    /// been handed on.
    pub(super) async fn read<T>(&mut self, call: Call<T>) -> Result<Option<T>, End> {
        self.exchange(call, failure::of_read).await
    }

    /// The same for a request that changes something. Finding the way to it may have taken so long
    /// that somebody else has been given the vehicle: then it is not sent.
    pub(super) async fn change<T>(&mut self, call: Call<T>) -> Result<Option<T>, End> {
        if self.is_too_late() {
            return Err(End::NotSent);
        }
        let answer = self.exchange(call, failure::of_change).await?;
        self.has_changed = true;
        Ok(answer)
    }

    /// The same for one that is answered by no document.
    pub(super) async fn changing<T>(
        &mut self,
        exchange: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, End> {
        if self.is_too_late() {
            return Err(End::NotSent);
        }
        let answer = exchange.await.map_err(failure::of_change)?;
        self.has_changed = true;
        Ok(answer)
    }

    /// An end that does not say that nothing was done if something was.
    pub(super) fn truthful(&self, end: End) -> End {
        if self.has_changed { failure::after_change(end) } else { end }
    }

    /// The same for one that makes something at the vehicle that goes with the command.
    pub(super) async fn make<T: Send + 'static>(
        &self,
        target: &Target<'_>,
        call: Call<T>,
        place: Place<T>,
        remove: Remove,
    ) -> Result<(T, Kept), End> {
        if self.is_too_late() {
            return Err(End::NotSent);
        }
        Kept::make(&target.vehicle.client, self.reach.farewells, call, place, remove).await
    }

    /// Whether it is too late to begin a change.
    pub(super) fn is_too_late(&self) -> bool {
        self.send_by.has_passed()
    }

    async fn exchange<T>(
        &mut self,
        call: Call<T>,
        end: fn(Error) -> End,
    ) -> Result<Option<T>, End> {
        match call.streaming().await.map_err(end)? {
            Answer::Document(answer) => Ok(Some(answer)),
            Answer::Stream(parts) => {
                self.outbox.forward(*parts).await?;
                Ok(None)
            }
        }
    }

    fn target(&self, vehicle: Vehicle<'a>, entity: Arc<Entity>) -> Target<'a> {
        Target { client: self.tagged(&vehicle.client), vehicle, entity }
    }
}

/// Waits for something that changes nothing, unless it is to stop.
pub(super) async fn reading<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, End>>,
) -> Result<T, End> {
    stop.run_until_cancelled(work).await.unwrap_or(Err(End::Stopped))
}

/// Waits for what comes before the first change: if it fails, nothing has been done.
pub(super) async fn preparing<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, End>>,
) -> Result<T, End> {
    reading(stop, work).await.map_err(failure::before_change)
}
