//! A load of WebSocket watchers on one thread, which also publishes what they watch.
//!
//! Refuses to look away: each connection is checked for lost, repeated and reordered events.

pub(crate) mod feed;
pub(crate) mod inflow;
mod ledger;
pub(crate) mod socket;
mod watcher;

use feed::Feed;
use inflow::READ_BYTES;
use ledger::Ledger;
use mio::{Events, Poll, Token};
use socket::{PATIENCE, Socket, Way};
use std::thread;
use std::time::{Duration, Instant};
use watcher::Watcher;

/// Readiness that is taken from the kernel at once.
const EVENTS: usize = 1024;

/// Watchers and what feeds them.
#[derive(Debug)]
pub(crate) struct Load {
    poll: Poll,
    ready: Events,
    /// Each with the number of the last event that it has.
    watchers: Vec<(Watcher, u32)>,
    room: Vec<u8>,
    feed: Feed,
    ledger: Ledger,
}

impl Load {
    /// So many watchers on each topic.
    pub(crate) fn connect(ways: &[Way], per_topic: u32, feed: Feed) -> Self {
        let poll = Poll::new().expect("the kernel has epoll");
        let mut watchers = Vec::new();
        for (topic, way) in (0..).zip(ways) {
            for _ in 0..per_topic {
                let token = Token(watchers.len());
                let socket = Socket::open(way);
                watchers.push((Watcher::new(topic, socket, poll.registry(), token), 0));
            }
        }
        feed.await_ears();
        Self {
            poll,
            ready: Events::with_capacity(EVENTS),
            watchers,
            room: vec![0; READ_BYTES],
            feed,
            ledger: Ledger::new(ways.len(), per_topic),
        }
    }

    /// Publishes as fast as `outstanding` events under way permit; answers the deliveries.
    pub(crate) fn rush(&mut self, outstanding: usize, span: Duration) -> u64 {
        let (before, until) = (self.ledger.deliveries, Instant::now() + span);
        while Instant::now() < until {
            while self.ledger.under_way < outstanding {
                self.publish(Instant::now());
            }
            self.feed.flush();
            self.take(PATIENCE);
        }
        self.ledger.deliveries - before
    }

    /// Publishes at a fixed rate, whatever comes of it; answers the delay of each delivery after
    /// the moment at which its event was due, the shortest first.
    pub(crate) fn pace(&mut self, period: Duration, count: u32) -> Vec<Duration> {
        self.ledger.delays = Some(Vec::new());
        let begun = Instant::now();
        for number in 0..count {
            let due = begun + period * number;
            // Sleeping would be late by up to a tick of the kernel's timer.
            while Instant::now() < due {
                self.take(Duration::ZERO);
                // What brings events may have to run on the same core.
                thread::yield_now();
            }
            self.publish(due);
            self.feed.flush();
        }
        self.settle();
        let mut delays = self.ledger.delays.take().unwrap_or_default();
        delays.sort_unstable();
        delays
    }

    /// Waits until everybody has everything, which has to be right.
    pub(crate) fn settle(&mut self) {
        while self.ledger.under_way > 0 {
            self.take(PATIENCE);
        }
        self.ledger.assert_clean();
    }

    /// The number of the newest event of the first topic.
    pub(crate) fn newest(&self) -> u32 {
        self.ledger.newest()
    }

    fn publish(&mut self, due: Instant) {
        let (topic, number) = self.ledger.publish(due);
        self.feed.publish(topic, number);
    }

    fn take(&mut self, patience: Duration) {
        self.poll.poll(&mut self.ready, Some(patience)).expect("epoll works");
        assert!(patience.is_zero() || !self.ready.is_empty(), "nothing came for {patience:?}");
        for ready in &self.ready {
            let (watcher, last) =
                self.watchers.get_mut(ready.token().0).expect("it is one of them");
            let topic = watcher.topic;
            watcher.take(&mut self.room, |number| {
                self.ledger.receive(topic, last, number);
            });
        }
    }
}
