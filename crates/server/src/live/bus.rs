//! How events reach the hubs of all nodes, and what nodes tell each other beside them.
//!
//! Refuses to be the truth: what is lost here is found in the store.

use super::channel::{Channels, News};
use super::frame::Frame;
use super::hub::Hub;
use super::redis::Redis;
use super::topic::Topic;
use connect::SendBy;
use model::command::Phase;
use model::event::Event;
use model::id::{CommandId, VehicleId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use store::Head;
use tokio_util::sync::CancellationToken;

/// How long what moves is gathered after something was told.
const GATHER: Duration = Duration::from_millis(250);
/// How many vehicles one notice names.
const NAMED: usize = 500;

/// The way from a commit to the watchers.
#[derive(Clone)]
pub(crate) enum Bus {
    /// One node: straight into its hub.
    Local(Arc<Hub>),
    /// Several: into its own hub, and through Redis into the others'.
    Redis(Redis),
}

/// What nodes tell each other. Whoever misses it learns it from the store, a little later.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Notice {
    /// The connection of a vehicle has changed.
    Vehicle(News),
    /// A user wants this command stopped.
    Stop(CommandId),
    /// Commands of these vehicles were submitted, or are in another state.
    Moved(Vec<VehicleId>),
}

/// What comes over the bus for the command side of a node.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Another program, acting as a connector, said something on the channel of a command.
    External(CommandId, String),
    /// A user of another node wants this command stopped.
    Stop(CommandId),
}

/// Why an order did not get to an external connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderError {
    /// Nobody listens, or there is no bus: provably nobody has it.
    NotSent,
    /// The bus broke while it was being sent: somebody may have it.
    Lost,
}

impl Bus {
    /// Publishes the stored events of a command, after which it stands so. Never waits for a watcher.
    pub(crate) fn publish(&self, command_id: CommandId, events: Vec<Event>, phase: Phase) {
        let frames: Vec<Frame> = events.into_iter().map(Frame::from).collect();
        match self {
            Self::Local(hub) => hub.publish(command_id, frames, phase),
            Self::Redis(redis) => redis.publish(command_id, frames, phase),
        }
    }

    /// A command has been stored just now, by this node: whoever comes to watch it, as most do who
    /// submit one, need not ask the store.
    pub(crate) fn expect(&self, head: &Head) {
        match self {
            Self::Local(hub) => hub.expect(head),
            // Each topic costs a subscription: whoever comes asks for it.
            Self::Redis(_) => {}
        }
    }

    /// A command of the vehicle was submitted, or is in another state: soon, those are told who list
    /// them, on any node. Never waits.
    pub(crate) fn moved(&self, vehicle_id: VehicleId) {
        self.hub().moves.note(vehicle_id);
    }

    fn hub(&self) -> &Arc<Hub> {
        match self {
            Self::Local(hub) => hub,
            Self::Redis(redis) => redis.hub(),
        }
    }

    /// Tells the other nodes. Never waits.
    pub(crate) fn tell(&self, notice: &Notice) {
        match self {
            Self::Local(_) => {}
            Self::Redis(redis) => redis.tell(notice),
        }
    }

    /// Sends an order to the external connector of a vehicle, which answers on the command's channel;
    /// not after `send_by`.
    pub(crate) async fn order(
        &self,
        vehicle_id: VehicleId,
        order: String,
        send_by: SendBy,
    ) -> Result<(), OrderError> {
        match self {
            Self::Local(_) => Err(OrderError::NotSent),
            Self::Redis(redis) => redis.order(vehicle_id, order, send_by).await,
        }
    }

    /// The topic of a command; while it is held, what is said on its channel is heard, if it can be.
    pub(crate) fn topic(&self, command_id: CommandId) -> Arc<Topic> {
        match self {
            Self::Local(hub) => hub.topic(command_id),
            Self::Redis(redis) => redis.topic(command_id),
        }
    }

    /// Listens to what is said on the channel of a command for as long as the answer is kept;
    /// `None` = it cannot be heard, for now.
    pub(crate) async fn attend(&self, command_id: CommandId) -> Option<Arc<Topic>> {
        match self {
            Self::Local(_) => None,
            Self::Redis(redis) => redis.attend(command_id).await,
        }
    }

    /// Of these vehicles, those whose external connector listens; `None` = nobody knows.
    pub(crate) async fn listening(&self, vehicles: Vec<VehicleId>) -> Option<Vec<VehicleId>> {
        match self {
            Self::Local(_) => Some(Vec::new()),
            Self::Redis(redis) => redis.listening(vehicles).await,
        }
    }

    /// Whether events pass from node to node, or need not.
    pub(crate) fn is_up(&self) -> bool {
        match self {
            Self::Local(_) => true,
            Self::Redis(redis) => redis.is_up(),
        }
    }
}

/// The state channels of this node and of the others.
#[derive(Clone)]
pub(crate) struct Announcer {
    pub(crate) bus: Bus,
    pub(crate) channels: Channels,
}

impl Announcer {
    /// Tells everybody who listens, on any node.
    pub(crate) fn publish(&self, news: News) {
        self.channels.publish(&news);
        self.bus.tell(&Notice::Vehicle(news));
    }

    /// Tells, until `shutdown`, of which vehicles commands have moved.
    pub(crate) async fn tell_moves(self, shutdown: CancellationToken) {
        let tell = async {
            loop {
                let moved = self.bus.hub().moves.next().await;
                self.channels.moved(&moved);
                for vehicles in moved.chunks(NAMED) {
                    self.bus.tell(&Notice::Moved(vehicles.to_vec()));
                }
                tokio::time::sleep(GATHER).await;
            }
        };
        let _: Option<()> = shutdown.run_until_cancelled(tell).await;
    }
}
