//! Many watchers on one thread, which connect all at once.
//!
//! Refuses to look away: an event that is lost, repeated or reordered ends the run.

mod watcher;

use crate::load::inflow::READ_BYTES;
use mio::{Events, Poll, Token};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use watcher::Watcher;

/// Readiness that is taken from the kernel at once.
const EVENTS: usize = 1024;
/// How long nothing may come from a server that should say something.
const PATIENCE: Duration = Duration::from_secs(20);

/// What one of the audience watches.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The address of the stream, below that of the server and up to the offset.
    pub(super) path: String,
    /// The offset of the last event that it has already; 0 = none.
    pub(super) offset: u64,
    /// The number of that event; 0 = none.
    pub(super) last: u32,
}

impl Place {
    /// Of somebody who has nothing yet.
    pub(super) fn at_start(path: String) -> Self {
        Self { path, offset: 0, last: 0 }
    }
}

/// Watchers, from the first packet of their connections on.
#[derive(Debug)]
pub(super) struct Audience {
    address: SocketAddr,
    begun: Instant,
    /// How often a watcher was sent away and came back.
    pub(super) returns: u64,
    poll: Poll,
    ready: Events,
    watchers: Vec<Watcher>,
    room: Vec<u8>,
}

impl Audience {
    /// Begins to connect a watcher for each place, and waits for none.
    pub(super) fn connect(address: SocketAddr, places: Vec<Place>) -> Self {
        let poll = Poll::new().expect("the kernel has epoll");
        let begun = Instant::now();
        let begin =
            |(number, place)| Watcher::connect(address, place, (poll.registry(), Token(number)));
        let watchers = places.into_iter().enumerate().map(begin).collect();
        let (ready, room) = (Events::with_capacity(EVENTS), vec![0; READ_BYTES]);
        Self { address, begun, returns: 0, poll, ready, watchers, room }
    }

    /// How many events come for all of them in a time.
    pub(super) fn count(&mut self, span: Duration) -> u64 {
        let (mut count, until) = (0, Instant::now() + span);
        while Instant::now() < until {
            self.take(|_, new| count += u64::from(new));
        }
        count
    }

    /// Waits until each has the event of that number; answers when that was, counted from the
    /// first connection, the earliest first.
    pub(super) fn until_all_have(&mut self, number: u32) -> Vec<Duration> {
        let (begun, count) = (self.begun, self.watchers.len());
        let mut arrivals = Vec::with_capacity(count);
        while arrivals.len() < count {
            self.take(|last, new| {
                if last >= number && last - new < number {
                    arrivals.push(begun.elapsed());
                }
            });
        }
        arrivals
    }

    /// Hands on, for each watcher to whom something came, the number of its last event and how many
    /// are new.
    fn take(&mut self, mut each: impl FnMut(u32, u32)) {
        self.poll.poll(&mut self.ready, Some(PATIENCE)).expect("epoll works");
        assert!(!self.ready.is_empty(), "nothing came for {PATIENCE:?}");
        for ready in &self.ready {
            let watcher = self.watchers.get_mut(ready.token().0).expect("it is one of them");
            let new = watcher.take(&mut self.room);
            each(watcher.last(), new);
            if watcher.is_sent_away {
                self.returns += 1;
                watcher.come_back(self.address, (self.poll.registry(), ready.token()));
            }
        }
    }
}
