//! The topics of a node: a shipped ring each, an audience, and the detector of losses.
//!
//! Refuses rules of its own: what a frame means to a ring is the ring's to say.

use super::mutation::Mutation;
use super::node::{Node, NodeRef, Purpose};
use super::seed::{MS, Micros};
use super::store::{Answer, Request, short};
use super::watcher::Serve;
use super::world::{Happening, World};
use crate::live::frame::Frame;
use crate::live::ring::{Heard, Ring};
use model::id::CommandId;
use std::collections::BTreeSet;

/// One watched command.
pub(super) struct Topic {
    pub(super) ring: Ring,
    pub(super) is_subscribed: bool,
    /// The watchers, and the drives that listen for the end.
    pub(super) watches: BTreeSet<usize>,
    pub(super) drives: u32,
}

impl World {
    /// The topic of a command; the bus is told when it is new.
    pub(super) fn topic(&mut self, node: NodeRef, id: CommandId) -> &mut Topic {
        let Node { topics, ring_bytes, deaf_until, .. } = &self.nodes[node.index];
        let (ring_bytes, is_deaf) = (*ring_bytes, *deaf_until > self.now);
        if !topics.contains_key(&id) && !is_deaf {
            self.within(200, 50 * MS, Happening::Subscribed(node, id));
        }
        self.nodes[node.index].topics.entry(id).or_insert_with(|| Topic {
            ring: Ring::new(ring_bytes),
            is_subscribed: false,
            watches: BTreeSet::new(),
            drives: 0,
        })
    }

    /// Somebody has left a topic: the last one takes it away.
    pub(super) fn leave_topic(&mut self, node: NodeRef, id: CommandId) {
        let topics = &mut self.nodes[node.index].topics;
        if topics.get(&id).is_some_and(|topic| topic.watches.is_empty() && topic.drives == 0) {
            topics.remove(&id);
        }
    }

    pub(super) fn subscribed(&mut self, node: NodeRef, id: CommandId) {
        let state = &mut self.nodes[node.index];
        let is_deaf = state.deaf_until > self.now;
        let Some(topic) = state.topics.get_mut(&id).filter(|_| !is_deaf) else { return };
        topic.is_subscribed = true;
        self.doubt(node, [id]);
        self.send_attending(node, id);
    }

    /// The bus is back: everything is subscribed to anew, and doubted.
    pub(super) fn hears_again(&mut self, node: NodeRef) {
        let topics: Vec<_> = self.nodes[node.index].topics.keys().copied().collect();
        for id in topics {
            self.within(200, 50 * MS, Happening::Subscribed(node, id));
        }
    }

    /// The bus is gone, and every subscription with it.
    pub(super) fn hears_no_more(&mut self, index: usize, until: Micros) {
        let node = &mut self.nodes[index];
        node.deaf_until = until;
        node.topics.values_mut().for_each(|topic| topic.is_subscribed = false);
    }

    /// An event has come over the bus.
    pub(super) fn hear_event(&mut self, node: NodeRef, id: CommandId, frame: Frame) {
        if self.mutation == Some(Mutation::BelieveGaps) {
            return self.change_topic(node, id, |ring| ring.extend([frame]));
        }
        let mut heard = Heard::Known;
        self.change_topic(node, id, |ring| {
            heard = ring.hear(frame);
            heard == Heard::News
        });
        if heard == Heard::Gap {
            self.doubt(node, [id]);
        }
    }

    /// Changes the ring of a topic, if there is one, and wakes its watchers if there is news.
    pub(super) fn change_topic(
        &mut self,
        node: NodeRef,
        id: CommandId,
        change: impl FnOnce(&mut Ring) -> bool,
    ) {
        let Some(topic) = self.nodes[node.index].topics.get_mut(&id) else { return };
        if !change(&mut topic.ring) {
            return;
        }
        let (watches, is_ended) = (topic.watches.clone(), topic.ring.is_ended());
        self.judge_ring(node, id);
        for watch in watches {
            let connection = self.watches[watch].connection;
            self.within(0, MS, Happening::Serves(node, watch, connection, Serve::Wakes));
        }
        if is_ended {
            self.end_attending(node, id);
        }
    }

    /// A ring keeps within its limit and holds what the store holds.
    fn judge_ring(&mut self, node: NodeRef, id: CommandId) {
        let Node { topics, ring_bytes, .. } = &self.nodes[node.index];
        let ring = &topics[&id].ring;
        let first =
            (0..ring.head()).rev().take_while(|cursor| ring.after(*cursor).is_some()).last();
        let held = first.and_then(|cursor| ring.after(cursor)).into_iter().flatten();
        let held: Vec<Frame> = held.cloned().collect();
        let bytes: usize = held.iter().map(Frame::len).sum();
        let limit = *ring_bytes;
        let log = self.store.rows.get(&id).map_or(&[][..], |row| &row.events);
        let is_true = held.iter().all(|frame| {
            let stored = usize::try_from(frame.offset).ok().and_then(|at| log.get(at - 1));
            stored.is_some_and(|event| event.frame == frame.text())
        });
        self.expect(bytes <= limit, || format!("a ring holds {bytes} bytes"));
        self.expect(is_true, || format!("n{} holds what is not stored: {}", node.index, short(id)));
    }

    /// Has the store asked, soon, where these logs end.
    fn doubt(&mut self, node: NodeRef, ids: impl IntoIterator<Item = CommandId>) {
        self.nodes[node.index].detector.doubts.extend(ids);
        self.detect(node);
    }

    /// The detector takes up the next thing, if it is free.
    pub(super) fn detect(&mut self, node: NodeRef) {
        let Node { detector, topics, .. } = &mut self.nodes[node.index];
        if detector.is_busy || self.mutation == Some(Mutation::NeverDoubt) {
            return;
        }
        let mut ids = std::mem::take(&mut detector.doubts);
        if ids.is_empty() && std::mem::take(&mut detector.ticks) {
            let unfinished = topics.iter().filter(|(_, topic)| !topic.ring.is_ended());
            ids.extend(unfinished.map(|(id, _)| *id));
        }
        if !ids.is_empty() {
            detector.is_busy = true;
            self.ask(node, Purpose::Heads, Request::Heads(ids.into_iter().collect()));
        }
    }

    pub(super) fn found_heads(&mut self, node: NodeRef, answer: Option<Answer>) {
        self.nodes[node.index].detector.is_busy = false;
        if let Some(Answer::Heads(heads)) = answer {
            for (id, head, is_ended) in heads {
                self.change_topic(node, id, |ring| ring.confirm(head, is_ended));
            }
        }
        self.detect(node);
    }
}
