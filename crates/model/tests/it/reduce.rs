//! Random lives: nodes that die, zombies that speak late, links that repeat and reorder, timers at
//! any moment, and a vehicle that counts what it executes.

use crate::life::{Life, anna, cancel, delicate, json, order};
use fleetwire_model::command::reduce::MAX_ATTEMPTS;
use fleetwire_model::command::{Command, Decider, ErrorCode, Input, Phase, Refusal, Risk};
use fleetwire_model::event::{Event, Kind};
use fleetwire_model::id::ResponseId;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::Value;
use std::time::Duration;

/// What may happen next. The number says which of the owners so far it happens to.
#[derive(Debug, Clone)]
enum Happening {
    TimePasses(Duration),
    Claim,
    /// An owner stores that it is about to send.
    Start(usize),
    /// The order of an owner that may send reaches the vehicle.
    Send(usize),
    /// An owner found no connection: it has not sent, and never will.
    NotSent(usize),
    /// An owner says that its vehicle said something; true or not, once or again.
    Says(usize, Input),
    /// The lease of the owner lapsed: any node says so.
    TakeOver,
    Cancel,
    Due,
    /// Somebody approves what the order said when they looked; it may be whoever ordered it.
    Approve {
        is_own: bool,
    },
    Deny,
    /// Somebody writes to the row what nobody ordered.
    Alter,
}

fn happening() -> impl Strategy<Value = Happening> {
    let owner = 0..4_usize;
    prop_oneof![
        3 => (0..20_000_u64).prop_map(|ms| Happening::TimePasses(Duration::from_millis(ms))),
        4 => Just(Happening::Claim),
        4 => owner.clone().prop_map(Happening::Start),
        4 => owner.clone().prop_map(Happening::Send),
        2 => owner.clone().prop_map(Happening::NotSent),
        6 => (owner, said()).prop_map(|(owner, input)| Happening::Says(owner, input)),
        1 => Just(Happening::TakeOver),
        1 => Just(Happening::Cancel),
        2 => Just(Happening::Due),
        2 => prop::bool::weighted(0.3).prop_map(|is_own| Happening::Approve { is_own }),
        1 => prop::bool::weighted(0.2).prop_map(
            |is_denied| if is_denied { Happening::Deny } else { Happening::Alter }
        ),
    ]
}

fn said() -> impl Strategy<Value = Input> {
    prop_oneof![
        12 => (1..5_u32, prop::bool::weighted(0.2)).prop_map(|(part, is_final)| Input::Part {
            part,
            is_final,
            response_id: ResponseId::new(),
            payload: json(r#"{"rpm":800}"#),
        }),
        1 => Just(Input::Refused(Refusal::Precondition, "engine runs".to_owned())),
        1 => Just(Input::VehicleError("NRC 0x22".to_owned())),
        2 => Just(Input::Lost),
        1 => Just(Input::Unusable(ErrorCode::Malformed, "Vehicle response malformed")),
        1 => Just(Input::Stopped),
    ]
}

fn risk() -> impl Strategy<Value = Risk> {
    prop::sample::select(vec![Risk::R0, Risk::R1, Risk::R2, Risk::R3])
}

/// A node's memory of one claim. It may be long out of date.
#[derive(Debug, Clone, Copy)]
struct Owner {
    fence: i64,
    may_send: bool,
}

struct World {
    life: Life,
    /// Whether a second person has permitted the order as it stands.
    is_permitted: bool,
    owners: Vec<Owner>,
    starts: u32,
    executions: u32,
}

impl World {
    fn new(risk: Risk, is_delicate: bool) -> Self {
        let life = Life::of(if is_delicate { delicate(risk) } else { order(risk) });
        let is_permitted = !is_delicate;
        Self { life, is_permitted, owners: Vec::new(), starts: 0, executions: 0 }
    }

    fn lives(&mut self, happening: Happening) {
        match happening {
            Happening::TimePasses(span) => self.life.now += span,
            Happening::Claim => self.claim(),
            Happening::Start(owner) => self.start(owner),
            Happening::Send(owner) => self.send(owner),
            Happening::NotSent(owner) => self.give_up(owner),
            Happening::Says(owner, input) => _ = self.say(owner, input),
            Happening::TakeOver => _ = self.offer(Input::Lost),
            Happening::Cancel => _ = self.offer(cancel()),
            Happening::Due => _ = self.offer(Input::Due),
            Happening::Approve { is_own } => self.approve(is_own),
            Happening::Deny => {
                _ = self.offer(Input::Deny { reason: "no".to_owned(), by: anna() });
            }
            Happening::Alter => self.alter(),
        }
    }

    fn approve(&mut self, is_own: bool) {
        let Some(hash) = self.life.command.approval_hash() else { return };
        let user_id = self.life.command.order.user_id;
        let by = if is_own { Decider { user_id, ..anna() } } else { anna() };
        let was_waiting = self.life.phase() == Phase::AwaitingApproval;
        if self.offer(Input::Approve { hash, by }) {
            assert!(was_waiting && !is_own);
            self.is_permitted = true;
        }
    }

    fn alter(&mut self) {
        let before = self.life.command.approval_hash();
        self.life.command.order.params = json(r#"{"ecuAddress":"0x7E8"}"#);
        self.is_permitted &= self.life.command.approval_hash() == before;
    }

    fn claim(&mut self) {
        let lease = self.life.lease();
        if self.offer(Input::Claim(lease)) && self.life.phase() == Phase::Dispatched {
            assert!(self.is_permitted, "claimed, and nobody permitted it");
            self.owners.push(Owner { fence: self.life.command.fence, may_send: false });
        }
    }

    fn start(&mut self, owner: usize) {
        if self.say(owner, Input::Start) {
            self.starts += 1;
            self.owners[owner].may_send = true;
        }
    }

    /// The owner may have been frozen since its start was stored: nobody can hold it back.
    fn send(&mut self, owner: usize) {
        if let Some(owner) = self.owners.get_mut(owner)
            && std::mem::take(&mut owner.may_send)
        {
            self.executions += 1;
        }
    }

    fn give_up(&mut self, owner: usize) {
        let Some(Owner { may_send: true, .. }) = self.owners.get(owner) else { return };
        self.owners[owner].may_send = false;
        self.say(owner, Input::NotSent);
    }

    /// An input that only an owner may give passes the fence first, as in the store.
    fn say(&mut self, owner: usize, input: Input) -> bool {
        let fence = self.life.command.fence;
        self.owners.get(owner).is_some_and(|owner| owner.fence == fence) && self.offer(input)
    }

    /// Whether the input was taken.
    fn offer(&mut self, input: Input) -> bool {
        let ended = self.life.command.phase().is_terminal();
        let outcome = self.life.offer(input);
        assert!(!ended || outcome.is_err(), "something followed the end");
        let is_terminal = self.life.command.phase().is_terminal();
        assert_eq!(self.life.command.due_at().is_none(), is_terminal, "due_at iff not terminal");
        outcome.is_ok()
    }

    /// Nobody does anything any more: only time runs on.
    fn run_out(&mut self) {
        for _ in 0..4 {
            if let Some(due_at) = self.life.command.due_at() {
                self.life.now = self.life.now.max(due_at);
                assert!(self.offer(Input::Due), "due, and yet nothing happens");
            }
        }
    }

    fn judge(&self) {
        let Life { command, log, .. } = &self.life;
        assert!(command.phase().is_terminal(), "still {:?}", command.phase());
        numbers_are_dense(command, log);
        the_end_is_told_once(command.phase(), log);
        for event in log {
            is_a_frame(event);
        }
        self.nothing_ran_that_must_not();
    }

    fn nothing_ran_that_must_not(&self) {
        let Command { order, .. } = &self.life.command;
        // Whoever may still send, will.
        let executions = self.executions
            + self.owners.iter().map(|owner| u32::from(owner.may_send)).sum::<u32>();
        let limit = if order.risk.is_repeatable() { MAX_ATTEMPTS } else { 1 };
        assert!(executions <= limit, "{executions} executions of {:?}", order.risk);
        if self.life.phase() == Phase::Expired {
            assert_eq!(executions, 0, "expired, and yet it ran");
        }
    }
}

fn numbers_are_dense(command: &Command, log: &[Event]) {
    assert!(log.iter().map(|event| event.offset).eq(1..=command.last_offset));
    let sequence = log.iter().filter_map(|event| event.sequence_number);
    assert!(sequence.eq(1..=command.last_sequence));
    let mut parts: Vec<_> =
        log.iter().filter_map(|event| Some((event.attempt, event.part?))).collect();
    let stored = parts.len();
    parts.dedup();
    assert_eq!(parts.len(), stored, "a part was stored twice");
}

/// Exactly one end, at the end; exactly one error, right before it, unless it is completed.
fn the_end_is_told_once(phase: Phase, log: &[Event]) {
    let at = |kind| log.iter().filter(move |event| event.kind == kind).map(|event| event.offset);
    let last = log.last().unwrap().offset;
    assert!(at(Kind::End).eq([last]));
    let is_completed = phase == Phase::Completed;
    assert!(at(Kind::Error).eq((!is_completed).then_some(last - 1)));
}

/// The frame is JSON with the keys, and the numbers, of its kind.
fn is_a_frame(event: &Event) {
    let frame: Value = serde_json::from_str(&event.frame).unwrap();
    let (word, keys): (_, &[&str]) = match event.kind {
        Kind::Response => (
            "response",
            &["sequence_number", "response", "response_id", "response_payload", "is_final"],
        ),
        Kind::Error => ("error", &["error_message", "error_code"]),
        Kind::Status => ("status", &["status", "state", "at", "attempt"]),
        Kind::End => ("status", &["status", "state", "at", "attempt", "completed_at"]),
    };
    assert_eq!(frame["event"], word);
    assert_eq!(frame["offset"], event.offset);
    assert!(frame["command_id"].is_string());
    assert!(keys.iter().all(|key| !frame[key].is_null()), "{frame}");
    assert_eq!(frame.get("completed_at").is_some(), event.kind == Kind::End);
    assert_eq!(frame["sequence_number"].as_u64(), event.sequence_number.map(u64::from));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_life_ends_once_and_nothing_above_r0_runs_twice(
        risk in risk(),
        is_delicate: bool,
        happenings in prop::collection::vec(happening(), 0..60),
    ) {
        let mut world = World::new(risk, is_delicate);
        for happening in happenings {
            world.lives(happening);
        }
        world.run_out();
        world.judge();
    }
}

/// The strategy above would prove nothing if its lives all ended in the same way.
#[test]
fn random_lives_reach_every_end() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let lives = (risk(), any::<bool>(), prop::collection::vec(happening(), 0..60));
    let mut ends: Vec<&str> = (0..2000)
        .map(|_| {
            let (risk, is_delicate, happenings) = lives.new_tree(&mut runner).unwrap().current();
            let mut world = World::new(risk, is_delicate);
            for happening in happenings {
                world.lives(happening);
            }
            world.run_out();
            world.life.phase().word()
        })
        .collect();
    ends.sort_unstable();
    ends.dedup();
    let all = ["cancelled", "completed", "expired", "failed", "rejected", "unknown"];
    assert_eq!(ends, all);
}
