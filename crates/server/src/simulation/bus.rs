//! The bus of a world: it loses, repeats, delays and reorders, and strangers speak on it.
//!
//! Refuses to deliver to a node that has not subscribed.

use super::node::NodeRef;
use super::seed::{MS, SECOND};
use super::store::short;
use super::world::{Happening, NODES, World};
use crate::live::frame::Frame;
use model::command::external;
use model::event::{Event, Kind};
use model::id::CommandId;

/// What comes over the bus.
#[derive(Debug, Clone)]
pub(super) enum Message {
    /// A text with an offset, on the channel of a command.
    Event(Frame),
    /// A text without one.
    Text(String),
    /// A user wants the command stopped.
    Stop,
}

impl World {
    /// A node publishes stored events: to its own topics, and to the bus if it is connected.
    pub(super) fn publish(&mut self, node: NodeRef, id: CommandId, events: Vec<Event>) {
        let frames: Vec<Frame> = events.into_iter().map(Frame::from).collect();
        for frame in &frames {
            self.post(node, id, &Message::Event(frame.clone()));
        }
        self.change_topic(node, id, |ring| ring.extend(frames));
    }

    /// Tells the other nodes that a command shall stop.
    pub(super) fn tell_stop(&mut self, node: NodeRef, id: CommandId) {
        self.post(node, id, &Message::Stop);
    }

    fn post(&mut self, node: NodeRef, id: CommandId, message: &Message) {
        if self.nodes[node.index].deaf_until <= self.now {
            self.broadcast(id, message);
        }
    }

    /// Carries a message to every node that listens to it.
    pub(super) fn broadcast(&mut self, id: CommandId, message: &Message) {
        for index in 0..NODES {
            let node = &self.nodes[index];
            let listens = match message {
                Message::Stop => true,
                Message::Event(_) | Message::Text(_) => {
                    node.topics.get(&id).is_some_and(|topic| topic.is_subscribed)
                }
            };
            if !node.is_up || node.deaf_until > self.now || !listens {
                continue;
            }
            let to = node.name();
            if self.strikes(self.weather.bus_lost) {
                self.tell(|| format!("the bus loses a message of {} to n{index}", short(id)));
                continue;
            }
            let copies = 1 + u32::from(self.strikes(self.weather.bus_twice));
            for _ in 0..copies {
                let late = self.strikes(self.weather.bus_late);
                let longest = if late { 4 * SECOND } else { 3 * MS };
                self.within(100, longest, Happening::Heard(to, id, message.clone()));
            }
        }
    }

    /// A message has arrived at a node.
    pub(super) fn heard(&mut self, node: NodeRef, id: CommandId, message: Message) {
        match message {
            Message::Event(frame) => self.hear_event(node, id, frame),
            Message::Stop => self.stop_drive(node, id),
            Message::Text(text) => {
                let Ok(heard) = external::Heard::read(id, &text) else { return };
                let source = heard.given_id.map_or(text, |id| id.to_string());
                let ears = &mut self.nodes[node.index].ears;
                let queue = ears.entry(id).or_default();
                queue.push_back((source, heard.external));
                if queue.len() == 1 {
                    self.record_external(node, id);
                }
            }
        }
    }

    /// A stranger says something on the channel of a command that is of no use to anybody.
    pub(super) fn junk(&mut self, id: CommandId) {
        let head = self.store.rows[&id].command.last_offset;
        let offset = self.dice.pick(&[0, 1, head, head + 1000, u64::MAX - 1, u64::MAX]);
        let old = self.store.rows[&id].events.iter().find(|event| event.offset == offset).cloned();
        let kind = self.dice.pick(&[Kind::Response, Kind::Status, Kind::End, Kind::Error]);
        let wild = Frame::new(offset, kind, "{\"event\":\"junk\"}");
        // One that is not in the future may only repeat what was said.
        let frame = old.map_or(wild, Frame::from);
        let message = match self.dice.index(4) {
            0 => Message::Text("not even JSON".to_owned()),
            1 => Message::Text(r#"{"event":"response","command_id":"other"}"#.to_owned()),
            2 => Message::Text(format!(r#"{{"event":"pong","command_id":"{id}"}}"#)),
            _ => Message::Event(frame),
        };
        let what = match &message {
            Message::Event(frame) => format!("an event at {}", frame.offset),
            Message::Text(text) => text.clone(),
            Message::Stop => String::new(),
        };
        self.tell(|| format!("junk for {}: {what}", short(id)));
        self.broadcast(id, &message);
    }
}
