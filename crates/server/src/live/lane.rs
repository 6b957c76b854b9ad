//! Those who have all that there is of a log: its news is written for them, one after the other,
//! and none of them is woken.
//!
//! Refuses to wait for one of them: whoever does not take all at once goes on by himself.

use super::bell::Cord;
use super::crier::Criers;
use super::cursor::Cursor;
use super::lock;
use super::outlet::{Given, News, Outlet, Reached};
use super::topic::Topic;
use crate::observe;
use slab::Slab;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// How many share a lane: the lanes of a topic are served side by side.
const LANE: usize = 512;

/// All who have lent their connections to one topic.
#[derive(Default)]
pub(super) struct Lanes(Mutex<Vec<Arc<Lane>>>);

/// Some of them.
#[derive(Default)]
pub(super) struct Lane {
    lenders: Mutex<Slab<Lender>>,
    /// Whether it has been called, and nobody has come yet.
    is_called: AtomicBool,
}

/// A connection, and what wakes who speaks on it.
struct Lender {
    outlet: Arc<Outlet>,
    cord: Arc<Cord>,
}

/// A connection that is lent. Dropping it ends that.
pub(crate) struct Lent {
    lane: Arc<Lane>,
    key: usize,
    outlet: Arc<Outlet>,
}

impl Lanes {
    /// Has what comes after the cursor written. The cord is pulled when somebody else has to go on.
    pub(super) fn lend(&self, outlet: &Arc<Outlet>, cord: &Arc<Cord>, cursor: Cursor) -> Lent {
        let lane = self.free();
        outlet.lend(cursor);
        let (outlet, cord) = (Arc::clone(outlet), Arc::clone(cord));
        let key = lock(&lane.lenders).insert(Lender { outlet: Arc::clone(&outlet), cord });
        Lent { lane, key, outlet }
    }

    fn free(&self) -> Arc<Lane> {
        let mut lanes = lock(&self.0);
        let free = lanes.iter().find(|lane| lock(&lane.lenders).len() < LANE);
        free.cloned().unwrap_or_else(|| {
            let lane = Arc::<Lane>::default();
            lanes.push(Arc::clone(&lane));
            lane
        })
    }

    /// There is news of the topic.
    pub(super) fn call(&self, topic: &Arc<Topic>, criers: &Criers) {
        for (number, lane) in lock(&self.0).iter().enumerate() {
            if !lane.is_called.swap(true, Ordering::AcqRel) {
                criers.call(number, topic, lane);
            }
        }
    }

    /// Everybody has to look.
    pub(super) fn wake(&self) {
        for lane in &*lock(&self.0) {
            lock(&lane.lenders).iter().for_each(|(_, lender)| lender.cord.pull());
        }
    }
}

impl Lane {
    /// From here on it is called again.
    pub(super) fn answer(&self) {
        // Reading what is replaced: the news of whoever called before is seen from here on.
        self.is_called.swap(false, Ordering::AcqRel);
    }

    /// Writes the news for some of the places; answers to how many connections, `None` after the last.
    pub(super) fn serve(&self, news: &mut News<'_>, places: Range<usize>) -> Option<usize> {
        let lenders = lock(&self.lenders);
        if places.start >= lenders.capacity() {
            return None;
        }
        let (mut connections, mut delivered) = (0, 0);
        for lender in places.filter_map(|place| lenders.get(place)) {
            let events = match lender.outlet.give(news) {
                Given::Nothing => continue,
                Given::All(events) => events,
                Given::Part(events) => {
                    lender.cord.pull();
                    events
                }
            };
            connections += 1;
            delivered += events;
        }
        observe::events_delivered(delivered);
        Some(connections)
    }
}

impl Lent {
    /// From here on the speaker writes again.
    pub(crate) fn take_back(self) -> Option<Reached> {
        self.outlet.take_back()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        lock(&self.lane.lenders).try_remove(self.key);
    }
}
