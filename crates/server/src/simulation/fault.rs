//! The blows that fall on a world while it is young.
//!
//! Refuses to strike in the calm: what goes wrong then is a rule's fault.

use super::bus::Message;
use super::node::NodeRef;
use super::seed::Blows;
use super::seed::{MS, Micros, SECOND};
use super::store::short;
use super::world::{Happening, NODES, World};

/// A blow, and what puts an end to it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Crash(usize),
    Restart(usize),
    /// A pause of the whole process, after which it goes on as if nothing had happened.
    Freeze(usize, Micros),
    /// A node is cut off from the bus.
    Partition(usize, Micros),
    Reconnect(NodeRef),
    /// The store does not answer.
    Outage(Micros),
    Breakdown(usize, Micros),
    Repair(usize),
    /// Somebody looks whether a vehicle is there.
    Probe(usize),
    /// A stranger says something useless.
    Junk,
    /// A stranger says something of a command that no vehicle said.
    Rogue,
    /// A client leaves, and comes back elsewhere.
    Departure,
}

impl World {
    /// Decides which blows will fall, and when.
    pub(super) fn brew(&mut self) {
        let Blows { crashes, freezes, partitions, outages, .. } = self.weather.blows.clone();
        let Blows { breakdowns, junk, rogues, departures, .. } = self.weather.blows.clone();
        for _ in 0..crashes {
            let node = self.dice.index(NODES);
            self.fall(Fault::Crash(node));
        }
        for _ in 0..freezes {
            let node = self.dice.index(NODES);
            // Half of them outlast a lease.
            let least = self.dice.pick(&[10 * MS, 6 * SECOND]);
            let span = self.dice.between(least, 10 * SECOND);
            self.fall(Fault::Freeze(node, span));
        }
        for _ in 0..partitions {
            let (node, span) = (self.dice.index(NODES), self.dice.between(10 * MS, 8 * SECOND));
            self.fall(Fault::Partition(node, span));
        }
        for _ in 0..outages {
            let span = self.dice.between(10 * MS, 5 * SECOND);
            self.fall(Fault::Outage(span));
        }
        for _ in 0..breakdowns {
            let vehicle = self.dice.index(self.vehicles.len());
            let span = self.dice.between(10 * MS, 20 * SECOND);
            self.fall(Fault::Breakdown(vehicle, span));
        }
        let rest = [(junk, Fault::Junk), (rogues, Fault::Rogue), (departures, Fault::Departure)];
        for (count, fault) in rest {
            (0..count).for_each(|_| self.fall(fault));
        }
    }

    fn fall(&mut self, fault: Fault) {
        self.within(0, self.calm_from, Happening::Fault(fault));
        self.tally.faults += 1;
    }

    pub(super) fn strike(&mut self, fault: Fault) {
        if !matches!(fault, Fault::Junk | Fault::Departure | Fault::Probe(_)) {
            self.tell(|| format!("{fault:?}"));
        }
        match fault {
            Fault::Crash(node) => {
                let node = self.busier(node);
                if self.nodes[node].is_up {
                    self.crash(node);
                    self.within(50 * MS, 10 * SECOND, Happening::Fault(Fault::Restart(node)));
                }
            }
            Fault::Restart(node) => self.start_node(node),
            Fault::Freeze(node, span) => {
                let node = self.busier(node);
                self.nodes[node].frozen_until = self.now + span;
            }
            Fault::Partition(node, span) => self.partition(node, span),
            Fault::Reconnect(node) => self.reconnect(node),
            Fault::Outage(span) => self.outage_until = self.now + span,
            Fault::Breakdown(vehicle, span) => self.break_down(vehicle, span),
            Fault::Repair(vehicle) => self.repair(vehicle),
            Fault::Probe(vehicle) => self.probe(vehicle),
            Fault::Junk | Fault::Rogue | Fault::Departure => self.disturb(fault),
        }
    }

    /// A node that is driving something, half the time: there is more to break.
    fn busier(&mut self, node: usize) -> usize {
        let is_busy = |index: &usize| !self.nodes[*index].drives.is_empty();
        let busy: Vec<_> = (0..NODES).filter(is_busy).collect();
        if busy.is_empty() || self.dice.chance(500) { node } else { self.dice.pick(&busy) }
    }

    fn partition(&mut self, index: usize, span: Micros) {
        let until = self.now + span;
        if self.nodes[index].is_up && self.nodes[index].deaf_until < until {
            let name = self.nodes[index].name();
            self.hears_no_more(index, until);
            self.at(until, Happening::Fault(Fault::Reconnect(name)));
        }
    }

    fn reconnect(&mut self, node: NodeRef) {
        let is_same = self.nodes[node.index].name() == node;
        if is_same && self.nodes[node.index].deaf_until <= self.now {
            self.hears_again(node);
        }
    }

    fn break_down(&mut self, vehicle: usize, span: Micros) {
        let state = &mut self.vehicles[vehicle];
        if state.is_up {
            state.is_up = false;
            state.life += 1;
            self.at(self.now + span, Happening::Fault(Fault::Repair(vehicle)));
            self.within(SECOND, 6 * SECOND, Happening::Fault(Fault::Probe(vehicle)));
        }
    }

    fn repair(&mut self, vehicle: usize) {
        self.vehicles[vehicle].is_up = true;
        self.within(100 * MS, 5 * SECOND, Happening::Fault(Fault::Probe(vehicle)));
    }

    fn probe(&mut self, vehicle: usize) {
        let is_up = self.vehicles[vehicle].is_up;
        self.store.reachable[vehicle] = is_up;
        let node = &self.nodes[self.dice.index(NODES)];
        if is_up && node.is_up && node.frozen_until <= self.now {
            self.ring(node.name(), vehicle);
        }
    }

    fn disturb(&mut self, fault: Fault) {
        if matches!(fault, Fault::Departure) && !self.watches.is_empty() {
            let watch = self.dice.index(self.watches.len());
            return self.depart(watch);
        }
        let ids: Vec<_> = self.store.rows.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = self.dice.pick(&ids);
        if matches!(fault, Fault::Junk) {
            return self.junk(id);
        }
        let (is_final, name) = (self.dice.chance(300), self.dice.next());
        let text = format!(
            r#"{{"event":"response","command_id":"{id}","response_id":"00000000-0000-0000-{:04x}-{:012x}","response_payload":{{"rogue":true}},"is_final":{is_final}}}"#,
            name & 0xffff,
            name >> 16,
        );
        self.tell(|| format!("a stranger answers {}", short(id)));
        self.broadcast(id, &Message::Text(text));
    }
}
