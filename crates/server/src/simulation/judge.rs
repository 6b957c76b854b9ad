//! What must hold in every world, after every step and at its end.
//!
//! Refuses excuses: a rule that is broken once ends the world.

use super::node::NodeRef;
use super::seed::SECOND;
use super::store::{Row, moment, short, vehicle_of};
use super::watcher::Watch;
use super::world::World;
use model::command::{Outcome, Phase, State};
use model::id::CommandId;

impl World {
    /// Judges what the last step has changed in the store.
    pub(super) fn judge_changes(&mut self) {
        if let Some(rule) = self.store.broken.take() {
            self.expect(false, || rule);
        }
        for id in std::mem::take(&mut self.store.changed) {
            self.judge_end(id);
        }
    }

    /// A command that says that it never ran never ran; one that says that it was stopped was.
    fn judge_end(&mut self, id: CommandId) {
        let command = &self.store.rows[&id].command;
        if !command.phase().is_terminal() {
            return;
        }
        let (phase, is_write) = (command.phase(), !command.order.risk.is_repeatable());
        let vehicle = &self.vehicles[vehicle_of(command)];
        let has_run = vehicle.executions.contains_key(&id);
        let was_stopped = self.stopped.contains(&id);
        let is_denied = match phase {
            Phase::Expired => true,
            Phase::Rejected => is_write,
            Phase::Cancelled => is_write && !was_stopped,
            Phase::AwaitingApproval
            | Phase::Queued
            | Phase::Dispatched
            | Phase::Running
            | Phase::Cancelling
            | Phase::Completed
            | Phase::Failed
            | Phase::Unknown => false,
        };
        self.expect(!(has_run && is_denied), || format!("{} ran, and is {phase:?}", short(id)));
        self.tally.end(phase);
    }

    /// As long as the store answers: what the bus loses, and who dies, costs seconds at most.
    pub(super) fn judge_delays(&mut self, node: NodeRef) {
        let is_settled = self.now > self.nodes[node.index].started_at + 3 * SECOND;
        if !self.weather.is_prompt() || !is_settled {
            return;
        }
        let (a_second_ago, two_ago) = (moment(self.now - SECOND), moment(self.now - 2 * SECOND));
        let is_overdue = |row: &&Row| {
            let Row { command, events, .. } = row;
            let timers = [command.due_at(), command.lease().map(|lease| lease.until)];
            // A stop that was not confirmed ends after the run timeout, which then has just come.
            let has_rested = events.last().is_some_and(|event| event.recorded_at < a_second_ago);
            has_rested && timers.into_iter().flatten().any(|at| at < a_second_ago)
        };
        let overdue = self.store.rows.values().find(is_overdue).map(|row| row.key);
        let is_behind = |watch: &&Watch| {
            let log = &self.store.rows[&watch.id].events;
            let missed = log.iter().find(|event| event.offset == watch.got + 1);
            let is_old = missed.is_some_and(|event| event.recorded_at < two_ago);
            watch.node == Some(node) && watch.is_waiting && is_old
        };
        let behind = self.watches.iter().find(is_behind).map(|watch| watch.id);
        self.expect(overdue.is_none(), || format!("nobody moves the command of {overdue:?}"));
        self.expect(behind.is_none(), || format!("a watcher of {behind:?} is left behind"));
    }

    /// Whether nothing is left to be done.
    pub(super) fn is_over(&self) -> bool {
        self.is_calm()
            && self.acknowledged.len() == self.clients.len()
            && self.store.rows.values().all(|row| row.command.phase().is_terminal())
            && self.watches.iter().all(|watch| watch.is_done)
    }

    /// Who kept a world from its end.
    pub(super) fn who_is_stuck(&self) -> String {
        let open = self.store.rows.iter().filter(|(_, row)| !row.command.phase().is_terminal());
        let open: Vec<_> =
            open.map(|(id, row)| (short(*id), row.command.phase(), row.command.fence)).collect();
        let watches = self.watches.iter().enumerate().filter(|(_, watch)| !watch.is_done);
        let watches: Vec<_> = watches.collect();
        let waiting = self.clients.len() - self.acknowledged.len();
        format!("stuck: commands {open:?}, {waiting} clients, watches {watches:?}")
    }

    /// Judges the world as it was left.
    pub(super) fn judge_world(&mut self) {
        if self.broken.is_some() {
            return;
        }
        for (index, id) in self.acknowledged.clone() {
            let is_the_one = self.store.keys.get(&index) == Some(&id);
            self.expect(is_the_one, || format!("client {index} has another command"));
        }
        let (rows, clients) = (self.store.rows.len(), self.clients.len());
        self.expect(rows == clients, || format!("{clients} submissions made {rows} commands"));
        for index in 0..self.watches.len() {
            let (id, got) = (self.watches[index].id, self.watches[index].got);
            let last = self.store.rows[&id].command.last_offset;
            self.expect(got == last, || format!("w{index} got {got} of {last} {}", short(id)));
        }
        let dull: Vec<_> = self.store.rows.values().filter(|row| !has_told_its_end(row)).collect();
        let names: Vec<_> = dull.iter().map(|row| short(row.command.order.command_id)).collect();
        self.expect(names.is_empty(), || format!("{names:?} do not tell how they ended"));
    }
}

/// The last event carries the word of the state, and the error before it its cause.
fn has_told_its_end(row: &Row) -> bool {
    let State::Ended(ended) = &row.command.state else { return false };
    let [.., before, last] = row.events.as_slice() else { return false };
    let tells = |frame: &str, word: &str| frame.contains(&format!("\"{word}\""));
    let has_cause = match &ended.outcome {
        Outcome::Completed => true,
        Outcome::Failed(failure) => tells(&before.frame, failure.code.word()),
    };
    has_cause && tells(&last.frame, ended.outcome.phase().word())
}
