//! The drives of a node: each gives one order to a vehicle, puts the parts of its answer into order,
//! stores them, and only then tells of them.
//!
//! Refuses to decide how a command ends: it says what it saw, and the reducer decides.

use super::mutation::Mutation;
use super::node::{Node, NodeRef, Purpose};
use super::seed::{MS, Micros, SECOND};
use super::store::{Answer, Applied, Request, moment, short, vehicle_of};
use super::vehicle::{Errand, Execution};
use super::world::{Happening, World};
use model::command::reduce::reduce;
use model::command::{Command, ErrorCode, Input, Refused};
use model::event::Event;
use model::id::{CommandId, ResponseId};
use model::parts::InOrder;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use uuid::Uuid;

/// A command, and the fence under which it is driven.
pub(super) type DriveKey = (CommandId, i64);

/// Something that a connector says.
#[derive(Debug, Clone)]
pub(super) enum Word {
    Part { part: u32, is_final: bool, payload: String },
    End(Input),
}

/// A command on its way through a vehicle.
#[derive(Debug)]
pub(super) struct Drive {
    command: Command,
    parts: InOrder<(bool, String)>,
    inbox: VecDeque<Word>,
    /// What is being stored, for as long as that takes.
    storing: Option<Storing>,
    /// The run timeout has passed.
    is_late: bool,
    /// Listens on the bus before it sends.
    attends: bool,
    /// After it nothing that changes the vehicle is begun.
    send_by: Micros,
    /// A user has asked for its end before anything was sent.
    is_stopped: bool,
    execution: Option<Execution>,
}

/// Inputs on their way to the store.
#[derive(Debug)]
struct Storing {
    inputs: Vec<Input>,
    /// After them there is nothing more to say.
    are_last: bool,
}

const TRUNCATED: Input = Input::Unusable(ErrorCode::Truncated, "Vehicle response truncated");

impl World {
    /// A claimed command gets its drive.
    pub(super) fn begin(&mut self, node: NodeRef, claimed: Applied, send_by: Micros) {
        let command = claimed.command.clone();
        let (id, vehicle) = (command.order.command_id, vehicle_of(&command));
        self.tell(|| format!("n{} drives {} under {}", node.index, short(id), command.fence));
        self.announce(node, claimed);
        let key = (id, command.fence);
        let deadline = command.run_deadline().unwrap();
        let left = deadline.duration_since(moment(self.now)).as_micros();
        let late = self.now + u64::try_from(left).unwrap_or(0);
        let drive = Drive {
            command,
            parts: InOrder::default(),
            inbox: VecDeque::new(),
            storing: None,
            is_late: false,
            attends: self.vehicles[vehicle].is_external,
            send_by,
            is_stopped: false,
            execution: None,
        };
        let attends = drive.attends;
        self.nodes[node.index].drives.insert(key, drive);
        self.at(late, Happening::GivesUp(node, key));
        if attends {
            self.attend(node, key);
        } else {
            let longest = self.dice.pick(&[2 * MS, 2 * MS, 2 * MS, 4 * SECOND]);
            self.within(0, longest, Happening::Send(node, key));
        }
    }

    /// First the ears, then the order.
    fn attend(&mut self, node: NodeRef, key: DriveKey) {
        let topic = self.topic(node, key.0);
        topic.drives += 1;
        if topic.is_subscribed {
            self.within(0, 2 * MS, Happening::Send(node, key));
        } else {
            let deaf = Happening::Said(node, key, Word::End(Input::NotSent));
            self.at(self.now + 2 * SECOND, deaf);
        }
    }

    /// The bus is subscribed to: drives that waited for it send.
    pub(super) fn send_attending(&mut self, node: NodeRef, id: CommandId) {
        for key in self.keys_of(node, id) {
            let drive = &self.nodes[node.index].drives[&key];
            if drive.attends && drive.execution.is_none() {
                self.within(0, 2 * MS, Happening::Send(node, key));
            }
        }
    }

    /// The command has ended: drives that only listened for that are done.
    pub(super) fn end_attending(&mut self, node: NodeRef, id: CommandId) {
        for key in self.keys_of(node, id) {
            if self.nodes[node.index].drives[&key].attends {
                self.end_drive(node, key);
            }
        }
    }

    fn keys_of(&self, node: NodeRef, id: CommandId) -> Vec<DriveKey> {
        let drives = self.nodes[node.index].drives.range((id, i64::MIN)..=(id, i64::MAX));
        drives.map(|(key, _)| *key).collect()
    }

    fn drive_of(&mut self, node: NodeRef, key: DriveKey) -> Option<&mut Drive> {
        self.nodes[node.index].drives.get_mut(&key)
    }

    /// The first byte: from here on the vehicle may do it, whatever becomes of the node.
    pub(super) fn send(&mut self, node: NodeRef, key: DriveKey) {
        let has_begun = |drive: &mut Drive| drive.execution.is_some() || drive.storing.is_some();
        let Some(drive) = self.drive_of(node, key) else { return };
        if has_begun(drive) {
            return;
        }
        let (vehicle, attempt) = (vehicle_of(&drive.command), drive.command.attempt);
        let (attends, is_stopped) = (drive.attends, drive.is_stopped);
        let (send_by, is_write) = (drive.send_by, !drive.command.order.risk.is_repeatable());
        let key_of_client = self.store.rows[&key.0].key;
        let script = self.clients[key_of_client].script.clone();
        let life = self.vehicles[vehicle].life;
        let execution = Execution { vehicle, life, node, key, attempt, script };
        if is_stopped {
            return self.said(node, key, Word::End(Input::Stopped));
        }
        let is_lapsed = is_write && send_by <= self.now;
        if is_lapsed && self.mutation != Some(Mutation::SendAfterTheLease) {
            return self.said(node, key, Word::End(Input::NotSent));
        }
        let is_away = !self.vehicles[vehicle].is_up;
        let is_deaf = attends && self.nodes[node.index].deaf_until > self.now;
        if is_away || is_deaf || self.strikes(self.weather.link_refused) {
            let word = Word::End(Input::NotSent);
            return self.within(MS, SECOND, Happening::Said(node, key, word));
        }
        self.drive_of(node, key).unwrap().execution = Some(execution.clone());
        if self.strikes(self.weather.link_lost) {
            let lost = self.lost();
            self.within(MS, 3 * SECOND, Happening::Said(node, key, Word::End(lost)));
            if self.dice.chance(500) {
                return;
            }
        }
        let order = Errand::Order(execution);
        self.within(100, 5 * MS, Happening::Errand(Box::new(order)));
    }

    /// The connector says something.
    pub(super) fn said(&mut self, node: NodeRef, key: DriveKey, word: Word) {
        let Some(drive) = self.drive_of(node, key) else { return };
        let is_deaf = drive.attends && drive.execution.is_none();
        let came_too_late = drive.attends && !is_deaf && matches!(&word, Word::End(Input::NotSent));
        if came_too_late {
            return;
        }
        drive.inbox.push_back(word);
        self.proceed(node, key);
    }

    pub(super) fn gives_up(&mut self, node: NodeRef, key: DriveKey) {
        if let Some(drive) = self.drive_of(node, key) {
            drive.is_late = true;
            self.proceed(node, key);
        }
    }

    /// Its claim lasts longer; `false` = nobody drives it.
    pub(super) fn keep_drive(&mut self, node: NodeRef, key: DriveKey, send_by: Micros) -> bool {
        let drive = self.drive_of(node, key);
        drive.map(|drive| drive.send_by = send_by).is_some()
    }

    /// A user wants it stopped.
    pub(super) fn stop_drive(&mut self, node: NodeRef, id: CommandId) {
        let Some(key) = self.keys_of(node, id).pop() else { return };
        let drive = self.drive_of(node, key).unwrap();
        if drive.attends {
            return;
        }
        match drive.execution.clone() {
            Some(execution) => {
                let stop = Happening::Errand(Box::new(Errand::Stop(execution)));
                self.within(100, 5 * MS, stop);
            }
            None => drive.is_stopped = true,
        }
    }

    /// Takes up what has been said, unless something is still being stored.
    fn proceed(&mut self, node: NodeRef, key: DriveKey) {
        let Some(drive) = self.drive_of(node, key) else { return };
        if drive.storing.is_some() {
            return;
        }
        let mut is_crowded = false;
        while let Some(Word::Part { .. }) = drive.inbox.front() {
            let Some(Word::Part { part, is_final, payload }) = drive.inbox.pop_front() else {
                break;
            };
            is_crowded |= drive.parts.push(part, (is_final, payload)).is_err();
        }
        let ready: Vec<_> = std::iter::from_fn(|| drive.parts.pop()).collect();
        if is_crowded {
            return self.finish(node, key, TRUNCATED);
        }
        if !ready.is_empty() {
            let inputs = ready.into_iter().map(|part| self.input(part)).collect();
            return self.store_inputs(node, key, Storing { inputs, are_last: false });
        }
        if drive.is_late {
            return self.finish(node, key, Input::Due);
        }
        if let Some(Word::End(input)) = drive.inbox.pop_front() {
            self.finish(node, key, input);
        }
    }

    fn input(&mut self, (part, (is_final, payload)): (u32, (bool, String))) -> Input {
        let response_id = ResponseId::from(Uuid::from_u128(u128::from(self.dice.next())));
        let payload = RawValue::from_string(payload).unwrap();
        Input::Part { part, is_final, response_id, payload }
    }

    fn finish(&mut self, node: NodeRef, key: DriveKey, input: Input) {
        self.store_inputs(node, key, Storing { inputs: vec![input], are_last: true });
    }

    fn store_inputs(&mut self, node: NodeRef, key: DriveKey, storing: Storing) {
        let drive = self.drive_of(node, key).unwrap();
        let inputs = storing.inputs.clone();
        drive.storing = Some(storing);
        let (command, fence) = (drive.command.clone(), Some(drive.command.fence));
        if self.mutation == Some(Mutation::PublishBeforeStore) {
            let events = self.foreseen(command, &inputs);
            self.publish(node, key.0, events);
        }
        self.ask(node, Purpose::Drive(key), Request::Apply { id: key.0, fence, inputs });
    }

    /// The events that inputs would make.
    fn foreseen(&self, mut command: Command, inputs: &[Input]) -> Vec<Event> {
        let mut events = Vec::new();
        for input in inputs {
            if let Ok(step) = reduce(command.clone(), input.clone(), moment(self.now)) {
                command = step.command;
                events.extend(step.events);
            }
        }
        events
    }

    pub(super) fn stores_again(&mut self, node: NodeRef, key: DriveKey) {
        if let Some(drive) = self.drive_of(node, key) {
            let storing = drive.storing.take().unwrap();
            self.store_inputs(node, key, storing);
        }
    }

    pub(super) fn drive_stored(&mut self, node: NodeRef, key: DriveKey, answer: Option<Answer>) {
        let Some(Answer::Applied(applied)) = answer else {
            return self.at(self.now + 500 * MS, Happening::StoresAgain(node, key));
        };
        let (refused, command) = (applied.refused, applied.command.clone());
        self.announce(node, applied);
        let Some(drive) = self.drive_of(node, key) else { return };
        let were_last = drive.storing.take().is_some_and(|storing| storing.are_last);
        let is_over = were_last || command.due_at().is_none();
        drive.command = command;
        match refused {
            None if !is_over => self.proceed(node, key),
            Some(Refused::Hole) if !is_over => self.finish(node, key, TRUNCATED),
            None | Some(_) => self.end_drive(node, key),
        }
    }

    fn end_drive(&mut self, node: NodeRef, key: DriveKey) {
        let Node { drives, ended, topics, .. } = &mut self.nodes[node.index];
        let Some(drive) = drives.remove(&key) else { return };
        ended.insert(key);
        if drive.attends {
            if let Some(topic) = topics.get_mut(&key.0) {
                topic.drives -= 1;
            }
            self.leave_topic(node, key.0);
        }
        self.refill(node);
    }
}
