//! The tasks that write the news of topics for whoever has lent a connection: a few for a whole node.
//!
//! Refuses to keep others waiting: after a few connections everybody else has a turn.

use super::lane::Lane;
use super::lock;
use super::topic::Topic;
use std::mem::swap;
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// How many connections are written to in one turn.
const TURN: usize = 32;

/// The criers of a node.
pub(super) struct Criers(Vec<Arc<Crier>>);

/// One task, and what waits for it.
#[derive(Default)]
struct Crier {
    calls: Mutex<Vec<Call>>,
    called: Notify,
}

/// A lane that has news.
struct Call {
    topic: Arc<Topic>,
    lane: Arc<Lane>,
}

impl Criers {
    /// As many as can run side by side.
    pub(super) fn new() -> Self {
        let count = available_parallelism().map_or(1, usize::from);
        Self((0..count).map(|_| Arc::default()).collect())
    }

    pub(super) fn run(&self, tasks: &TaskTracker, shutdown: &CancellationToken) {
        for crier in &self.0 {
            let (crier, shutdown) = (Arc::clone(crier), shutdown.clone());
            tasks.spawn(async move { shutdown.run_until_cancelled(crier.run()).await });
        }
    }

    /// Has the news of a topic written for one of its lanes. Neighbouring lanes have different criers.
    pub(super) fn call(&self, number: usize, topic: &Arc<Topic>, lane: &Arc<Lane>) {
        let (_, random) = Uuid::from(topic.command_id()).as_u64_pair();
        let index = random.wrapping_add(number as u64) % self.0.len() as u64;
        if let Some(crier) = usize::try_from(index).ok().and_then(|index| self.0.get(index)) {
            crier.call(Call { topic: Arc::clone(topic), lane: Arc::clone(lane) });
        }
    }
}

impl Crier {
    fn call(&self, call: Call) {
        let mut calls = lock(&self.calls);
        calls.push(call);
        let is_first = calls.len() == 1;
        drop(calls);
        if is_first {
            self.called.notify_one();
        }
    }

    async fn run(&self) {
        let (mut calls, mut written) = (Vec::new(), 0);
        loop {
            swap(&mut *lock(&self.calls), &mut calls);
            if calls.is_empty() {
                self.called.notified().await;
            }
            for Call { topic, lane } in calls.drain(..) {
                lane.answer();
                let mut places = 0..TURN;
                while let Some(count) = lane.serve(&mut topic.news(), places.clone()) {
                    places = places.end..places.end + TURN;
                    written += count;
                    if written >= TURN {
                        written = 0;
                        yield_now().await;
                    }
                }
            }
        }
    }
}
