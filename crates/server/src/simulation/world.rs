//! A world: three nodes, a store, a bus, vehicles and clients, and what happens to them in order.
//!
//! Refuses real time, threads and sockets: one thing happens after another, at moments of its own.

use super::bus::Message;
use super::client::{Client, Deed};
use super::drive::{DriveKey, Word};
use super::fault::Fault;
use super::mutation::Mutation;
use super::node::{Node, NodeRef, Purpose, Tick};
use super::seed::{Dice, MS, Micros, SECOND, Weather};
use super::store::{Answer, Request, Store};
use super::vehicle::{Errand, Vehicle};
use super::watcher::{Serve, Watch};
use super::{Mishap, Tally};
use model::id::CommandId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many nodes there are.
pub(super) const NODES: usize = 3;
/// How much of a story is kept.
const STORY: usize = 60;
/// When everything has to be over.
const HOUR: Micros = 3600 * SECOND;
/// How long a world goes on after everything is over: late things must change nothing.
const AFTERMATH: Micros = 12 * SECOND;

/// Something that happens.
#[derive(Debug)]
pub(super) enum Happening {
    Tick(NodeRef, Tick),
    /// A request reaches the store. Without somebody to tell, nobody learns what came of it.
    Arrives(Box<Call>),
    Answered(NodeRef, Purpose, Option<Box<Answer>>),
    Heard(NodeRef, CommandId, Message),
    Subscribed(NodeRef, CommandId),
    Send(NodeRef, DriveKey),
    Said(NodeRef, DriveKey, Word),
    GivesUp(NodeRef, DriveKey),
    StoresAgain(NodeRef, DriveKey),
    RecordsAgain(NodeRef, CommandId),
    Serves(NodeRef, usize, u32, Serve),
    Errand(Box<Errand>),
    Client(usize, Deed),
    Fault(Fault),
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) from: NodeRef,
    pub(super) id: model::id::NodeId,
    pub(super) tell: Option<Purpose>,
    pub(super) patience: Micros,
    pub(super) request: Request,
}

/// A world.
pub(super) struct World {
    pub(super) now: Micros,
    agenda: BTreeMap<(Micros, u64), Happening>,
    order: u64,
    pub(super) dice: Dice,
    pub(super) weather: Weather,
    pub(super) mutation: Option<Mutation>,
    pub(super) store: Store,
    /// The store does not answer until then.
    pub(super) outage_until: Micros,
    pub(super) nodes: Vec<Node>,
    pub(super) vehicles: Vec<Vehicle>,
    pub(super) clients: Vec<Client>,
    pub(super) watches: Vec<Watch>,
    /// From then on nothing goes wrong any more.
    pub(super) calm_from: Micros,
    /// The commands that somebody was told are accepted.
    pub(super) acknowledged: BTreeMap<usize, CommandId>,
    /// The commands of which the vehicle confirmed the stop.
    pub(super) stopped: BTreeSet<CommandId>,
    pub(super) tally: Tally,
    pub(super) broken: Option<String>,
    story: Option<VecDeque<String>>,
}

impl World {
    /// The world of a seed, before anything has happened.
    pub(super) fn new(seed: u64, mutation: Option<Mutation>, is_told: bool) -> Self {
        let mut dice = Dice::new(seed);
        let weather = Weather::of(&mut dice);
        let vehicles: Vec<_> = (0..=dice.index(4)).map(|_| Vehicle::new(&mut dice)).collect();
        let calm_from = dice.between(15, 60) * SECOND;
        let mut world = Self {
            now: 0,
            agenda: BTreeMap::new(),
            order: 0,
            dice,
            weather,
            mutation,
            store: Store::new(vehicles.len(), mutation),
            outage_until: 0,
            nodes: Vec::new(),
            vehicles,
            clients: Vec::new(),
            watches: Vec::new(),
            calm_from,
            acknowledged: BTreeMap::new(),
            stopped: BTreeSet::new(),
            tally: Tally::default(),
            broken: None,
            story: is_told.then(VecDeque::new),
        };
        world.populate();
        world
    }

    fn populate(&mut self) {
        for index in 0..NODES {
            let node = Node::new(index, &mut self.dice);
            self.nodes.push(node);
            self.start_node(index);
        }
        for index in 0..self.dice.index(40) + 5 {
            self.add_client(index);
        }
        self.brew();
    }

    /// Lives until everything is over, or until a rule is broken.
    ///
    /// # Errors
    ///
    /// [`Mishap`] with the rule and the last steps.
    pub(super) fn live(mut self) -> Result<Tally, Mishap> {
        let mut over_at = None;
        while self.broken.is_none()
            && over_at.is_none_or(|over_at| self.now <= over_at + AFTERMATH)
            && let Some(((at, _), happening)) = self.agenda.pop_first()
        {
            self.now = at;
            self.tally.steps += 1;
            self.happen(happening);
            self.judge_changes();
            if over_at.is_none() && self.is_over() {
                over_at = Some(at);
            }
            if at > HOUR {
                self.broken = Some(self.who_is_stuck());
            }
        }
        self.judge_world();
        self.tally.seconds = self.now / SECOND;
        let Some(rule) = self.broken else { return Ok(self.tally) };
        let steps = self.story.unwrap_or_default().into_iter().collect();
        Err(Mishap { rule, steps })
    }

    fn happen(&mut self, happening: Happening) {
        let Some(happening) = self.awake(happening) else { return };
        match happening {
            Happening::Tick(node, tick) => self.tick(node, tick),
            Happening::Arrives(call) => self.arrives(*call),
            Happening::Answered(node, purpose, answer) => {
                self.answered(node, purpose, answer.map(|answer| *answer));
            }
            Happening::Heard(node, id, message) => self.heard(node, id, message),
            Happening::Subscribed(node, id) => self.subscribed(node, id),
            Happening::Send(node, key) => self.send(node, key),
            Happening::Said(node, key, word) => self.said(node, key, word),
            Happening::GivesUp(node, key) => self.gives_up(node, key),
            Happening::StoresAgain(node, key) => self.stores_again(node, key),
            Happening::RecordsAgain(node, id) => self.record_external(node, id),
            Happening::Serves(node, watch, connection, serve) => {
                self.serves(node, watch, connection, serve);
            }
            Happening::Errand(errand) => self.errand(*errand),
            Happening::Client(index, deed) => self.client(index, deed),
            Happening::Fault(fault) => self.strike(fault),
        }
    }

    /// What happens to a dead node does not happen, and what happens to a frozen one happens later.
    fn awake(&mut self, happening: Happening) -> Option<Happening> {
        let Some(node) = happening.node() else { return Some(happening) };
        let Node { life, is_up, frozen_until, .. } = self.nodes[node.index];
        if !is_up || life != node.life {
            return None;
        }
        if frozen_until > self.now {
            self.at(frozen_until, happening);
            return None;
        }
        Some(happening)
    }

    /// Puts something on the agenda.
    pub(super) fn at(&mut self, at: Micros, happening: Happening) {
        self.order += 1;
        self.agenda.insert((at.max(self.now), self.order), happening);
    }

    /// Puts something on the agenda of somewhen in a span from now.
    pub(super) fn within(&mut self, least: Micros, limit: Micros, happening: Happening) {
        let at = self.now + self.dice.between(least, limit);
        self.at(at, happening);
    }

    /// Whether faults are over.
    pub(super) fn is_calm(&self) -> bool {
        self.now >= self.calm_from
    }

    /// Whether something goes wrong that goes wrong so often.
    pub(super) fn strikes(&mut self, per_mille: u64) -> bool {
        let strikes = !self.is_calm() && self.dice.chance(per_mille);
        self.tally.faults += u64::from(strikes);
        strikes
    }

    /// Sends a request to the store, which may be lost on the way there or back.
    pub(super) fn ask(&mut self, from: NodeRef, purpose: Purpose, request: Request) {
        let id = self.nodes[from.index].id;
        let there = self.now + self.way();
        let patience = self.now + self.dice.between(300 * MS, 3 * SECOND);
        let mut call = Call { from, id, tell: Some(purpose), patience, request };
        if self.outage_until > self.now || self.strikes(self.weather.request_lost) {
            self.tell(|| format!("n{} {purpose:?}: the request is lost", from.index));
            return self.at(patience, Happening::Answered(from, purpose, None));
        }
        if self.strikes(self.weather.request_late) {
            call.tell = None;
            self.at(patience, Happening::Answered(from, purpose, None));
            let late = patience + self.dice.between(0, 8 * SECOND);
            self.tell(|| format!("n{} {purpose:?}: will be committed late", from.index));
            return self.at(late, Happening::Arrives(Box::new(call)));
        }
        self.at(there, Happening::Arrives(Box::new(call)));
    }

    fn arrives(&mut self, call: Call) {
        let Call { from, id, tell, patience, request } = call;
        let answer = self.store.commit(self.now, id, request);
        let Some(purpose) = tell else { return };
        if self.strikes(self.weather.answer_lost) {
            self.tell(|| format!("n{} {purpose:?}: committed, the answer is lost", from.index));
            return self.at(patience, Happening::Answered(from, purpose, None));
        }
        let back = self.now + self.way();
        self.at(back, Happening::Answered(from, purpose, Some(Box::new(answer))));
    }

    /// How long it takes to the store, or back.
    fn way(&mut self) -> Micros {
        let longest = if self.strikes(self.weather.store_slow) { 2 * SECOND } else { 3 * MS };
        self.dice.between(200, longest)
    }

    /// Adds a line to the story, if anybody listens.
    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        let Some(story) = &mut self.story else { return };
        if story.len() == STORY {
            story.pop_front();
        }
        let (seconds, rest) = (self.now / SECOND, self.now % SECOND);
        story.push_back(format!("{seconds:>4}.{rest:06} {}", line()));
    }

    /// Notes that a rule is broken; the first one counts.
    pub(super) fn expect(&mut self, holds: bool, rule: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some(rule());
        }
    }
}

impl Happening {
    /// The node that it happens to; `None` = no node's, or one that need not be awake for it.
    fn node(&self) -> Option<NodeRef> {
        match self {
            Self::Tick(node, _)
            | Self::Answered(node, ..)
            | Self::Heard(node, ..)
            | Self::Subscribed(node, _)
            | Self::Send(node, _)
            | Self::Said(node, ..)
            | Self::GivesUp(node, _)
            | Self::StoresAgain(node, _)
            | Self::RecordsAgain(node, _)
            | Self::Serves(node, ..) => Some(*node),
            Self::Arrives(_) | Self::Errand(_) | Self::Client(..) | Self::Fault(_) => None,
        }
    }
}
