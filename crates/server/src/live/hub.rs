//! The topics of a node.
//!
//! Refuses to let one topic wait for another: they are spread over many locks, each held for a moment.

use super::Limits;
use super::crier::Criers;
use super::frame::Frame;
use super::interest::Interest;
use super::lock;
use super::moves::Moves;
use super::ring::Heard;
use super::topic::Topic;
use model::command::Phase;
use model::id::CommandId;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use store::Head;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

/// How many locks the topics are spread over.
const SHARDS: usize = 64;

/// Topics that are held for a moment, in two generations.
#[derive(Default)]
struct Kept {
    new: Vec<Arc<Topic>>,
    old: Vec<Arc<Topic>>,
}

impl Kept {
    /// Begins a generation; answers the one before the last.
    fn turn(&mut self) -> Vec<Arc<Topic>> {
        std::mem::replace(&mut self.old, std::mem::take(&mut self.new))
    }
}

type Shard = Mutex<HashMap<CommandId, Weak<Topic>>>;

/// All topics of a node.
pub(crate) struct Hub {
    shards: Arc<[Shard]>,
    hasher: RandomState,
    limits: Limits,
    /// Where topics read.
    tasks: TaskTracker,
    pub(super) criers: Arc<Criers>,
    /// The topics of late: whoever comes back at once finds what was there.
    kept: Mutex<Kept>,
    /// For a bus that has to subscribe to each topic.
    pub(crate) interest: Arc<Interest>,
    /// The vehicles of which there is something new to list.
    pub(crate) moves: Moves,
    /// The topics of which something has been heard that does not follow what is known.
    doubts: Mutex<HashSet<CommandId>>,
    doubted: Notify,
}

impl Hub {
    pub(crate) fn new(limits: Limits, tasks: TaskTracker) -> Self {
        let shards = (0..SHARDS).map(|_| Shard::default()).collect();
        Self {
            shards,
            hasher: RandomState::new(),
            limits,
            tasks,
            criers: Arc::new(Criers::new()),
            kept: Mutex::default(),
            interest: Arc::default(),
            moves: Moves::default(),
            doubts: Mutex::default(),
            doubted: Notify::new(),
        }
    }

    /// The topic of a command. It lives as long as somebody holds it, and a moment at least.
    pub(crate) fn topic(&self, command_id: CommandId) -> Arc<Topic> {
        let shard = self.shard_of(command_id);
        let mut topics = self.lock(shard);
        if let Some(topic) = topics.get(&command_id).and_then(Weak::upgrade) {
            return topic;
        }
        let interest = Arc::clone(&self.interest);
        let home = Home { shards: Arc::clone(&self.shards), shard, interest };
        let (reading, criers) = ((self.limits, self.tasks.clone()), Arc::clone(&self.criers));
        let topic = Arc::new(Topic::new(command_id, reading, criers, home));
        topics.insert(command_id, Arc::downgrade(&topic));
        drop(topics);
        lock(&self.kept).new.push(Arc::clone(&topic));
        self.interest.changed(command_id);
        topic
    }

    /// Lets go of topics that were made before the last call and that nobody else holds.
    pub(crate) fn let_go(&self) {
        let gone = lock(&self.kept).turn();
        drop(gone);
    }

    /// Gives events that this node has stored to whoever watches the command; cheap if nobody does.
    pub(crate) fn publish(&self, command_id: CommandId, frames: Vec<Frame>, phase: Phase) {
        if let Some(topic) = self.watched(command_id) {
            topic.stored(frames, phase);
        }
    }

    /// A command that this node is about to publish the first events of.
    pub(super) fn expect(&self, head: &Head) {
        self.topic(head.command_id).confirm(head);
    }

    /// Gives an event that another node has stored to whoever watches the command.
    pub(crate) fn hear(&self, command_id: CommandId, frame: Frame) {
        let Some(topic) = self.watched(command_id) else { return };
        let mut heard = Heard::Known;
        topic.change(|ring| {
            heard = ring.hear(frame);
            heard == Heard::News
        });
        if heard == Heard::Gap {
            self.doubt([command_id]);
        }
    }

    /// Has the store asked, soon, where these logs end.
    pub(crate) fn doubt(&self, commands: impl IntoIterator<Item = CommandId>) {
        lock(&self.doubts).extend(commands);
        self.doubted.notify_one();
    }

    /// Waits for topics that are in doubt, and takes them.
    pub(crate) async fn doubts(&self) -> Vec<CommandId> {
        loop {
            let doubts = std::mem::take(&mut *lock(&self.doubts));
            if !doubts.is_empty() {
                return doubts.into_iter().collect();
            }
            self.doubted.notified().await;
        }
    }

    /// The watched commands of which more can come.
    pub(crate) fn unfinished(&self) -> Vec<CommandId> {
        self.commands(|topic| !topic.is_ended())
    }

    /// Every watched command.
    pub(crate) fn all(&self) -> Vec<CommandId> {
        self.commands(|_| true)
    }

    /// The topic of a command, if anybody watches it.
    pub(crate) fn watched(&self, command_id: CommandId) -> Option<Arc<Topic>> {
        self.lock(self.shard_of(command_id)).get(&command_id).and_then(Weak::upgrade)
    }

    fn commands(&self, is_wanted: impl Fn(&Topic) -> bool) -> Vec<CommandId> {
        let mut commands = Vec::new();
        for shard in 0..self.shards.len() {
            // Upgraded topics are dropped after the lock: dropping the last takes the lock again.
            let topics: Vec<_> = self.lock(shard).values().filter_map(Weak::upgrade).collect();
            commands.extend(topics.iter().filter(|topic| is_wanted(topic)).map(|t| t.command_id()));
        }
        commands
    }

    fn shard_of(&self, command_id: CommandId) -> usize {
        let hash = self.hasher.hash_one(command_id);
        usize::try_from(hash % SHARDS as u64).unwrap_or(0)
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, HashMap<CommandId, Weak<Topic>>> {
        lock(at(&self.shards, shard))
    }
}

/// Where a topic is listed.
pub(super) struct Home {
    shards: Arc<[Shard]>,
    shard: usize,
    interest: Arc<Interest>,
}

impl Home {
    /// The last holder of a topic has gone.
    pub(super) fn leave(&self, command_id: CommandId) {
        let mut topics = lock(at(&self.shards, self.shard));
        // A new topic of the same command may have taken the place already.
        if topics.get(&command_id).is_some_and(|topic| topic.strong_count() == 0) {
            topics.remove(&command_id);
            drop(topics);
            self.interest.changed(command_id);
        }
    }
}

#[expect(clippy::indexing_slicing, reason = "every index is a hash modulo the number of shards")]
fn at(shards: &[Shard], shard: usize) -> &Shard {
    &shards[shard]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_goes_with_its_last_watcher() {
        let page = store::Page { events: 10, bytes: 1000 };
        let hub = Hub::new(Limits { ring_bytes: 1000, page }, TaskTracker::new());
        let id = CommandId::new();
        let (first, second) = (hub.topic(id), hub.topic(id));
        drop(first);
        assert_eq!(hub.unfinished(), [id]);
        drop(second);
        hub.let_go();
        assert_eq!(hub.unfinished(), [id], "somebody may come back");
        hub.let_go();
        assert!(hub.shards.iter().all(|shard| lock(shard).is_empty()));
    }
}
