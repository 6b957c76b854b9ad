//! The bus over Redis: `response:{command_id}` carries exactly the frames that clients see.
//!
//! Refuses to make anybody wait for Redis: what it does not take is left to the loss detector.

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod line;
mod publisher;
mod subscriber;

pub use line::NotAnAddress;
pub(crate) use line::Place;

use super::bus::{Heard, Notice, OrderError};
use super::channel::Channels;
use super::frame::Frame;
use super::hub::Hub;
use super::topic::Topic;
use crate::observe;
use ::redis::RedisResult;
use connect::SendBy;
use model::command::Phase;
use model::id::{CommandId, VehicleId};
use publisher::{Order, Posting, Publisher, Request};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use subscriber::Subscriber;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How much may wait for Redis. What comes beyond it is found in the store.
const OUTBOX: usize = 8192;
/// The same in bytes.
const OUTBOX_BYTES: usize = 32 * 1024 * 1024;
/// How long Redis may take for anything before it counts as gone.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is asked whether it is there.
const PING: Duration = Duration::from_secs(1);
/// The pause before the next attempt to connect, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// The channel on which nodes tell each other what is not an event.
const NOTICES: &str = "fleetwire:notices";

/// The channel of a command's events.
fn response_channel(command_id: CommandId) -> String {
    format!("response:{command_id}")
}

/// The channel of a vehicle's orders, for external connectors.
fn order_channel(vehicle_id: VehicleId) -> String {
    format!("command:{vehicle_id}")
}

/// A handle to the bus; cheap to clone.
#[derive(Clone)]
pub(crate) struct Redis {
    hub: Arc<Hub>,
    outbox: mpsc::Sender<Request>,
    /// How many bytes the outbox has room for.
    room: Arc<Semaphore>,
    health: Arc<Health>,
}

/// Which of the two connections stand.
#[derive(Default)]
struct Health {
    publishes: AtomicBool,
    subscribes: AtomicBool,
}

/// Where what comes over the bus goes.
#[derive(Clone)]
pub(crate) struct Ears {
    pub(crate) hub: Arc<Hub>,
    pub(crate) channels: Channels,
    pub(crate) heard: mpsc::Sender<Heard>,
    /// How long a text of another program may be, in bytes; `None` = they have no say.
    pub(crate) longest_external: Option<usize>,
}

/// The two connections of a node.
pub(crate) struct Connections {
    subscriber: Subscriber,
    publisher: Publisher,
}

impl Connections {
    /// Connects, again and again, until `shutdown`; hears until it is `deaf`.
    pub(crate) fn run(
        self,
        tasks: &TaskTracker,
        (shutdown, deaf): (&CancellationToken, &CancellationToken),
    ) {
        tasks.spawn(self.subscriber.run(deaf.clone()));
        // It ends with the last handle: what is still being stored is still told.
        tasks.spawn(self.publisher.run(shutdown.clone()));
    }
}

impl Redis {
    /// A bus, and what keeps it connected once it runs.
    pub(crate) fn new(place: Place, ears: Ears) -> (Self, Connections) {
        let (outbox, requests) = mpsc::channel(OUTBOX);
        let health = Arc::new(Health::default());
        let hub = Arc::clone(&ears.hub);
        let subscriber = Subscriber::new(place.clone(), ears, Arc::clone(&health));
        let publisher = Publisher::new(place, requests, Arc::clone(&health));
        let room = Arc::new(Semaphore::new(OUTBOX_BYTES));
        (Self { hub, outbox, room, health }, Connections { subscriber, publisher })
    }

    pub(super) fn publish(&self, command_id: CommandId, frames: Vec<Frame>, phase: Phase) {
        let channel = response_channel(command_id);
        for frame in &frames {
            self.post(channel.clone(), frame.text());
        }
        self.hub.publish(command_id, frames, phase);
    }

    pub(super) fn tell(&self, notice: &Notice) {
        // Notices hold ids and words: encoding them cannot fail.
        let text = serde_json::to_string(notice).unwrap_or_default();
        self.post(NOTICES.to_owned(), &text);
    }

    pub(super) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    fn post(&self, channel: String, text: &str) {
        if self.put(channel, text, None).is_none() {
            observe::bus_dropped(1);
        }
    }

    /// Puts a text into the outbox; `None` = there is no room for it.
    fn put(&self, channel: String, text: &str, order: Option<Order>) -> Option<()> {
        let bytes = u32::try_from(text.len()).ok()?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(bytes).ok()?;
        let posting =
            Posting { channel, text: text.into(), order, since: Instant::now(), _room: room };
        self.outbox.try_send(Request::Post(posting)).ok()
    }

    pub(super) async fn order(
        &self,
        vehicle_id: VehicleId,
        text: String,
        send_by: SendBy,
    ) -> Result<(), OrderError> {
        let (reply, receivers) = oneshot::channel();
        let order = Order { reply, send_by };
        let put = self.put(order_channel(vehicle_id), &text, Some(order));
        put.ok_or(OrderError::NotSent)?;
        match receivers.await {
            Ok(Ok(0)) | Err(_) => Err(OrderError::NotSent),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error),
        }
    }

    pub(super) fn topic(&self, command_id: CommandId) -> Arc<Topic> {
        self.hub.topic(command_id)
    }

    pub(super) async fn attend(&self, command_id: CommandId) -> Option<Arc<Topic>> {
        let topic = self.topic(command_id);
        let subscribed = self.hub.interest.subscribed(command_id);
        tokio::time::timeout(2 * PATIENCE, subscribed).await.ok().map(|()| topic)
    }

    pub(super) async fn listening(&self, vehicles: Vec<VehicleId>) -> Option<Vec<VehicleId>> {
        let (reply, answer) = oneshot::channel();
        let channels = vehicles.iter().copied().map(order_channel).collect();
        self.outbox.try_send(Request::Count { channels, reply }).ok()?;
        let counts = answer.await.ok()?;
        let heard = vehicles.into_iter().zip(counts).filter(|(_, count)| *count > 0);
        Some(heard.map(|(vehicle_id, _)| vehicle_id).collect())
    }

    pub(super) fn is_up(&self) -> bool {
        self.health.publishes.load(Ordering::Relaxed) && self.health.hears()
    }
}

impl Health {
    fn publishes(&self, is_up: bool) {
        self.publishes.store(is_up, Ordering::Relaxed);
        observe::bus_connected("publisher", is_up);
    }

    fn hears(&self) -> bool {
        self.subscribes.load(Ordering::Relaxed)
    }

    /// Whether this is news.
    fn hears_no_more(&self) -> bool {
        let heard = self.hears();
        self.subscribes(false);
        heard
    }

    fn subscribes(&self, is_up: bool) {
        self.subscribes.store(is_up, Ordering::Relaxed);
        observe::bus_connected("subscriber", is_up);
    }
}

/// Pauses that grow, with jitter, so that nodes do not come back in step.
struct Pauses(Duration);

impl Pauses {
    fn new() -> Self {
        Self(PAUSES.0)
    }

    async fn next(&mut self) {
        let (_, random) = uuid::Uuid::new_v4().as_u64_pair();
        let share = u32::try_from(random % 1024).unwrap_or(0);
        let pause = self.0 / 2 + self.0 / 2 * share / 1024;
        self.0 = (self.0 * 2).min(PAUSES.1);
        tokio::time::sleep(pause).await;
    }
}

/// A server that is frozen, or cut off without a word, counts as gone.
async fn in_time<T>(answer: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let late = || std::io::Error::from(std::io::ErrorKind::TimedOut).into();
    tokio::time::timeout(2 * PATIENCE, answer).await.unwrap_or_else(|_| Err(late()))
}
