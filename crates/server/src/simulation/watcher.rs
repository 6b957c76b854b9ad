//! Those who watch: a client that counts what it gets, and for each of its connections a shipped cursor
//! on some node.
//!
//! Refuses to help a cursor: in the calm at the end no client comes back by itself.

use super::client::Deed;
use super::cursor::{Cursor, Next};
use super::node::{NodeRef, Purpose};
use super::seed::{MS, Micros, SECOND};
use super::store::{Answer, PAGE, Request, short};
use super::world::{Happening, NODES, World};
use crate::live::frame::Frame;
use model::id::CommandId;

/// How long to wait before the store is asked again for events that the topic has heard of.
const AGAIN: Micros = 100 * MS;

/// A client that watches one command.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) id: CommandId,
    /// The offset of the last event that it got.
    pub(super) got: u64,
    pub(super) is_done: bool,
    /// Counts its connections: what is said on an old one is not heard.
    pub(super) connection: u32,
    pub(super) node: Option<NodeRef>,
    cursor: Cursor,
    /// How far the log was known to reach before the store was read.
    head: u64,
    pub(super) is_waiting: bool,
    /// The longest time that it takes for a page.
    slowness: Micros,
}

/// What the node's end of a connection does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Serve {
    /// A client has connected, and wants what follows this offset.
    Begins(u64),
    /// There is news.
    Wakes,
    /// The client has taken the last page.
    GoesOn,
    /// The pause before the store is asked again is over.
    AsksAgain,
}

impl World {
    /// Somebody begins to watch a command.
    pub(super) fn add_watch(&mut self, id: CommandId) {
        let slowness = self.dice.pick(&[2 * MS, 50 * MS, 3 * SECOND]);
        let watch = Watch {
            id,
            got: 0,
            is_done: false,
            connection: 0,
            node: None,
            cursor: Cursor::new(0),
            head: 0,
            is_waiting: false,
            slowness,
        };
        let index = self.watches.len();
        self.watches.push(watch);
        self.within(0, 8 * SECOND, Happening::Client(index, Deed::Connect));
    }

    /// Connects to any node that answers, and goes on after what it has.
    pub(super) fn connect(&mut self, index: usize) {
        let node = &self.nodes[self.dice.index(NODES)];
        let (name, is_up) = (node.name(), node.is_up);
        if self.watches[index].is_done || self.watches[index].node.is_some() {
            return;
        }
        if !is_up {
            return self.within(MS, SECOND, Happening::Client(index, Deed::Connect));
        }
        let watch = &mut self.watches[index];
        watch.connection += 1;
        watch.node = Some(name);
        let (connection, after) = (watch.connection, watch.got);
        let begins = Happening::Serves(name, index, connection, Serve::Begins(after));
        self.within(MS, 20 * MS, begins);
    }

    /// Leaves, whatever is on its way, and comes back somewhere.
    pub(super) fn depart(&mut self, index: usize) {
        let watch = &mut self.watches[index];
        let Some(node) = watch.node.take() else { return };
        watch.connection += 1;
        watch.is_waiting = false;
        let id = watch.id;
        if self.nodes[node.index].name() == node
            && let Some(topic) = self.nodes[node.index].topics.get_mut(&id)
        {
            topic.watches.remove(&index);
            self.leave_topic(node, id);
        }
        if !self.watches[index].is_done {
            self.within(50 * MS, 2 * SECOND, Happening::Client(index, Deed::Connect));
        }
    }

    /// A node has died, and every connection to it.
    pub(super) fn disconnect_all(&mut self, node: usize) {
        for index in 0..self.watches.len() {
            if self.watches[index].node.is_some_and(|to| to.index == node) {
                self.depart(index);
            }
        }
    }

    pub(super) fn serves(&mut self, node: NodeRef, index: usize, connection: u32, serve: Serve) {
        let watch = &mut self.watches[index];
        if watch.connection != connection {
            return;
        }
        match serve {
            Serve::Begins(after) => {
                let id = watch.id;
                watch.cursor = Cursor::new(after);
                self.topic(node, id).watches.insert(index);
                self.look(node, index);
            }
            Serve::Wakes if watch.is_waiting => self.look(node, index),
            Serve::Wakes => {}
            Serve::GoesOn => self.look(node, index),
            Serve::AsksAgain => self.seek_head(node, index),
        }
    }

    /// Does what the cursor says.
    fn look(&mut self, node: NodeRef, index: usize) {
        let watch = &mut self.watches[index];
        let topic = &self.nodes[node.index].topics[&watch.id];
        watch.is_waiting = false;
        watch.head = if topic.ring.is_known() { topic.ring.head() } else { 0 };
        let connection = watch.connection;
        match watch.cursor.next(&topic.ring) {
            Next::Give => {
                let frames = topic.ring.after(watch.cursor.offset()).into_iter().flatten();
                let frames: Vec<_> = frames.take(2).cloned().collect();
                self.give(index, frames);
            }
            Next::Wait => watch.is_waiting = true,
            Next::Over => self.watches[index].is_done = true,
            Next::Read => {
                let (id, after) = (watch.id, watch.cursor.offset());
                let purpose = Purpose::Page(index, connection);
                self.ask(node, purpose, Request::Page { id, after });
            }
        }
    }

    fn give(&mut self, index: usize, frames: Vec<Frame>) {
        let watch = &mut self.watches[index];
        let (connection, slowness) = (watch.connection, watch.slowness);
        if let Some(last) = frames.last() {
            watch.cursor.advance(last.offset);
        }
        let gets = Happening::Client(index, Deed::Gets(connection, frames));
        self.within(100, slowness, gets);
    }

    pub(super) fn page_read(
        &mut self,
        node: NodeRef,
        (index, connection): (usize, u32),
        answer: Option<Answer>,
    ) {
        if self.watches[index].connection != connection {
            return;
        }
        // The socket is closed with an error, and the client comes back.
        let Some(Answer::Page(events)) = answer else { return self.depart(index) };
        let was_full = events.len() >= PAGE;
        let frames: Vec<Frame> = events.into_iter().map(Frame::from).collect();
        let Watch { id, head, cursor, .. } = self.watches[index];
        if let Some(last) = frames.last() {
            let (offset, kind) = (last.offset, last.kind);
            self.change_topic(node, id, |ring| ring.turn_page(offset, kind, was_full));
            return self.give(index, frames);
        }
        if head > cursor.offset() {
            let again = Happening::Serves(node, index, connection, Serve::AsksAgain);
            return self.at(self.now + AGAIN, again);
        }
        self.seek_head(node, index);
    }

    fn seek_head(&mut self, node: NodeRef, index: usize) {
        let watch = &self.watches[index];
        let (id, connection) = (watch.id, watch.connection);
        self.ask(node, Purpose::Head(index, connection), Request::Heads(vec![id]));
    }

    pub(super) fn head_found(
        &mut self,
        node: NodeRef,
        (index, connection): (usize, u32),
        answer: Option<Answer>,
    ) {
        if self.watches[index].connection != connection {
            return;
        }
        let Some(Answer::Heads(heads)) = answer else { return self.depart(index) };
        for (id, head, is_ended) in heads {
            self.change_topic(node, id, |ring| ring.confirm(head, is_ended));
        }
        self.look(node, index);
    }

    /// Frames reach the client, unless it has left meanwhile.
    pub(super) fn gets(&mut self, index: usize, connection: u32, frames: Vec<Frame>) {
        let Watch { connection: current, id, node, .. } = self.watches[index];
        let Some(node) = node.filter(|_| current == connection) else { return };
        for frame in frames {
            self.tell(|| format!("w{index} gets {} {}", short(id), frame.offset));
            self.judge_frame(index, &frame);
            self.watches[index].got = frame.offset;
        }
        self.at(self.now, Happening::Serves(node, index, connection, Serve::GoesOn));
    }

    /// The next event, and only that, exactly as it is stored.
    fn judge_frame(&mut self, index: usize, frame: &Frame) {
        let Watch { id, got, .. } = self.watches[index];
        let offset = frame.offset;
        self.expect(offset == got + 1, || {
            format!("w{index} gets {offset} of {} after {got}", short(id))
        });
        let log = &self.store.rows.get(&id).map_or(&[][..], |row| &row.events);
        let stored = log.iter().find(|event| event.offset == offset);
        let is_true = stored.is_some_and(|event| event.frame == frame.text());
        self.expect(is_true, || format!("w{index} gets {offset} of {}: not stored", short(id)));
    }
}
