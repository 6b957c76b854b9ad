//! The nodes of a world: each claims, renews, keeps time and records, and may die between any two steps.
//!
//! Refuses to remember anything over a death but its name on its disk.

use super::drive::{Drive, DriveKey};
use super::mutation::Mutation;
use super::seed::{Dice, MS, Micros, SECOND};
use super::store::{Answer, Applied, Held, Request, Spoken, short, vehicle_of};
use super::topic::Topic;
use super::world::{Happening, World};
use model::command::external::External;
use model::command::{Input, Phase};
use model::id::{CommandId, NodeId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use uuid::Uuid;

/// How long after a claim, or its renewal, was asked for an order may be sent.
const SEND_WITHIN: Micros = 3 * SECOND;

/// One life of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeRef {
    pub(super) index: usize,
    pub(super) life: u32,
}

/// What a node does again and again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tick {
    /// Look through the whole queue.
    Sweep,
    Renew,
    /// Apply timers, and take over what the dead have left.
    Timers,
    /// Ask what the bus has lost.
    Detect,
}

/// What a request is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Submit(usize),
    Cancel(CommandId),
    Claim {
        room: usize,
    },
    Renew,
    Due,
    TakeOver,
    Recover(NodeId),
    Heads,
    Drive(DriveKey),
    /// Of a claim without a drive.
    Disown,
    Ears(CommandId),
    Page(usize, u32),
    Head(usize, u32),
}

/// The one task that claims and renews; it does one thing at a time.
#[derive(Debug, Default)]
pub(super) struct Desk {
    is_busy: bool,
    /// When it asked for what it waits for: a lease that is given begins no earlier.
    asked_at: Micros,
    is_full: bool,
    rings: BTreeSet<usize>,
    wishes: BTreeSet<Wish>,
}

/// What the dispatcher does when it gets round to it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    Renew,
    Sweep,
}

/// The one task that asks where logs end.
#[derive(Debug, Default)]
pub(super) struct Detector {
    pub(super) is_busy: bool,
    pub(super) ticks: bool,
    pub(super) doubts: BTreeSet<CommandId>,
}

/// A node.
pub(super) struct Node {
    pub(super) index: usize,
    pub(super) life: u32,
    pub(super) id: NodeId,
    /// The name that the last life left on the disk.
    on_disk: Option<NodeId>,
    pub(super) is_up: bool,
    pub(super) started_at: Micros,
    pub(super) frozen_until: Micros,
    /// Cut off from the bus until then.
    pub(super) deaf_until: Micros,
    max_in_flight: usize,
    pub(super) ring_bytes: usize,
    pub(super) topics: BTreeMap<CommandId, Topic>,
    pub(super) drives: BTreeMap<DriveKey, Drive>,
    /// The drives that have said all that they had to say.
    pub(super) ended: BTreeSet<DriveKey>,
    pub(super) ears: BTreeMap<CommandId, VecDeque<(String, External)>>,
    desk: Desk,
    pub(super) detector: Detector,
}

impl Node {
    pub(super) fn new(index: usize, dice: &mut Dice) -> Self {
        Self {
            index,
            life: 0,
            id: NodeId::from(Uuid::nil()),
            on_disk: None,
            is_up: false,
            started_at: 0,
            frozen_until: 0,
            deaf_until: 0,
            max_in_flight: dice.index(6) + 2,
            ring_bytes: dice.pick(&[300, 1000, 4000]),
            topics: BTreeMap::new(),
            drives: BTreeMap::new(),
            ended: BTreeSet::new(),
            ears: BTreeMap::new(),
            desk: Desk::default(),
            detector: Detector::default(),
        }
    }

    pub(super) fn name(&self) -> NodeRef {
        NodeRef { index: self.index, life: self.life }
    }
}

impl World {
    pub(super) fn start_node(&mut self, index: usize) {
        let keeps_disk = self.dice.chance(700);
        let node = &mut self.nodes[index];
        node.life += 1;
        node.is_up = true;
        node.started_at = self.now;
        node.id = NodeId::from(Uuid::from_u128((index as u128) << 32 | u128::from(node.life)));
        let dead = node.on_disk.replace(node.id).filter(|_| keeps_disk);
        let name = node.name();
        self.tell(|| format!("n{index} starts"));
        if let Some(dead) = dead {
            self.ask(name, Purpose::Recover(dead), Request::TakeOver { dead: Some(dead) });
        }
        for tick in [Tick::Sweep, Tick::Renew, Tick::Timers, Tick::Detect] {
            self.within(0, SECOND, Happening::Tick(name, tick));
        }
    }

    /// Everything that is not in the store is gone.
    pub(super) fn crash(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.is_up = false;
        node.frozen_until = 0;
        node.deaf_until = 0;
        node.topics.clear();
        node.drives.clear();
        node.ended.clear();
        node.ears.clear();
        node.desk = Desk::default();
        node.detector = Detector::default();
        self.tell(|| format!("n{index} dies"));
        self.disconnect_all(index);
    }

    pub(super) fn tick(&mut self, node: NodeRef, tick: Tick) {
        let every = match tick {
            Tick::Sweep | Tick::Detect => SECOND,
            Tick::Renew => 2 * SECOND,
            Tick::Timers => 250 * MS,
        };
        match tick {
            Tick::Sweep => drop(self.nodes[node.index].desk.wishes.insert(Wish::Sweep)),
            Tick::Renew => drop(self.nodes[node.index].desk.wishes.insert(Wish::Renew)),
            Tick::Detect => self.nodes[node.index].detector.ticks = true,
            // The pass and its second half are the answer's; nothing that is due soon is asked for.
            Tick::Timers if self.store.has_timers_before(self.now + 10 * MS) => {
                self.ask(node, Purpose::Due, Request::Due);
            }
            Tick::Timers => {}
        }
        match tick {
            Tick::Sweep | Tick::Renew => self.work(node),
            Tick::Detect => {
                self.judge_delays(node);
                self.detect(node);
            }
            Tick::Timers => {}
        }
        self.at(self.now + every, Happening::Tick(node, tick));
    }

    /// There may be something to do at this vehicle.
    pub(super) fn ring(&mut self, node: NodeRef, vehicle: usize) {
        self.nodes[node.index].desk.rings.insert(vehicle);
        self.work(node);
    }

    /// The dispatcher takes up the next thing, if it is free.
    pub(super) fn work(&mut self, node: NodeRef) {
        let Node { desk, drives, max_in_flight, .. } = &mut self.nodes[node.index];
        if desk.is_busy {
            return;
        }
        if desk.wishes.remove(&Wish::Renew) {
            desk.is_busy = true;
            desk.asked_at = self.now;
            return self.ask(node, Purpose::Renew, Request::Renew);
        }
        let vehicles = if desk.rings.is_empty() {
            if !desk.wishes.remove(&Wish::Sweep) || !self.store.has_queue() {
                return;
            }
            None
        } else {
            Some(std::mem::take(&mut desk.rings))
        };
        let room = max_in_flight.saturating_sub(drives.len());
        if room == 0 {
            desk.is_full = true;
            return;
        }
        desk.is_busy = true;
        desk.asked_at = self.now;
        let unlocked = self.mutation == Some(Mutation::CountWithoutLock);
        let looked = unlocked.then(|| self.store.look());
        self.ask(node, Purpose::Claim { room }, Request::Claim { vehicles, room, looked });
    }

    /// A drive has ended: its room may be somebody's.
    pub(super) fn refill(&mut self, node: NodeRef) {
        let desk = &mut self.nodes[node.index].desk;
        if desk.is_full {
            desk.wishes.insert(Wish::Sweep);
        }
        self.work(node);
    }

    pub(super) fn answered(&mut self, node: NodeRef, purpose: Purpose, answer: Option<Answer>) {
        match purpose {
            Purpose::Claim { .. } | Purpose::Renew => {
                self.nodes[node.index].desk.is_busy = false;
                self.desk_learns(node, purpose, answer);
                self.work(node);
            }
            Purpose::Due => {
                self.moved(node, answer);
                self.ask(node, Purpose::TakeOver, Request::TakeOver { dead: None });
            }
            Purpose::TakeOver => drop(self.moved(node, answer)),
            Purpose::Recover(dead) => {
                if self.moved(node, answer) != Some(0) {
                    self.ask(node, purpose, Request::TakeOver { dead: Some(dead) });
                }
            }
            Purpose::Heads => self.found_heads(node, answer),
            Purpose::Drive(key) => self.drive_stored(node, key, answer),
            Purpose::Disown => {
                if let Some(Answer::Applied(applied)) = answer {
                    self.announce(node, applied);
                }
            }
            Purpose::Ears(id) => self.external_recorded(node, id, answer),
            Purpose::Submit(client) => self.accepted(node, client, answer),
            Purpose::Cancel(id) => self.cancelled(node, id, answer),
            Purpose::Page(watch, connection) => self.page_read(node, (watch, connection), answer),
            Purpose::Head(watch, connection) => self.head_found(node, (watch, connection), answer),
        }
    }

    fn desk_learns(&mut self, node: NodeRef, purpose: Purpose, answer: Option<Answer>) {
        let send_by = self.nodes[node.index].desk.asked_at + SEND_WITHIN;
        match (purpose, answer) {
            (Purpose::Claim { room }, Some(Answer::Claimed(claimed))) => {
                self.nodes[node.index].desk.is_full = claimed.len() >= room;
                for applied in claimed {
                    self.begin(node, applied, send_by);
                }
            }
            (_, Some(Answer::Renewed(owned))) => {
                for held in owned {
                    self.keep(node, held, send_by);
                }
            }
            _ => {}
        }
    }

    /// A claim lasts longer. One whose drive has ended without ending it is lost; one that never had a
    /// drive was lost on the way from the store, and nothing has been sent, unless another program has
    /// begun to answer.
    fn keep(&mut self, node: NodeRef, held: Held, send_by: Micros) {
        let key = (held.id, held.fence);
        if self.keep_drive(node, key, send_by) {
            if held.phase == Phase::Cancelling {
                self.stop_drive(node, held.id);
            }
        } else if self.nodes[node.index].ended.contains(&key) || !held.has_answer {
            let Held { id, fence, .. } = held;
            let has_ended = self.nodes[node.index].ended.contains(&key);
            let inputs = vec![if has_ended { Input::Lost } else { Input::NotSent }];
            self.ask(node, Purpose::Disown, Request::Apply { id, fence: Some(fence), inputs });
        }
    }

    /// Tells of what a sweep moved. Answers how much that was; `None` = that is not known.
    fn moved(&mut self, node: NodeRef, answer: Option<Answer>) -> Option<usize> {
        let Some(Answer::Moved(moved)) = answer else { return None };
        let count = moved.len();
        for applied in moved {
            self.announce(node, applied);
        }
        Some(count)
    }

    /// Tells everybody what came of inputs.
    pub(super) fn announce(&mut self, node: NodeRef, applied: Applied) {
        let Applied { command, events, refused } = applied;
        let id = command.order.command_id;
        self.tell(|| {
            let (phase, head) = (command.phase(), command.last_offset);
            format!("n{} learns: {} {phase:?} at {head}, {refused:?}", node.index, short(id))
        });
        if !events.is_empty() {
            self.publish(node, id, events);
        }
        if command.due_at().is_none() {
            self.ring(node, vehicle_of(&command));
        }
    }

    /// Records what another program said first on the channel of a command.
    pub(super) fn record_external(&mut self, node: NodeRef, id: CommandId) {
        let queue = self.nodes[node.index].ears.get(&id);
        let Some((source, external)) = queue.and_then(VecDeque::front).cloned() else { return };
        if self.store.rows.contains_key(&id) {
            self.ask(node, Purpose::Ears(id), Request::Hear(Spoken { id, source, external }));
        }
    }

    fn external_recorded(&mut self, node: NodeRef, id: CommandId, answer: Option<Answer>) {
        let Some(Answer::Heard(heard)) = answer else {
            return self.at(self.now + 500 * MS, Happening::RecordsAgain(node, id));
        };
        if let Some(queue) = self.nodes[node.index].ears.get_mut(&id) {
            queue.pop_front();
        }
        if let Some(applied) = heard {
            self.announce(node, applied);
        }
        self.record_external(node, id);
    }
}
