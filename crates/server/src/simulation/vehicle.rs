//! The vehicles of a world, and the programs that speak for some of them: they do what they are told,
//! as well as they can, and count how often.
//!
//! Refuses to know who drives a command: a vehicle answers whoever gave the order.

use super::bus::Message;
use super::drive::{DriveKey, Word};
use super::node::NodeRef;
use super::seed::{Dice, MS, Micros, SECOND};
use super::store::short;
use super::world::{Happening, World};
use model::command::{ErrorCode, Input, Phase, Refusal};
use model::id::CommandId;
use std::collections::BTreeMap;
use uuid::Uuid;

/// How a vehicle answers one command.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) parts: u32,
    /// The longest pause before a part.
    pub(super) pause: Micros,
    pub(super) finale: Finale,
    /// Whether it stops when it is asked to.
    pub(super) obeys: bool,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finale {
    Final,
    Refuses,
    Errs,
    Truncates,
    /// Nothing comes any more.
    Hangs,
}

/// A vehicle.
#[derive(Debug)]
pub(super) struct Vehicle {
    /// Somebody else's program speaks for it.
    pub(super) is_external: bool,
    pub(super) is_up: bool,
    /// Grows with every breakdown: what it was doing is over then.
    pub(super) life: u32,
    pub(super) executions: BTreeMap<CommandId, u32>,
}

/// An order at a vehicle.
#[derive(Debug, Clone)]
pub(super) struct Execution {
    pub(super) vehicle: usize,
    pub(super) life: u32,
    pub(super) node: NodeRef,
    pub(super) key: DriveKey,
    pub(super) attempt: u32,
    pub(super) script: Script,
}

/// Something between a node and a vehicle.
#[derive(Debug)]
pub(super) enum Errand {
    /// An order arrives; it may have been given by a node that is long dead.
    Order(Execution),
    /// The vehicle says something.
    Speaks(Execution, Word),
    /// The node wants it stopped.
    Stop(Execution),
}

impl Script {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let usual = Finale::Final;
        let finales = [usual, usual, usual, usual, Finale::Refuses, Finale::Errs];
        let finale = match dice.index(10) {
            0 => Finale::Truncates,
            1 => Finale::Hangs,
            _ => dice.pick(&finales),
        };
        let pause = dice.pick(&[10 * MS, 200 * MS, 2 * SECOND, 9 * SECOND]);
        let parts = u32::try_from(dice.between(1, 6)).unwrap();
        Self { parts, pause, finale, obeys: dice.chance(600) }
    }

    /// What comes at the end, beside the parts.
    fn end(&self) -> Option<Input> {
        match self.finale {
            Finale::Refuses => {
                Some(Input::Refused(Refusal::Precondition, "engine runs".to_owned()))
            }
            Finale::Errs => Some(Input::VehicleError("NRC 0x22".to_owned())),
            Finale::Final | Finale::Truncates => {
                Some(Input::Unusable(ErrorCode::Truncated, "Vehicle response truncated"))
            }
            Finale::Hangs => None,
        }
    }

    /// How many parts really come.
    fn spoken(&self) -> u32 {
        match self.finale {
            Finale::Final => self.parts,
            Finale::Refuses => 0,
            Finale::Errs | Finale::Truncates | Finale::Hangs => self.parts - 1,
        }
    }
}

impl Vehicle {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let is_external = dice.chance(250);
        Self { is_external, is_up: true, life: 0, executions: BTreeMap::new() }
    }
}

impl World {
    pub(super) fn errand(&mut self, errand: Errand) {
        match errand {
            Errand::Order(execution) => self.execute(execution),
            Errand::Speaks(execution, word) => self.speaks(&execution, word),
            Errand::Stop(execution) => self.is_told_to_stop(&execution),
        }
    }

    fn execute(&mut self, mut execution: Execution) {
        let (id, script) = (execution.key.0, execution.script.clone());
        let vehicle = &mut self.vehicles[execution.vehicle];
        execution.life = vehicle.life;
        if !vehicle.is_up {
            return self.hang_up(&execution);
        }
        let is_external = vehicle.is_external;
        if script.finale != Finale::Refuses {
            *vehicle.executions.entry(id).or_insert(0) += 1;
            self.tally.executions += 1;
            self.tell(|| format!("v{} executes {}", execution.vehicle, short(id)));
            self.judge_execution(&execution);
        }
        let mut at = self.now;
        for part in 1..=script.spoken() {
            at += self.dice.between(MS, script.pause);
            let is_final = part == script.parts;
            let payload = format!("[{},{part},{}]", execution.attempt, script.parts);
            let word = Word::Part { part, is_final, payload };
            let errand = Errand::Speaks(execution.clone(), word);
            self.at(at, Happening::Errand(Box::new(errand)));
        }
        if let Some(end) = script.end() {
            let errand = Errand::Speaks(execution, Word::End(end));
            // A program that speaks for a vehicle may well die instead of saying that it failed.
            if !is_external || script.finale != Finale::Truncates {
                self.at(at + 500 * MS, Happening::Errand(Box::new(errand)));
            }
        }
    }

    /// The connection breaks, and the node notices, soon or late.
    fn hang_up(&mut self, execution: &Execution) {
        let Execution { node, key, vehicle, .. } = execution;
        if !self.vehicles[*vehicle].is_external {
            let lost = self.lost();
            self.within(MS, 3 * SECOND, Happening::Said(*node, *key, Word::End(lost)));
        }
    }

    /// What a connector says of a connection that broke after sending.
    pub(super) fn lost(&self) -> Input {
        let denies = self.mutation == Some(super::mutation::Mutation::DenySending);
        if denies { Input::NotSent } else { Input::Lost }
    }

    fn speaks(&mut self, execution: &Execution, word: Word) {
        let Execution { node, key, vehicle, life, .. } = execution;
        if self.stopped.contains(&key.0) {
            return;
        }
        if self.vehicles[*vehicle].life != *life {
            return self.hang_up(execution);
        }
        if self.vehicles[*vehicle].is_external {
            return self.speaks_on_the_bus(key.0, execution.attempt, &word);
        }
        let is_part = matches!(word, Word::Part { .. });
        let twice = is_part && self.strikes(self.weather.parts_mixed);
        let late = is_part && self.strikes(self.weather.parts_mixed);
        if twice {
            self.within(100, 400 * MS, Happening::Said(*node, *key, word.clone()));
        }
        let longest = if late { 400 * MS } else { 3 * MS };
        self.within(100, longest, Happening::Said(*node, *key, word));
    }

    fn speaks_on_the_bus(&mut self, id: CommandId, attempt: u32, word: &Word) {
        let text = match word {
            Word::Part { part, is_final, payload } => {
                let name = (Uuid::from(id).as_u128() << 16)
                    + (u128::from(attempt) << 8)
                    + u128::from(*part);
                let name = Uuid::from_u128(name);
                format!(
                    r#"{{"event":"response","command_id":"{id}","response":{{"response_id":"{name}","response_payload":{payload},"is_final":{is_final}}}}}"#
                )
            }
            Word::End(Input::VehicleError(words)) => format!(
                r#"{{"event":"error","command_id":"{id}","error_message":"{words}, {attempt}"}}"#
            ),
            Word::End(_) => return,
        };
        self.broadcast(id, &Message::Text(text));
    }

    fn is_told_to_stop(&mut self, execution: &Execution) {
        let Execution { node, key, vehicle, life, script, .. } = execution;
        let has_begun = self.vehicles[*vehicle].executions.contains_key(&key.0);
        if self.vehicles[*vehicle].life == *life && has_begun && script.obeys {
            self.stopped.insert(key.0);
            self.tell(|| format!("v{vehicle} stops {}", short(key.0)));
            self.within(100, 3 * MS, Happening::Said(*node, *key, Word::End(Input::Stopped)));
        }
    }

    /// What an execution must not be.
    fn judge_execution(&mut self, execution: &Execution) {
        let id = execution.key.0;
        let count = self.vehicles[execution.vehicle].executions[&id];
        let command = &self.store.rows[&id].command;
        let (risk, phase) = (command.order.risk, command.phase());
        let is_late = phase != Phase::Running && phase != Phase::Cancelling;
        let is_write = !risk.is_repeatable();
        let in_flight = self.store.in_flight(execution.vehicle);
        let is_crossing = in_flight.into_iter().any(|other| other != id);
        // What another program said may have ended a command that was on its way.
        let was_told_otherwise = self.store.rows[&id].was_heard_of();
        self.tally.late_writes += u64::from(is_write && is_late);
        let is_alone = !(is_write && is_late && is_crossing) || was_told_otherwise;
        self.expect(is_alone, || format!("{} meets another command at its vehicle", short(id)));
        self.expect(!is_write || count == 1, || format!("{} runs {count} times", short(id)));
        let harmless = [Phase::Expired, Phase::Rejected, Phase::Cancelled, Phase::Queued];
        let never = is_write && harmless.contains(&phase);
        self.expect(!never, || format!("{} is {phase:?}, and runs", short(id)));
    }
}
