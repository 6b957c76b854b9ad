//! The life of a command on the server: accepted, dispatched, recorded, cancelled, due.
//!
//! Refuses HTTP: it is called with what a user wants and answers in the domain's words.

pub(crate) mod accept;
pub(crate) mod catalog;
pub(crate) mod decide;
mod discovery;
pub(crate) mod dispatch;
pub(crate) mod doorbell;
mod due;
mod external;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
pub(crate) mod policy;
mod record;
mod survey;

use crate::config::Config;
use crate::live::bus::Bus;
use crate::observe;
use catalog::{Catalog, Switches};
use doorbell::Doorbell;
use model::command::Command;
use model::event::{Event, Kind};
use model::id::{CommandId, NodeId};
use policy::Policy;
use std::sync::Arc;
use std::time::Duration;
use store::{Applied, Store, StoreError};

/// How long to wait before the store is asked again that did not answer.
const AGAIN: Duration = Duration::from_millis(500);

/// What an installation allows a command.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// How long a command may wait unless the client says otherwise, and at most.
    pub(crate) deliver_within: (Duration, Duration),
    /// How long a command may run unless the client says otherwise, and at most.
    pub(crate) run_timeout: (Duration, Duration),
    /// How many commands this node drives at the same time.
    pub(crate) max_in_flight: usize,
    /// How many events a command may have.
    pub(crate) max_events: u64,
    /// Whether other programs may answer commands.
    pub(crate) hears_external: bool,
    /// What rows of the catalogue depend on.
    pub(crate) switches: Switches,
    /// What is asked for before a dangerous command runs.
    pub(crate) policy: Arc<Policy>,
    /// How long a claim lasts, and how often it is renewed.
    pub(crate) lease: Duration,
    pub(crate) lease_renew: Duration,
}

impl From<&Config> for Settings {
    fn from(Config { commands: config, bus, vehicles, policy, .. }: &Config) -> Self {
        let key_sources = vehicles.key_sources.is_some();
        Self {
            switches: Switches { raw_uds: vehicles.raw_uds, key_sources },
            hears_external: bus.external_events,
            deliver_within: (config.deliver_within, config.deliver_within_max),
            run_timeout: (config.run_timeout, config.run_timeout_max),
            max_in_flight: config.max_in_flight,
            max_events: config.max_events,
            policy: Arc::new(policy.into()),
            lease: config.lease,
            lease_renew: config.lease_renew,
        }
    }
}

/// The command side of a node; cheap to clone.
#[derive(Clone)]
pub(crate) struct Commands {
    pub(crate) store: Store,
    pub(crate) catalog: Arc<Catalog>,
    bus: Bus,
    doorbell: Doorbell,
    node: NodeId,
    settings: Settings,
}

impl Commands {
    pub(crate) fn new(
        store: Store,
        bus: Bus,
        doorbell: Doorbell,
        node: NodeId,
        settings: Settings,
    ) -> Self {
        let catalog = Arc::new(Catalog::new(settings.switches));
        Self { store, catalog, bus, doorbell, node, settings }
    }

    /// What is asked for before a dangerous command runs.
    pub(crate) fn policy(&self) -> &Policy {
        &self.settings.policy
    }

    /// The node that it is the command side of.
    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// The bus that events are published on.
    pub(crate) fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Tells the world what came of inputs: the log, the watchers, and the dispatcher, for which the
    /// end of one command is the turn of the next.
    fn announce(&self, applied: Applied) -> Command {
        // A worker runs what it woke last before all else: those are the watchers.
        if applied.command.due_at().is_none() {
            self.doorbell.ring(applied.command.order.vehicle_id);
        }
        announce(&self.bus, &applied.command, applied.events);
        applied.command
    }
}

/// Publishes events that are stored.
fn announce(bus: &Bus, command: &Command, events: Vec<Event>) {
    if events.is_empty() {
        return;
    }
    if events.iter().any(|event| matches!(event.kind, Kind::Status | Kind::End)) {
        tell(command);
        bus.moved(command.order.vehicle_id);
    }
    bus.publish(command.order.command_id, events, command.phase());
}

/// Writes, however long the store stays away: what cannot be said again must not be lost. `None` if the
/// store will never take it.
async fn insist<T, W>(id: CommandId, what: &str, write: impl Fn() -> W) -> Option<T>
where
    W: Future<Output = Result<T, StoreError>>,
{
    loop {
        match write().await {
            Ok(done) => return Some(done),
            Err(error @ (StoreError::Corrupt(_) | StoreError::Failed(_))) => {
                let cause = observe::chain(&error);
                tracing::error!(command_id = %id, cause, "cannot store {what}");
                return None;
            }
            Err(error) => {
                tracing::warn!(command_id = %id, %error, "storing {what} is delayed");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Says in the log and the metrics that a command has moved.
fn tell(command: &Command) {
    let order = &command.order;
    let state = command.phase().word();
    observe::command_transition(state);
    tracing::info!(
        command_id = %order.command_id,
        vehicle_id = %order.vehicle_id,
        user_id = %order.user_id,
        command_name = order.name,
        state,
        attempt = command.attempt,
        last_offset = command.last_offset,
        "command_transition",
    );
}
