//! The clients of a world: they submit until they are told that it is accepted, cancel now and then, and
//! have somebody watch.
//!
//! Refuses to trust a node: what no answer came to is asked again, elsewhere, under the same key.

use super::mutation::Mutation;
use super::node::{NodeRef, Purpose};
use super::seed::{Dice, MS, Micros, SECOND};
use super::store::{Answer, Draft, Request, short};
use super::vehicle::Script;
use super::world::{Happening, NODES, World};
use crate::live::frame::Frame;
use model::command::{Input, Risk};
use model::id::CommandId;
use std::time::Duration;
use uuid::Uuid;

/// How long a client waits for an answer before it asks again.
const PATIENCE: Micros = 4 * SECOND;

/// What a client does, or what happens to it. The number beside it is the submitter's or the watcher's.
#[derive(Debug)]
pub(super) enum Deed {
    Submit,
    Cancel,
    Connect,
    Gets(u32, Vec<Frame>),
}

/// A client that submits one command.
#[derive(Debug)]
pub(super) struct Client {
    vehicle: usize,
    risk: Risk,
    priority: i16,
    deliver_within: Duration,
    run_timeout: Duration,
    cancels_after: Option<Micros>,
    watchers: usize,
    /// What the vehicle will do with it.
    pub(super) script: Script,
}

impl Client {
    fn new(vehicle: usize, dice: &mut Dice) -> Self {
        let seconds = |count: u64| Duration::from_secs(count);
        Self {
            vehicle,
            risk: dice.pick(&[Risk::R0, Risk::R0, Risk::R0, Risk::R1, Risk::R2, Risk::R3]),
            priority: dice.pick(&[0, 0, 0, -5, 5]),
            deliver_within: seconds(dice.between(2, 40)),
            run_timeout: seconds(dice.between(2, 60)),
            cancels_after: dice.chance(250).then(|| dice.between(0, 15 * SECOND)),
            watchers: dice.index(3),
            script: Script::new(dice),
        }
    }
}

impl World {
    /// A client comes, before the calm.
    pub(super) fn add_client(&mut self, index: usize) {
        let vehicle = self.dice.index(self.vehicles.len());
        let client = Client::new(vehicle, &mut self.dice);
        self.clients.push(client);
        // Half of them come by themselves, half in crowds.
        let crowd = self.calm_from / 4 * self.dice.between(0, 4) + self.dice.between(0, 5 * MS);
        let alone = self.dice.between(0, self.calm_from);
        let at = self.dice.pick(&[crowd, alone]);
        self.at(at, Happening::Client(index, Deed::Submit));
    }

    pub(super) fn client(&mut self, index: usize, deed: Deed) {
        match deed {
            Deed::Submit => self.submit(index),
            Deed::Cancel => self.cancel(index),
            Deed::Connect => self.connect(index),
            Deed::Gets(connection, frames) => self.gets(index, connection, frames),
        }
    }

    /// A node that is up, if the client is lucky.
    fn some_node(&mut self) -> Option<NodeRef> {
        let node = &self.nodes[self.dice.index(NODES)];
        (node.is_up && node.frozen_until <= self.now).then(|| node.name())
    }

    fn submit(&mut self, index: usize) {
        if self.acknowledged.contains_key(&index) {
            return;
        }
        self.at(self.now + PATIENCE, Happening::Client(index, Deed::Submit));
        let Some(node) = self.some_node() else { return };
        let id = CommandId::from(Uuid::from_u128(
            u128::from(self.now) << 64 | u128::from(self.dice.next()),
        ));
        let Client { vehicle, risk, priority, deliver_within, run_timeout, .. } =
            self.clients[index];
        let draft = Draft { id, key: index, vehicle, risk, priority, deliver_within, run_timeout };
        self.tell(|| format!("client {index} submits {risk:?} for v{vehicle} to n{}", node.index));
        self.ask(node, Purpose::Submit(index), Request::Accept(draft));
        if self.mutation == Some(Mutation::AcknowledgeEarly) {
            self.acknowledge(index, id);
        }
    }

    /// The node learns that a submission is stored, and tells its client.
    pub(super) fn accepted(&mut self, node: NodeRef, index: usize, answer: Option<Answer>) {
        let Some(Answer::Accepted { id, news }) = answer else {
            // 503: the client tries again at once.
            return self.within(100 * MS, SECOND, Happening::Client(index, Deed::Submit));
        };
        if let Some(applied) = news {
            self.announce(node, applied);
            self.ring(node, self.clients[index].vehicle);
        }
        self.acknowledge(index, id);
    }

    fn acknowledge(&mut self, index: usize, id: CommandId) {
        let before = *self.acknowledged.entry(index).or_insert(id);
        self.expect(before == id, || format!("client {index} is told of two commands"));
        self.tell(|| format!("client {index} has {}", short(id)));
        let is_stored = self.store.rows.contains_key(&id);
        self.expect(is_stored, || format!("{} is accepted, and not stored", short(id)));
        let Client { cancels_after, watchers, .. } = self.clients[index];
        if let Some(after) = cancels_after {
            self.at(self.now + after, Happening::Client(index, Deed::Cancel));
        }
        for _ in 0..watchers {
            self.add_watch(id);
        }
    }

    fn cancel(&mut self, index: usize) {
        let id = self.acknowledged[&index];
        let Some(node) = self.some_node() else {
            return self.within(100 * MS, SECOND, Happening::Client(index, Deed::Cancel));
        };
        self.tell(|| format!("client {index} cancels {} through n{}", short(id), node.index));
        let inputs = vec![Input::Cancel { by: "erika".to_owned() }];
        self.ask(node, Purpose::Cancel(id), Request::Apply { id, fence: None, inputs });
    }

    /// The node learns that a cancel is stored, and has whoever drives the command stop it.
    pub(super) fn cancelled(&mut self, node: NodeRef, id: CommandId, answer: Option<Answer>) {
        let Some(Answer::Applied(applied)) = answer else { return };
        if applied.refused.is_none() {
            self.stop_drive(node, id);
            self.tell_stop(node, id);
            self.announce(node, applied);
        }
    }
}
