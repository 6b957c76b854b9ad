//! The topics of a node: per watched command the newest frames, encoded once, and a wake-up.
//!
//! Refuses to wait for a watcher, and to keep anything for one: slowness costs the slow one.

use super::Limits;
use crate::observe;
use axum::extract::ws::Utf8Bytes;
use model::event::{Event, Kind};
use model::id::CommandId;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use store::Head;
use tokio::sync::watch;

/// How many locks the topics are spread over.
const SHARDS: usize = 64;

/// An encoded event; cloning shares the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) offset: u64,
    pub(crate) kind: Kind,
    pub(crate) text: Utf8Bytes,
}

impl From<Event> for Frame {
    fn from(event: Event) -> Self {
        Self { offset: event.offset, kind: event.kind, text: event.frame.into() }
    }
}

type Shard = Mutex<HashMap<CommandId, Weak<Topic>>>;

/// All topics of a node.
pub(crate) struct Hub {
    shards: Arc<[Shard]>,
    hasher: RandomState,
    limits: Limits,
}

impl Hub {
    pub(crate) fn new(limits: Limits) -> Self {
        let shards = (0..SHARDS).map(|_| Shard::default()).collect();
        Self { shards, hasher: RandomState::new(), limits }
    }

    /// The topic of a command. It lives as long as somebody holds it.
    pub(crate) fn topic(&self, command_id: CommandId) -> Arc<Topic> {
        let shard = self.shard_of(command_id);
        let mut topics = self.lock(shard);
        if let Some(topic) = topics.get(&command_id).and_then(Weak::upgrade) {
            return topic;
        }
        let topic = Arc::new(Topic {
            command_id,
            ring: Mutex::new(Ring::new(self.limits.ring_bytes)),
            head: watch::Sender::new(0),
            home: (Arc::clone(&self.shards), shard),
            _counted: [observe::topic_open(), observe::bus_subscribed()],
        });
        topics.insert(command_id, Arc::downgrade(&topic));
        topic
    }

    /// Gives stored events to whoever watches the command; cheap if nobody does.
    pub(crate) fn publish(&self, command_id: CommandId, events: Vec<Event>) {
        if let Some(topic) = self.watched(command_id) {
            topic.publish(events.into_iter().map(Frame::from));
        }
    }

    /// Tells a topic how far its log reaches. Watchers that are behind read the store.
    pub(crate) fn raise(&self, head: &Head) {
        if let Some(topic) = self.watched(head.command_id) {
            topic.raise(head.offset, head.is_ended);
        }
    }

    /// The watched commands of which more can come.
    pub(crate) fn unfinished(&self) -> Vec<CommandId> {
        let mut commands = Vec::new();
        for shard in 0..self.shards.len() {
            // Upgraded topics are dropped after the lock: dropping the last takes the lock again.
            let topics: Vec<_> = self.lock(shard).values().filter_map(Weak::upgrade).collect();
            commands.extend(topics.iter().filter(|topic| !topic.is_ended()).map(|t| t.command_id));
        }
        commands
    }

    fn watched(&self, command_id: CommandId) -> Option<Arc<Topic>> {
        self.lock(self.shard_of(command_id)).get(&command_id).and_then(Weak::upgrade)
    }

    fn shard_of(&self, command_id: CommandId) -> usize {
        let hash = self.hasher.hash_one(command_id);
        usize::try_from(hash % SHARDS as u64).unwrap_or(0)
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, HashMap<CommandId, Weak<Topic>>> {
        lock(at(&self.shards, shard))
    }
}

#[expect(clippy::indexing_slicing, reason = "every index is a hash modulo the number of shards")]
fn at(shards: &[Shard], shard: usize) -> &Shard {
    &shards[shard]
}

/// A panic elsewhere leaves maps and rings whole: every change to them is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One watched command.
pub(crate) struct Topic {
    command_id: CommandId,
    ring: Mutex<Ring>,
    head: watch::Sender<u64>,
    home: (Arc<[Shard]>, usize),
    /// On the bus within a process a topic is its own subscription.
    _counted: [observe::Counted; 2],
}

impl Topic {
    /// The command.
    pub(crate) fn command_id(&self) -> CommandId {
        self.command_id
    }

    /// Follows the offset of the newest event that the topic knows of; 0 = of none yet.
    pub(crate) fn heads(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// The frames right after `cursor`, at most about `bytes`; `None` if the ring has not the
    /// first of them (any more).
    pub(crate) fn frames_after(&self, cursor: u64, bytes: usize) -> Option<Vec<Frame>> {
        lock(&self.ring).after(cursor, bytes)
    }

    /// Whether the end of the log has been seen.
    pub(crate) fn is_ended(&self) -> bool {
        lock(&self.ring).is_ended
    }

    fn publish(&self, frames: impl Iterator<Item = Frame>) {
        let head = lock(&self.ring).extend(frames);
        self.wake(head);
    }

    /// Learns how far the log reaches. Watchers that are behind read the store.
    pub(super) fn raise(&self, head: u64, is_ended: bool) {
        let head = lock(&self.ring).raise(head, is_ended);
        self.wake(head);
    }

    fn wake(&self, head: u64) {
        self.head.send_if_modified(|known| {
            let is_news = *known < head;
            *known = head.max(*known);
            is_news
        });
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        let (shards, shard) = &self.home;
        let mut topics = lock(at(shards, *shard));
        // A new topic of the same command may have taken the place already.
        if topics.get(&self.command_id).is_some_and(|topic| topic.strong_count() == 0) {
            topics.remove(&self.command_id);
        }
    }
}

/// The newest frames of a log, without gaps, bounded in bytes. The last one is at `head`.
struct Ring {
    frames: VecDeque<Frame>,
    bytes: usize,
    limit: usize,
    head: u64,
    is_ended: bool,
}

impl Ring {
    fn new(limit: usize) -> Self {
        Self { frames: VecDeque::new(), bytes: 0, limit, head: 0, is_ended: false }
    }

    /// Takes frames in any order: what is not news is dropped, and a gap empties the ring, so that
    /// whoever needs what is missing reads the store. Answers the head.
    fn extend(&mut self, frames: impl Iterator<Item = Frame>) -> u64 {
        for frame in frames {
            if frame.offset <= self.head {
                continue;
            }
            if frame.offset > self.head + 1 {
                self.clear();
            }
            self.head = frame.offset;
            self.is_ended |= frame.kind == Kind::End;
            self.bytes += frame.text.len();
            self.frames.push_back(frame);
        }
        while self.bytes > self.limit
            && let Some(oldest) = self.frames.pop_front()
        {
            self.bytes -= oldest.text.len();
        }
        self.head
    }

    fn raise(&mut self, head: u64, is_ended: bool) -> u64 {
        if head > self.head {
            self.clear();
            self.head = head;
        }
        self.is_ended |= is_ended;
        self.head
    }

    fn after(&self, cursor: u64, bytes: usize) -> Option<Vec<Frame>> {
        let first = self.frames.front()?.offset;
        let skip = usize::try_from(cursor.checked_add(1)?.checked_sub(first)?).ok()?;
        if skip >= self.frames.len() {
            return None;
        }
        let mut room = bytes;
        let page = self.frames.iter().skip(skip).enumerate().take_while(|(index, frame)| {
            let fits = *index == 0 || frame.text.len() <= room;
            room = room.saturating_sub(frame.text.len());
            fits
        });
        Some(page.map(|(_, frame)| frame.clone()).collect())
    }

    fn clear(&mut self) {
        self.frames.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(ring_bytes: usize) -> Hub {
        Hub::new(Limits { ring_bytes, page: store::Page { events: 10, bytes: 1000 } })
    }

    fn frames(offsets: impl IntoIterator<Item = u64>) -> impl Iterator<Item = Frame> {
        offsets.into_iter().map(|offset| Frame {
            offset,
            kind: Kind::Response,
            text: "0123456789".into(),
        })
    }

    fn offsets(topic: &Topic, cursor: u64) -> Option<Vec<u64>> {
        let frames = topic.frames_after(cursor, 1000)?;
        Some(frames.iter().map(|frame| frame.offset).collect())
    }

    #[test]
    fn the_ring_serves_what_it_holds_and_nothing_else() {
        let hub = hub(30);
        let topic = hub.topic(CommandId::new());
        topic.publish(frames(1..=5));
        assert_eq!(offsets(&topic, 2), Some(vec![3, 4, 5]));
        assert_eq!(offsets(&topic, 1), None, "evicted: read the store");
        assert_eq!(offsets(&topic, 5), None, "nothing new");
        assert_eq!(offsets(&topic, u64::MAX), None, "nothing will ever be there");
    }

    #[test]
    fn duplicates_are_dropped_and_a_gap_empties_the_ring() {
        let hub = hub(1000);
        let topic = hub.topic(CommandId::new());
        topic.publish(frames([1, 2, 2, 1, 5]));
        assert_eq!(offsets(&topic, 4), Some(vec![5]));
        assert_eq!(offsets(&topic, 2), None);
        assert_eq!(*topic.heads().borrow(), 5);
    }

    #[test]
    fn a_topic_goes_with_its_last_watcher() {
        let hub = hub(1000);
        let id = CommandId::new();
        let (first, second) = (hub.topic(id), hub.topic(id));
        drop(first);
        assert_eq!(hub.unfinished(), [id]);
        drop(second);
        assert!(hub.shards.iter().all(|shard| lock(shard).is_empty()));
    }
}
