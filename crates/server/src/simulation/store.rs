//! The store of a world: rows and logs, changed by one transaction at a time.
//!
//! Refuses to fail: what is lost on the way to it and back is the world's.

use super::mutation::Mutation;
use super::seed::Micros;
use model::Timestamp;
use model::command::external::External;
use model::command::reduce::{accept, reduce};
use model::command::turn::{self, MAX_READS};
use model::command::{
    Cancelling, Command, Dispatched, Input, Lease, Order, Phase, Queued, Refused, Risk, Running,
    State, later,
};
use model::event::{Event, Kind};
use model::id::{CommandId, NodeId, UserId, VehicleId};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use uuid::Uuid;

/// How long a claim lasts.
const LEASE: Duration = Duration::from_secs(6);
/// How many events one page holds.
pub(super) const PAGE: usize = 4;
/// 2026-11-22T10:00:00Z, when every world begins.
const BEGINNING: i64 = 1_795_341_600_000_000;

/// What a node wants of the store.
#[derive(Debug, Clone)]
pub(super) enum Request {
    Accept(Draft),
    Apply { id: CommandId, fence: Option<i64>, inputs: Vec<Input> },
    Hear(Spoken),
    Claim { vehicles: Option<BTreeSet<usize>>, room: usize, looked: Option<Vec<Command>> },
    Renew,
    Due,
    TakeOver { dead: Option<NodeId> },
    Heads(Vec<CommandId>),
    Page { id: CommandId, after: u64 },
}

/// What the store answers.
#[derive(Debug)]
pub(super) enum Answer {
    Accepted { id: CommandId, news: Option<Applied> },
    Applied(Applied),
    Heard(Option<Applied>),
    Claimed(Vec<Applied>),
    Renewed(Vec<Held>),
    Moved(Vec<Applied>),
    Heads(Vec<(CommandId, u64, bool)>),
    Page(Vec<Event>),
}

/// What came of inputs.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) command: Command,
    pub(super) events: Vec<Event>,
    pub(super) refused: Option<Refused>,
}

/// What another program said, and what that is recognised by.
#[derive(Debug, Clone)]
pub(super) struct Spoken {
    pub(super) id: CommandId,
    pub(super) source: String,
    pub(super) external: External,
}

/// A submission. Its key is the number of the client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draft {
    pub(super) id: CommandId,
    pub(super) key: usize,
    pub(super) vehicle: usize,
    pub(super) risk: Risk,
    pub(super) priority: i16,
    pub(super) deliver_within: Duration,
    pub(super) run_timeout: Duration,
}

/// A command and its log.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) command: Command,
    pub(super) events: Vec<Event>,
    pub(super) key: usize,
    sources: BTreeSet<String>,
    /// Begun by what another program said, out of turn.
    is_foreign: bool,
}

impl Row {
    /// Whether another program has said something of it.
    pub(super) fn was_heard_of(&self) -> bool {
        !self.sources.is_empty()
    }
}

/// A claim that a node still holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) id: CommandId,
    pub(super) fence: i64,
    pub(super) phase: Phase,
    pub(super) has_answer: bool,
}

/// The store.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) rows: BTreeMap<CommandId, Row>,
    pub(super) keys: BTreeMap<usize, CommandId>,
    /// Whether each vehicle was there when it was last probed.
    pub(super) reachable: Vec<bool>,
    /// The commands that the last transactions changed.
    pub(super) changed: Vec<CommandId>,
    /// The first rule that was seen broken.
    pub(super) broken: Option<String>,
    mutation: Option<Mutation>,
}

/// The moment so long after the beginning.
pub(super) fn moment(at: Micros) -> Timestamp {
    Timestamp::from_microsecond(BEGINNING + i64::try_from(at).unwrap()).unwrap()
}

/// The last digits of a command, for stories.
pub(super) fn short(id: CommandId) -> String {
    format!("{:04x}", Uuid::from(id).as_u128() & 0xffff)
}

/// The number of a command's vehicle.
pub(super) fn vehicle_of(command: &Command) -> usize {
    usize::try_from(Uuid::from(command.order.vehicle_id).as_u128()).unwrap()
}

impl Store {
    pub(super) fn new(vehicles: usize, mutation: Option<Mutation>) -> Self {
        Self {
            rows: BTreeMap::new(),
            keys: BTreeMap::new(),
            reachable: vec![true; vehicles],
            changed: Vec::new(),
            broken: None,
            mutation,
        }
    }

    /// One transaction.
    pub(super) fn commit(&mut self, at: Micros, node: NodeId, request: Request) -> Answer {
        let now = moment(at);
        match request {
            Request::Accept(draft) => self.accept(now, draft),
            Request::Apply { id, fence, inputs } => {
                Answer::Applied(self.apply(now, id, fence, inputs))
            }
            Request::Hear(spoken) => {
                let lease = Lease { owner: node, until: later(now, LEASE) };
                Answer::Heard(self.hear(now, lease, spoken))
            }
            Request::Claim { vehicles, room, looked } => {
                let lease = Lease { owner: node, until: later(now, LEASE) };
                Answer::Claimed(self.claim(lease, now, vehicles, (room, looked)))
            }
            Request::Renew => Answer::Renewed(self.renew(now, node)),
            Request::Due => {
                let is_due = |c: &Command| c.due_at().is_some_and(|due| due <= now);
                Answer::Moved(self.sweep(now, &Input::Due, is_due))
            }
            Request::TakeOver { dead } => {
                let is_lapsed = |c: &Command| {
                    c.lease().is_some_and(|l| l.until <= now || Some(l.owner) == dead)
                };
                Answer::Moved(self.sweep(now, &Input::Lost, is_lapsed))
            }
            Request::Heads(ids) => Answer::Heads(self.heads(&ids)),
            Request::Page { id, after } => Answer::Page(self.page(id, after)),
        }
    }

    /// Whether a timer or a lease runs out before that moment.
    pub(super) fn has_timers_before(&self, at: Micros) -> bool {
        let now = moment(at);
        let command = |row: &Row| {
            row.command.due_at().is_some_and(|due| due <= now)
                || row.command.lease().is_some_and(|lease| lease.until <= now)
        };
        self.rows.values().any(command)
    }

    /// Whether anything waits.
    pub(super) fn has_queue(&self) -> bool {
        self.rows.values().any(|row| row.command.phase() == Phase::Queued)
    }

    /// What a claim that does not lock the vehicle sees.
    pub(super) fn look(&self) -> Vec<Command> {
        self.rows.values().map(|row| row.command.clone()).collect()
    }

    /// The commands that are with a vehicle, as far as is known.
    pub(super) fn in_flight(&self, vehicle: usize) -> Vec<CommandId> {
        let with_it = self.rows.iter().filter(|(_, row)| {
            Phase::OWNED.contains(&row.command.phase()) && vehicle_of(&row.command) == vehicle
        });
        with_it.map(|(id, _)| *id).collect()
    }

    fn accept(&mut self, now: Timestamp, draft: Draft) -> Answer {
        let forgets = self.mutation == Some(Mutation::ForgetKeys);
        if let Some(&id) = self.keys.get(&draft.key).filter(|_| !forgets) {
            return Answer::Accepted { id, news: None };
        }
        let id = draft.id;
        let order = Order {
            command_id: id,
            vehicle_id: VehicleId::from(Uuid::from_u128(draft.vehicle as u128)),
            user_id: UserId::from(Uuid::nil()),
            name: "ReadDTC".to_owned(),
            params: RawValue::from_string("{}".to_owned()).unwrap(),
            risk: draft.risk,
            reason: None,
            priority: draft.priority,
            submitted_at: now,
            approve_by: None,
            deliver_by: later(now, draft.deliver_within),
            run_timeout: draft.run_timeout,
            trace_id: None,
        };
        let step = accept(order);
        let row = Row {
            command: step.command.clone(),
            events: step.events.clone(),
            key: draft.key,
            sources: BTreeSet::new(),
            is_foreign: false,
        };
        self.keys.insert(draft.key, id);
        self.rows.insert(id, row);
        self.changed.push(id);
        let news = Applied { command: step.command, events: step.events, refused: None };
        Answer::Accepted { id, news: Some(news) }
    }

    fn apply(
        &mut self,
        now: Timestamp,
        id: CommandId,
        fence: Option<i64>,
        inputs: Vec<Input>,
    ) -> Applied {
        let command = self.rows[&id].command.clone();
        let is_fenced = inputs.iter().any(Input::is_owners) && fence != Some(command.fence);
        if is_fenced && self.mutation != Some(Mutation::IgnoreFence) {
            return Applied { command, events: Vec::new(), refused: Some(Refused::Fenced) };
        }
        self.fold(now, command, inputs)
    }

    /// Applies inputs in order, and stores what they make.
    fn fold(&mut self, now: Timestamp, command: Command, inputs: Vec<Input>) -> Applied {
        let mut applied = Applied { command, events: Vec::new(), refused: None };
        for input in inputs {
            let said = spoken(&input);
            match reduce(applied.command.clone(), input, now) {
                Ok(step) => {
                    applied.command = step.command;
                    applied.events.extend(step.events);
                    self.expect_own_answer(&applied.command, said);
                }
                Err(Refused::Duplicate) => {}
                Err(refused) => {
                    applied.refused = Some(refused);
                    break;
                }
            }
        }
        if !applied.events.is_empty() {
            self.save(&applied);
        }
        applied
    }

    fn hear(&mut self, now: Timestamp, lease: Lease, spoken: Spoken) -> Option<Applied> {
        let Spoken { id, source, external } = spoken;
        let row = self.rows.get_mut(&id)?;
        if row.command.phase().is_terminal() {
            return None;
        }
        let is_known = row.sources.contains(&source);
        if is_known && self.mutation != Some(Mutation::RecordEveryHearing) {
            return None;
        }
        let mut command = row.command.clone();
        let said = Input::External(external);
        let inputs = match &mut command.state {
            State::Queued(queued) => {
                *queued = Queued { not_before: None };
                row.is_foreign = true;
                vec![Input::Claim(lease), Input::Start, said]
            }
            State::Dispatched(_) => vec![Input::Start, said],
            State::AwaitingApproval(_)
            | State::Running(_)
            | State::Cancelling(_)
            | State::Ended(_) => vec![said],
        };
        let applied = self.fold(now, command, inputs);
        if applied.refused.is_some() {
            return None;
        }
        self.expect(!is_known, || format!("{} records {source} twice", short(id)));
        self.rows.get_mut(&id)?.sources.insert(source);
        Some(applied)
    }

    fn claim(
        &mut self,
        lease: Lease,
        now: Timestamp,
        vehicles: Option<BTreeSet<usize>>,
        (room, looked): (usize, Option<Vec<Command>>),
    ) -> Vec<Applied> {
        let vehicles = vehicles.unwrap_or_else(|| (0..self.reachable.len()).collect());
        let seen = looked.unwrap_or_else(|| self.look());
        let mut claimed = Vec::new();
        for vehicle in vehicles {
            let open = seen.iter().filter(|c| vehicle_of(c) == vehicle && c.due_at().is_some());
            let starting = turn::starting(open.cloned().collect(), self.reachable[vehicle], now);
            for command in starting.into_iter().take(room.saturating_sub(claimed.len())) {
                let present = &self.rows[&command.order.command_id].command;
                if present.last_offset != command.last_offset {
                    continue;
                }
                let applied = self.fold(now, command, vec![Input::Claim(lease), Input::Start]);
                if matches!(applied.command.state, State::Running(_)) {
                    let id = applied.command.order.command_id;
                    self.rows.get_mut(&id).unwrap().is_foreign = false;
                    self.expect_room(vehicle, &applied.command);
                    claimed.push(applied);
                }
            }
        }
        claimed
    }

    fn renew(&mut self, now: Timestamp, node: NodeId) -> Vec<Held> {
        let lease = Lease { owner: node, until: later(now, LEASE) };
        let mut owned = Vec::new();
        for (id, row) in &mut self.rows {
            if row.command.lease().is_none_or(|lease| lease.owner != node) {
                continue;
            }
            row.command.state = match row.command.state.clone() {
                State::Dispatched(_) => State::Dispatched(Dispatched { lease }),
                State::Running(_) => State::Running(Running { lease }),
                State::Cancelling(c) => State::Cancelling(Cancelling { lease, until: c.until }),
                unowned @ (State::AwaitingApproval(_) | State::Queued(_) | State::Ended(_)) => {
                    unowned
                }
            };
            let Command { fence, last_sequence, .. } = row.command;
            let (phase, has_answer) = (row.command.phase(), last_sequence > 0);
            owned.push(Held { id: *id, fence, phase, has_answer });
        }
        owned
    }

    fn sweep(
        &mut self,
        now: Timestamp,
        input: &Input,
        is_meant: impl Fn(&Command) -> bool,
    ) -> Vec<Applied> {
        let resends = self.mutation == Some(Mutation::ResendWrites);
        let meant = self.rows.values().map(|row| &row.command).filter(|c| is_meant(c));
        let meant: Vec<Command> = meant.cloned().collect();
        let mut moved = Vec::new();
        for command in meant {
            let is_resent = resends && matches!(input, Input::Lost);
            let input = if is_resent { Input::NotSent } else { input.clone() };
            moved.push(self.fold(now, command, vec![input]));
        }
        moved
    }

    fn heads(&self, ids: &[CommandId]) -> Vec<(CommandId, u64, bool)> {
        let known = ids.iter().filter_map(|id| Some((id, self.rows.get(id)?)));
        known
            .map(|(id, row)| (*id, row.command.last_offset, row.command.due_at().is_none()))
            .collect()
    }

    fn page(&self, id: CommandId, after: u64) -> Vec<Event> {
        let events = self.rows.get(&id).map_or(&[][..], |row| &row.events);
        events.iter().filter(|event| event.offset > after).take(PAGE).cloned().collect()
    }

    /// Writes a row, unless that breaks a rule that holds for every write.
    fn save(&mut self, applied: &Applied) {
        let id = applied.command.order.command_id;
        let row = self.rows.get_mut(&id).unwrap();
        let had_ended = row.command.phase().is_terminal();
        row.events.extend(applied.events.iter().cloned());
        row.command = applied.command.clone();
        let (log, command) = (&row.events, &row.command);
        let is_terminal = command.phase().is_terminal();
        let is_dense = log.iter().map(|event| event.offset).eq(1..=command.last_offset);
        let sequence = log.iter().filter_map(|event| event.sequence_number);
        let is_numbered = sequence.eq(1..=command.last_sequence);
        let count = |kind| log.iter().filter(|event| event.kind == kind).count();
        let (ends, errors) = (count(Kind::End), count(Kind::Error));
        let is_completed = command.phase() == Phase::Completed;
        let is_timed = command.due_at().is_none() == is_terminal;
        let name = short(id);
        self.expect(!had_ended, || format!("{name} moves after its end"));
        self.expect(is_dense, || format!("{name} has a hole in its offsets"));
        self.expect(is_numbered, || format!("{name} has a hole in its sequence"));
        self.expect(is_timed, || format!("{name} has due_at and its end wrong"));
        self.expect(ends == usize::from(is_terminal), || format!("{name} tells {ends} ends"));
        let due_errors = usize::from(is_terminal && !is_completed);
        self.expect(errors == due_errors, || format!("{name} tells {errors} errors"));
        self.changed.push(id);
    }

    fn expect(&mut self, holds: bool, rule: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some(rule());
        }
    }

    /// A write runs alone on its vehicle, and reads do not crowd it. What another program began is
    /// out of anybody's turn.
    fn expect_room(&mut self, vehicle: usize, begun: &Command) {
        let in_flight = self.in_flight(vehicle).into_iter().map(|id| &self.rows[&id]);
        let in_turn = in_flight.filter(|row| !row.is_foreign);
        let risks: Vec<Risk> = in_turn.map(|row| row.command.order.risk).collect();
        let is_alone = risks.len() <= 1 || risks.iter().all(|risk| risk.is_repeatable());
        let name = short(begun.order.command_id);
        self.expect(is_alone, || format!("{name} shares vehicle {vehicle}: {risks:?}"));
        self.expect(risks.len() <= MAX_READS, || format!("{name} crowds vehicle {vehicle}"));
    }

    /// The answer to one attempt is not taken for that to another, and is whole when it is final.
    fn expect_own_answer(&mut self, command: &Command, said: Option<(bool, String)>) {
        let Some((is_final, payload)) = said else { return };
        let begin = format!("[{},{},", command.attempt, command.last_part);
        let end = format!(",{}]", command.last_part);
        let name = short(command.order.command_id);
        self.expect(payload.starts_with(&begin), || format!("{name} takes {payload} for {begin}"));
        let is_whole = !is_final || payload.ends_with(&end);
        self.expect(is_whole, || format!("{name} completes with {payload}"));
    }
}

/// The part that an input holds: whether it is final, and its payload.
fn spoken(input: &Input) -> Option<(bool, String)> {
    let Input::Part { is_final, payload, .. } = input else { return None };
    Some((*is_final, payload.get().to_owned()))
}
