//! Whose turn it is at one vehicle.
//!
//! Refuses to find out whether the vehicle can be reached: it is told, and keeps the order.

use super::{Command, Risk, State};
use crate::Timestamp;
use crate::catalog::{self, Standing};
use crate::id::CommandId;
use std::cmp::Reverse;

/// How many reads may share a vehicle.
pub const MAX_READS: usize = 4;
/// How many live commands may watch a vehicle beside those whose turn it is.
pub const MAX_WATCHES: usize = 8;

/// A command that waits for one vehicle; the slice given to [`next`] is sorted by turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The command.
    pub command_id: CommandId,
    /// Its risk class.
    pub risk: Risk,
}

/// The commands that may start now, given the risk classes of those in flight.
///
/// Reads share the vehicle, up to [`MAX_READS`]; anything else runs alone. A command never
/// overtakes one that waits before it, so that a stream of reads cannot starve a write.
pub fn next(in_flight: &[Risk], waiting: &[Waiting]) -> Vec<CommandId> {
    if in_flight.iter().any(|risk| !risk.is_repeatable()) {
        return Vec::new();
    }
    match waiting.first() {
        Some(first) if !first.risk.is_repeatable() => {
            if in_flight.is_empty() {
                vec![first.command_id]
            } else {
                Vec::new()
            }
        }
        _ => waiting
            .iter()
            .take_while(|candidate| candidate.risk.is_repeatable())
            .take(MAX_READS.saturating_sub(in_flight.len()))
            .map(|candidate| candidate.command_id)
            .collect(),
    }
}

/// The open commands of a vehicle that may start at the moment `now`, in the order of their turns;
/// `open` may come in any order. What only watches, and what ends the work of others, is in nobody's
/// way and waits for nobody.
///
/// A vehicle that is known to be away keeps what it was never asked; a read that is being retried is
/// how its return may be found out.
pub fn starting(open: Vec<Command>, is_reachable: bool, now: Timestamp) -> Vec<Command> {
    let (beside, others) =
        open.into_iter().partition(|command| standing(command) != Standing::InLine);
    let mut starting = beside_others(beside, is_reachable, now);
    starting.extend(in_turn(others, is_reachable, now));
    starting
}

fn standing(command: &Command) -> Standing {
    catalog::standing(&command.order.name)
}

fn beside_others(open: Vec<Command>, is_reachable: bool, now: Timestamp) -> Vec<Command> {
    let (queued, in_flight) = by_turn(open);
    let watches = |command: &Command| standing(command) == Standing::Watching;
    let watching = in_flight.iter().filter(|it| watches(it) && risk_in_flight(it).is_some());
    let mut room = MAX_WATCHES.saturating_sub(watching.count());
    let has_room = |command: &Command| {
        let has_room = !watches(command) || room > 0;
        room = room.saturating_sub(usize::from(watches(command)));
        has_room
    };
    let ready = queued.into_iter().filter(|command| is_ready(command, is_reachable, now));
    ready.filter(has_room).collect()
}

/// Those that wait, sorted by turn, and the others.
fn by_turn(open: Vec<Command>) -> (Vec<Command>, Vec<Command>) {
    let (mut queued, others): (Vec<_>, Vec<_>) =
        open.into_iter().partition(|command| matches!(command.state, State::Queued(_)));
    queued.sort_by_key(|command| (Reverse(command.order.priority), command.order.command_id));
    (queued, others)
}

fn in_turn(open: Vec<Command>, is_reachable: bool, now: Timestamp) -> Vec<Command> {
    let (queued, in_flight) = by_turn(open);
    let is_ready = |command: &Command| is_ready(command, is_reachable, now);
    // A write that has to wait keeps its place; a read that has to wait lets others pass.
    let line: Vec<Command> = queued
        .into_iter()
        .filter(|command| is_ready(command) || !command.order.risk.is_repeatable())
        .take_while(is_ready)
        .collect();
    let in_flight: Vec<_> = in_flight.iter().filter_map(risk_in_flight).collect();
    let chosen = next(&in_flight, &line.iter().map(Waiting::from).collect::<Vec<_>>());
    line.into_iter().filter(|command| chosen.contains(&command.order.command_id)).collect()
}

impl From<&Command> for Waiting {
    fn from(command: &Command) -> Self {
        Self { command_id: command.order.command_id, risk: command.order.risk }
    }
}

fn is_ready(command: &Command, is_reachable: bool, now: Timestamp) -> bool {
    match &command.state {
        State::Queued(queued) => {
            queued.not_before.is_none_or(|at| at <= now) && (is_reachable || command.is_retry())
        }
        State::AwaitingApproval(_)
        | State::Dispatched(_)
        | State::Running(_)
        | State::Cancelling(_)
        | State::Ended(_) => false,
    }
}

fn risk_in_flight(command: &Command) -> Option<Risk> {
    match &command.state {
        State::Dispatched(_) | State::Running(_) | State::Cancelling(_) => Some(command.order.risk),
        State::AwaitingApproval(_) | State::Queued(_) | State::Ended(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::reduce::{accept, reduce};
    use crate::command::{Input, Lease, Order, Queued};
    use crate::id::{NodeId, UserId, VehicleId};
    use serde_json::value::RawValue;
    use std::time::Duration;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const LATER: Timestamp = Timestamp::MAX;

    /// A queued command; the number is its age.
    fn queued(number: u128, risk: Risk, priority: i16) -> Command {
        named("ReadDTC", number, risk, priority)
    }

    /// One that waits to watch; a data.watch is of class R1.
    fn watch(number: u128) -> Command {
        named("data.watch", number, Risk::R1, 0)
    }

    fn named(name: &str, number: u128, risk: Risk, priority: i16) -> Command {
        accept(Order {
            command_id: CommandId::from(Uuid::from_u128(number)),
            vehicle_id: VehicleId::from(Uuid::nil()),
            user_id: UserId::from(Uuid::nil()),
            name: name.to_owned(),
            params: RawValue::NULL.to_owned(),
            risk,
            reason: None,
            priority,
            submitted_at: NOW,
            approve_by: None,
            deliver_by: LATER,
            run_timeout: Duration::from_secs(30),
            trace_id: None,
        })
        .command
    }

    fn pausing(command: Command) -> Command {
        Command { state: State::Queued(Queued { not_before: Some(LATER) }), ..command }
    }

    fn running(command: Command) -> Command {
        let lease = Lease { owner: NodeId::from(Uuid::nil()), until: LATER };
        let dispatched = reduce(command, Input::Claim(lease), NOW).unwrap().command;
        reduce(dispatched, Input::Start, NOW).unwrap().command
    }

    fn lost(command: Command) -> Command {
        reduce(command, Input::Lost, NOW).unwrap().command
    }

    /// The numbers of those that may start.
    fn turns(open: Vec<Command>, is_reachable: bool, now: Timestamp) -> Vec<u128> {
        let starting = starting(open, is_reachable, now);
        starting.iter().map(|c| Uuid::from(c.order.command_id).as_u128()).collect()
    }

    #[test]
    fn priority_goes_before_age_whatever_order_they_come_in() {
        let open = vec![queued(3, Risk::R0, 0), queued(1, Risk::R0, 0), queued(2, Risk::R0, 5)];
        assert_eq!(turns(open, true, NOW), [2, 1, 3]);
    }

    #[test]
    fn what_is_in_flight_takes_room() {
        let write = || queued(2, Risk::R1, 0);
        assert!(turns(vec![running(queued(1, Risk::R0, 0)), write()], true, NOW).is_empty());
        assert!(turns(vec![running(write()), queued(3, Risk::R0, 0)], true, NOW).is_empty());
        let reads = (1..=6).map(|number| queued(number, Risk::R0, 0));
        let open = reads.map(|read| match Uuid::from(read.order.command_id).as_u128() {
            1..=3 => running(read),
            _ => read,
        });
        assert_eq!(turns(open.collect(), true, NOW), [4]);
    }

    #[test]
    fn what_has_ended_takes_no_room() {
        let by = "erika".to_owned();
        let cancelled = reduce(queued(1, Risk::R2, 0), Input::Cancel { by }, NOW).unwrap().command;
        assert_eq!(turns(vec![cancelled, queued(2, Risk::R2, 0)], true, NOW), [2]);
    }

    #[test]
    fn a_write_that_pauses_keeps_its_place_and_a_read_lets_others_pass() {
        let next = || queued(2, Risk::R0, 0);
        assert!(turns(vec![pausing(queued(1, Risk::R1, 0)), next()], true, NOW).is_empty());
        assert_eq!(turns(vec![pausing(queued(1, Risk::R0, 0)), next()], true, NOW), [2]);
        assert_eq!(turns(vec![pausing(queued(1, Risk::R1, 0)), next()], true, LATER), [1]);
    }

    #[test]
    fn a_vehicle_that_is_away_is_asked_by_retries_only() {
        let retry = lost(running(queued(1, Risk::R0, 0)));
        assert_eq!(turns(vec![retry.clone(), queued(2, Risk::R0, 0)], false, LATER), [1]);
        assert!(turns(vec![pausing(retry)], false, NOW).is_empty());
        assert!(turns(vec![queued(1, Risk::R2, 0)], false, NOW).is_empty());
    }

    #[test]
    fn who_watches_is_in_nobodys_way_and_waits_for_nobody() {
        let write = || queued(1, Risk::R2, 0);
        assert_eq!(turns(vec![running(watch(1)), queued(2, Risk::R2, 0)], true, NOW), [2]);
        assert_eq!(turns(vec![running(write()), watch(2)], true, NOW), [2]);
        assert_eq!(turns(vec![pausing(write()), watch(2)], true, NOW), [2]);
        assert!(turns(vec![watch(1)], false, NOW).is_empty());
    }

    #[test]
    fn a_vehicle_is_watched_by_a_few() {
        let watches =
            (1..=10).map(|number| if number > 6 { watch(number) } else { running(watch(number)) });
        assert_eq!(turns(watches.collect(), true, NOW), [7, 8]);
    }

    #[test]
    fn what_ends_the_work_of_others_does_not_wait_for_it() {
        let stop = || named("operation.stop", 2, Risk::R1, 0);
        assert_eq!(turns(vec![running(queued(1, Risk::R2, 0)), stop()], true, NOW), [2]);
        let watches = (3..=10).map(|number| running(watch(number)));
        assert_eq!(turns(watches.chain([stop()]).collect(), true, NOW), [2]);
    }

    fn waiting(risks: &[Risk]) -> Vec<Waiting> {
        risks.iter().map(|&risk| Waiting { command_id: CommandId::new(), risk }).collect()
    }

    #[test]
    fn reads_share_a_vehicle_up_to_four() {
        let queue = waiting(&[Risk::R0; 6]);
        assert_eq!(next(&[], &queue).len(), 4);
        assert_eq!(next(&[Risk::R0; 3], &queue), [queue[0].command_id]);
    }

    #[test]
    fn a_write_runs_alone() {
        let queue = waiting(&[Risk::R2, Risk::R0]);
        assert_eq!(next(&[], &queue), [queue[0].command_id]);
        assert!(next(&[Risk::R0], &queue).is_empty());
        assert!(next(&[Risk::R2], &waiting(&[Risk::R0])).is_empty());
    }

    #[test]
    fn reads_do_not_overtake_a_waiting_write() {
        let queue = waiting(&[Risk::R0, Risk::R1, Risk::R0]);
        assert_eq!(next(&[], &queue), [queue[0].command_id]);
    }
}
