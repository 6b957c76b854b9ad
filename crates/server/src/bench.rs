//! The pieces of the hot path, for `benches/hot.rs` to measure one by one.
//!
//! Refuses to be an interface: it is compiled for benches only.

use crate::live::Limits;
use crate::live::cursor::{Cursor, Next};
use crate::live::frame::Frame;
use crate::live::hub::Hub;
use crate::live::topic::Topic;
use model::Timestamp;
use model::command::reduce::{accept, reduce};
use model::command::{Command, Input, Lease, Order, Phase, Risk};
use model::event::{Event, Kind};
use model::id::{CommandId, NodeId, ResponseId, UserId, VehicleId};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;
use store::Page;
use tokio_util::task::TaskTracker;

/// As delivered.
const LIMITS: Limits = Limits { ring_bytes: 262_144, page: Page { events: 500, bytes: 65_536 } };

/// A hub with commands that somebody watches.
#[expect(missing_debug_implementations, reason = "nobody prints it")]
pub struct Bench {
    hub: Hub,
    topics: Vec<Arc<Topic>>,
    command: Command,
    text: String,
    offset: u64,
}

impl Bench {
    /// One whose vehicle answers with this.
    ///
    /// # Panics
    ///
    /// If a command cannot start: then there is nothing to measure.
    #[must_use]
    pub fn new(topics: usize, payload: &RawValue) -> Self {
        let hub = Hub::new(LIMITS, TaskTracker::new());
        let topics: Vec<_> = (0..topics).map(|_| hub.topic(CommandId::new())).collect();
        let command = running();
        let text = answer(&command, payload).frame;
        Self { hub, topics, command, text, offset: 0 }
    }

    /// An answer of the vehicle becomes an event, and a frame for the wire.
    #[must_use]
    pub fn encode(&self, payload: &RawValue) -> usize {
        Frame::from(answer(&self.command, payload)).len()
    }

    /// The next event of a log is given to its topic.
    pub fn publish(&mut self, topic: usize) {
        self.offset += 1;
        let frame = Frame::new(self.offset, Kind::Response, &self.text);
        if let Some(topic) = self.topics.get(topic % self.topics.len()) {
            self.hub.publish(topic.command_id(), vec![frame], Phase::Running);
        }
    }

    /// A watcher takes what the ring of the first topic has after an offset, piece by piece.
    #[must_use]
    pub fn take(&self, behind: u64) -> usize {
        let mut cursor = Cursor::new(self.offset.saturating_sub(behind));
        let mut taken = 0;
        let Some(topic) = self.topics.first() else { return taken };
        topic.look(|ring| {
            while cursor.next(ring) == Next::Give
                && let Some(run) = ring.run_after(cursor.offset())
            {
                taken += run.wire().len();
                cursor.advance(run.last());
            }
        });
        taken
    }
}

fn running() -> Command {
    let order = Order {
        command_id: CommandId::new(),
        vehicle_id: VehicleId::new(),
        user_id: UserId::new(),
        name: "ReadDTC".to_owned(),
        params: RawValue::NULL.to_owned(),
        risk: Risk::R0,
        reason: None,
        priority: 0,
        submitted_at: Timestamp::UNIX_EPOCH,
        approve_by: None,
        deliver_by: Timestamp::MAX,
        run_timeout: Duration::from_secs(30),
        trace_id: None,
    };
    let lease = Lease { owner: NodeId::new(), until: Timestamp::MAX };
    let inputs = [Input::Claim(lease), Input::Start];
    inputs.into_iter().fold(accept(order).command, |command, input| {
        match reduce(command, input, Timestamp::UNIX_EPOCH) {
            Ok(step) => step.command,
            Err(refused) => unreachable!("it may start: {refused:?}"),
        }
    })
}

fn answer(command: &Command, payload: &RawValue) -> Event {
    let (response_id, payload) = (ResponseId::new(), payload.to_owned());
    let input = Input::Part { part: 1, is_final: false, response_id, payload };
    let step = reduce(command.clone(), input, Timestamp::UNIX_EPOCH);
    match step.ok().and_then(|step| step.events.into_iter().next()) {
        Some(event) => event,
        None => unreachable!("a part is an event"),
    }
}
