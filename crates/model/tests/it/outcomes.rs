//! The table of outcomes, row by row: what a cause means for a read and for anything else.

use crate::life::{Life, WRITES, cancel, part};
use fleetwire_model::command::{ErrorCode, Input, Outcome, Phase, Refusal, Risk, State};

const VEHICLE_GONE: &str = "Vehicle connection timeout";

/// How it ended, and what a person reads about it.
fn ended(life: &Life) -> (Phase, ErrorCode, &str) {
    let State::Ended(ended) = &life.command.state else { panic!("still {:?}", life.phase()) };
    match &ended.outcome {
        Outcome::Failed(failure) => (failure.phase, failure.code, failure.message.as_str()),
        Outcome::Completed => panic!("completed"),
    }
}

#[test]
fn deadline_passed_and_nothing_ever_sent_is_expired() {
    for risk in [Risk::R0, Risk::R1, Risk::R2, Risk::R3] {
        let text = "Vehicle did not become available in time";
        let expired = (Phase::Expired, ErrorCode::Expired, text);
        assert_eq!(ended(&Life::queued(risk).overdue()), expired);
        assert_eq!(ended(&Life::dispatched(risk).overdue()), expired);
    }
}

#[test]
fn refused_before_anything_was_done_is_rejected_in_the_vehicles_words() {
    let codes = [
        (Refusal::UnknownComponent, ErrorCode::UnknownComponent),
        (Refusal::Unsupported, ErrorCode::Unsupported),
        (Refusal::Precondition, ErrorCode::Precondition),
        (Refusal::Signature, ErrorCode::Signature),
        (Refusal::Locked, ErrorCode::Locked),
    ];
    for (refusal, code) in codes {
        for risk in [Risk::R0, Risk::R1, Risk::R2, Risk::R3] {
            let words = "no ECU \"brakes\"; there are: engine, gateway";
            let refused = Life::running(risk).takes(Input::Refused(refusal, words.to_owned()));
            assert_eq!(ended(&refused), (Phase::Rejected, code, words));
        }
    }
}

#[test]
fn a_refusal_after_a_stored_part_is_a_failure() {
    let refusal = Input::Refused(Refusal::Precondition, "engine runs".to_owned());
    let failed = Life::running(Risk::R2).takes(part(1, false)).takes(refusal);
    assert_eq!(ended(&failed), (Phase::Failed, ErrorCode::VehicleError, "engine runs"));
}

#[test]
fn a_failure_that_the_vehicle_answers_is_failed() {
    for risk in [Risk::R0, Risk::R1, Risk::R2, Risk::R3] {
        let failed = Life::running(risk).takes(Input::VehicleError("NRC 0x31".to_owned()));
        assert_eq!(ended(&failed), (Phase::Failed, ErrorCode::VehicleError, "NRC 0x31"));
    }
}

#[test]
fn a_read_without_connection_is_tried_again_then_failed() {
    let second = Life::running(Risk::R0).takes(Input::NotSent).retried();
    let third = second.takes(Input::NotSent).retried();
    let unreachable = (Phase::Failed, ErrorCode::Unreachable, "Vehicle unreachable");
    assert_eq!(ended(&third.takes(Input::NotSent)), unreachable);
}

#[test]
fn a_write_without_connection_waits_until_its_deadline_then_expires() {
    for risk in WRITES {
        let mut life = Life::running(risk);
        for _ in 0..5 {
            life = life.takes(Input::NotSent).retried();
        }
        assert_eq!(life.command.attempt, 6);
        assert_eq!(life.takes(Input::NotSent).overdue().phase(), Phase::Expired);
    }
}

#[test]
fn whoever_has_answered_was_reached() {
    for risk in WRITES {
        for life in [Life::running(risk), Life::cancelling(risk)] {
            let ended = life.takes(part(1, false)).takes(Input::NotSent);
            assert_eq!(ended.phase(), Phase::Unknown);
        }
    }
    let read = Life::running(Risk::R0).takes(part(1, false)).takes(Input::NotSent);
    assert_eq!(read.phase(), Phase::Failed);
}

#[test]
fn a_read_whose_connection_was_lost_is_tried_again_then_failed() {
    let second = Life::running(Risk::R0).takes(Input::Lost);
    assert_eq!(second.phase(), Phase::Queued);
    let third = second.retried().takes(Input::Lost).retried();
    let timeout = (Phase::Failed, ErrorCode::Timeout, VEHICLE_GONE);
    assert_eq!(ended(&third.takes(Input::Lost)), timeout);
}

#[test]
fn a_read_that_ran_out_of_time_is_failed() {
    let timeout = (Phase::Failed, ErrorCode::Timeout, VEHICLE_GONE);
    assert_eq!(ended(&Life::running(Risk::R0).overdue()), timeout);
}

#[test]
fn a_write_whose_connection_or_time_was_lost_is_unknown() {
    for risk in WRITES {
        let text = "Vehicle connection lost: the command may have run";
        let unknown = (Phase::Unknown, ErrorCode::UnknownOutcome, text);
        assert_eq!(ended(&Life::running(risk).takes(Input::Lost)), unknown);
        assert_eq!(ended(&Life::running(risk).overdue()), unknown);
        assert_eq!(ended(&Life::cancelling(risk).takes(Input::Lost)), unknown);
    }
}

#[test]
fn an_answer_of_no_use_fails_a_read_and_leaves_a_write_unknown() {
    let faults = [
        (ErrorCode::Malformed, "Vehicle response malformed"),
        (ErrorCode::Truncated, "Vehicle response truncated"),
        (ErrorCode::TooLarge, "Vehicle response too large"),
    ];
    for (code, text) in faults {
        let unusable = Input::Unusable(code, text);
        let read = Life::running(Risk::R0).takes(unusable.clone());
        assert_eq!(ended(&read), (Phase::Failed, code, text));
        for risk in WRITES {
            let write = Life::running(risk).takes(unusable.clone());
            assert_eq!(ended(&write), (Phase::Unknown, code, text));
        }
    }
}

#[test]
fn a_cancel_before_sending_is_cancelled_at_once() {
    for risk in [Risk::R0, Risk::R1, Risk::R2, Risk::R3] {
        let cancelled = (Phase::Cancelled, ErrorCode::Cancelled, "Cancelled");
        assert_eq!(ended(&Life::queued(risk).takes(cancel())), cancelled);
        assert_eq!(ended(&Life::dispatched(risk).takes(cancel())), cancelled);
    }
}

#[test]
fn a_confirmed_stop_is_cancelled_and_an_unconfirmed_one_runs_on() {
    for risk in [Risk::R0, Risk::R1, Risk::R2, Risk::R3] {
        let cancelled = (Phase::Cancelled, ErrorCode::Cancelled, "Cancelled");
        assert_eq!(ended(&Life::cancelling(risk).takes(Input::Stopped)), cancelled);
        assert_eq!(ended(&Life::cancelling(risk).takes(Input::NotSent)), cancelled);
        assert_eq!(Life::cancelling(risk).overdue().phase(), Phase::Running);
    }
}

#[test]
fn a_read_that_is_being_cancelled_stops_with_its_connection() {
    assert_eq!(Life::cancelling(Risk::R0).takes(Input::Lost).phase(), Phase::Cancelled);
}

#[test]
fn a_node_that_died_before_the_start_costs_nothing() {
    for risk in [Risk::R0, Risk::R1, Risk::R2, Risk::R3] {
        let again = Life::dispatched(risk).takes(Input::Lost).claimed().takes(Input::Start);
        assert_eq!(again.takes(part(1, true)).phase(), Phase::Completed);
    }
}

#[test]
fn what_the_old_owner_sent_is_told_apart_by_the_fence() {
    let first = Life::running(Risk::R0);
    let second = first.clone().takes(Input::Lost).retried();
    assert_eq!((first.command.fence, second.command.fence), (1, 2));
}

#[test]
fn whatever_a_vehicle_says_becomes_one_line_that_every_store_takes() {
    let words = format!("no\0key\r\n{}", "x".repeat(5000));
    let failed = Life::running(Risk::R0).takes(Input::VehicleError(words));
    let (_, _, kept) = ended(&failed);
    assert!(kept.starts_with("no key  xxx") && kept.chars().count() == 1000, "{kept}");
}
