//! What is handed from those who hear a client to the one who speaks to it.
//!
//! Refuses to pile up: a client that asks and takes nothing is let go.

use super::End;
use super::word::Word;
use crate::live::bell::Cord;
use crate::live::channel::Board;
use crate::live::lock;
use crate::live::outlet::Outlet;
use crate::live::rights::Target;
use crate::live::topic::Topic;
use bytes::BytesMut;
use std::mem::take;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// How many bytes of words may wait for a client to take them.
const PILE: usize = 128 * 1024;

/// Something for the speaker to do.
pub(super) enum Order {
    /// Give out the events of a command after an offset.
    Watch(Arc<Topic>, u64),
    /// Give out the news of a channel.
    Follow(Arc<Board>),
    /// Stop giving out something.
    Stop(Target),
}

/// What waits for the speaker.
#[derive(Default)]
pub(super) struct Inbox {
    /// Whole frames.
    pub(super) words: BytesMut,
    pub(super) orders: Vec<Order>,
    /// Why the session is over; `None` = it is not.
    pub(super) end: Option<End>,
}

/// The place between hearing and speaking.
pub(super) struct Desk {
    inbox: Mutex<Inbox>,
    cord: Arc<Cord>,
    outlet: Arc<Outlet>,
    begun: Instant,
    /// When the client last took something that had had to wait for it.
    took_at: AtomicU64,
    has_acted: AtomicBool,
}

impl Desk {
    /// One whose cord rings the speaker's bell.
    pub(super) fn new(cord: Arc<Cord>, outlet: Arc<Outlet>) -> Self {
        Self {
            inbox: Mutex::default(),
            cord,
            outlet,
            begun: Instant::now(),
            took_at: AtomicU64::new(0),
            has_acted: AtomicBool::new(false),
        }
    }

    /// Has a word said.
    pub(super) fn say(&self, word: &Word<'_>) -> Result<(), End> {
        self.outlet.spoke();
        self.hand_over(&word.frame(), None)
    }

    /// Has whole frames sent.
    pub(super) fn send(&self, frames: &[u8]) -> Result<(), End> {
        self.hand_over(frames, None)
    }

    /// Has an order carried out, and a word said before.
    pub(super) fn order(&self, word: Option<&Word<'_>>, order: Order) -> Result<(), End> {
        let frame = word.map(Word::frame).unwrap_or_default();
        self.hand_over(&frame, Some(order))
    }

    fn hand_over(&self, frames: &[u8], order: Option<Order>) -> Result<(), End> {
        let mut inbox = lock(&self.inbox);
        if inbox.words.len().saturating_add(frames.len()) > PILE {
            return Err(End::Stuck);
        }
        inbox.words.extend_from_slice(frames);
        inbox.orders.extend(order);
        drop(inbox);
        self.cord.pull();
        Ok(())
    }

    /// Has the session ended, after what has been handed over before.
    pub(super) fn end(&self, end: End) {
        lock(&self.inbox).end.get_or_insert(end);
        self.cord.pull();
    }

    /// Takes everything that waits.
    pub(super) fn clear(&self) -> Inbox {
        self.cord.answer();
        take(&mut *lock(&self.inbox))
    }

    /// The client has asked for something.
    pub(super) fn acted(&self) {
        self.has_acted.store(true, Ordering::Relaxed);
        self.cord.pull();
    }

    pub(super) fn has_acted(&self) -> bool {
        self.has_acted.load(Ordering::Relaxed)
    }

    /// Whether anything was said since this was last asked.
    pub(super) fn has_spoken(&self) -> bool {
        self.outlet.has_spoken()
    }

    pub(super) fn took(&self) {
        let age = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.took_at.store(age, Ordering::Relaxed);
    }

    /// When the client last took something that had had to wait for it.
    pub(super) fn took_at(&self) -> Instant {
        self.begun + Duration::from_millis(self.took_at.load(Ordering::Relaxed))
    }
}
