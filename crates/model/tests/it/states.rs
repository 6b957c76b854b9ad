//! The table of states, row by row: what each is left by, and what its clock does.

use crate::life::{DELIVER_WITHIN, Life, RUN_TIMEOUT, cancel, order, part, seconds};
use fleetwire_model::command::reduce::MAX_ATTEMPTS;
use fleetwire_model::command::{ErrorCode, Input, Order, Phase, Refusal, Refused, Risk, Status};
use fleetwire_model::event::Kind;
use fleetwire_model::id::CommandId;
use std::time::Duration;
use uuid::Uuid;

const CANCELLED: (Phase, Option<ErrorCode>) = (Phase::Cancelled, Some(ErrorCode::Cancelled));
const EXPIRED: (Phase, Option<ErrorCode>) = (Phase::Expired, Some(ErrorCode::Expired));
const TIMEOUT: (Phase, Option<ErrorCode>) = (Phase::Failed, Some(ErrorCode::Timeout));
const UNKNOWN: (Phase, Option<ErrorCode>) = (Phase::Unknown, Some(ErrorCode::UnknownOutcome));

#[test]
fn every_fine_word_has_its_coarse_word() {
    let coarse = Phase::ALL.map(|phase| (phase.word(), phase.status()));
    assert_eq!(
        coarse,
        [
            ("awaiting_approval", Status::Pending),
            ("queued", Status::Pending),
            ("dispatched", Status::Pending),
            ("running", Status::InProgress),
            ("cancelling", Status::InProgress),
            ("completed", Status::Completed),
            ("failed", Status::Failed),
            ("rejected", Status::Failed),
            ("cancelled", Status::Failed),
            ("expired", Status::Failed),
            ("unknown", Status::Failed),
        ]
    );
}

#[test]
fn queued_is_left_by_dispatch_cancel_and_deliver_by() {
    let queued = Life::queued(Risk::R2);
    assert_eq!(queued.due_after(), Some(DELIVER_WITHIN));
    assert_eq!(queued.clone().claimed().phase(), Phase::Dispatched);
    assert_eq!(queued.clone().takes(cancel()).end(), CANCELLED);
    assert_eq!(queued.overdue().end(), EXPIRED);
}

#[test]
fn queued_is_left_by_nothing_else() {
    let queued = Life::queued(Risk::R2);
    for input in [Input::Start, part(1, true), Input::Lost, Input::NotSent, Input::Stopped] {
        assert_eq!(queued.refuses(input), Refused::NotNow);
    }
    assert_eq!(queued.refuses(Input::Due), Refused::NotNow);
}

#[test]
fn a_queued_read_that_was_tried_before_ends_with_its_run_timeout() {
    let retry = Life::running(Risk::R0).after(seconds(2)).takes(Input::Lost);
    assert_eq!((retry.phase(), retry.due_after()), (Phase::Queued, Some(RUN_TIMEOUT)));
    assert_eq!(retry.overdue().end(), TIMEOUT);
}

#[test]
fn a_command_is_not_claimed_after_its_deadline() {
    let late = Life::queued(Risk::R2).after(DELIVER_WITHIN);
    assert_eq!(late.refuses(Input::Claim(late.lease())), Refused::NotNow);
}

#[test]
fn dispatched_is_left_by_start_refusal_cancel_loss_and_deliver_by() {
    let dispatched = Life::dispatched(Risk::R2);
    assert_eq!(dispatched.due_after(), Some(DELIVER_WITHIN));
    assert_eq!(dispatched.clone().takes(Input::Start).phase(), Phase::Running);
    let refused = Input::Refused(Refusal::Unsupported, "no".to_owned());
    assert_eq!(dispatched.clone().takes(refused).phase(), Phase::Rejected);
    assert_eq!(dispatched.clone().takes(cancel()).end(), CANCELLED);
    assert_eq!(dispatched.clone().takes(Input::Lost).phase(), Phase::Queued);
    assert_eq!(dispatched.overdue().end(), EXPIRED);
}

#[test]
fn a_read_whose_owner_died_before_its_first_start_still_waits_for_deliver_by() {
    let again = Life::dispatched(Risk::R0).takes(Input::Lost);
    assert_eq!(again.due_after(), Some(DELIVER_WITHIN));
    assert_eq!(again.overdue().end(), EXPIRED);
}

#[test]
fn a_retried_read_is_not_called_expired_while_it_is_dispatched() {
    let order = order(Risk::R0);
    let deliver_by = order.submitted_at + seconds(5);
    let mut late = Life::of(Order { deliver_by, ..order });
    late = late.claimed().takes(Input::Start).after(seconds(6)).takes(Input::Lost);
    late.now = late.not_before().unwrap();
    let dispatched = late.claimed();
    assert_eq!(dispatched.due_after(), Some(RUN_TIMEOUT));
    assert_eq!(dispatched.overdue().end(), TIMEOUT);
}

#[test]
fn a_command_is_not_started_after_its_deadline() {
    let late = Life::dispatched(Risk::R2).after(DELIVER_WITHIN);
    assert_eq!(late.refuses(Input::Start), Refused::NotNow);
}

#[test]
fn running_is_left_by_answer_failure_refusal_cancel_and_run_timeout() {
    let running = Life::running(Risk::R2);
    assert_eq!(running.due_after(), Some(RUN_TIMEOUT));
    assert_eq!(running.clone().takes(part(1, true)).end(), (Phase::Completed, None));
    let failure = Input::VehicleError("NRC 0x22".to_owned());
    assert_eq!(running.clone().takes(failure).phase(), Phase::Failed);
    let refusal = Input::Refused(Refusal::Locked, "no".to_owned());
    assert_eq!(running.clone().takes(refusal).phase(), Phase::Rejected);
    assert_eq!(running.clone().takes(cancel()).phase(), Phase::Cancelling);
    assert_eq!(running.overdue().end(), UNKNOWN);
}

#[test]
fn parts_keep_a_command_running_and_its_clock_unchanged() {
    let running = Life::running(Risk::R0).after(seconds(20)).takes(part(1, false));
    assert_eq!((running.phase(), running.due_after()), (Phase::Running, Some(RUN_TIMEOUT)));
}

#[test]
fn parts_come_once_and_in_order() {
    let running = Life::running(Risk::R0).takes(part(1, false));
    assert_eq!(running.refuses(part(1, false)), Refused::Duplicate);
    assert_eq!(running.refuses(part(3, false)), Refused::Hole);
    assert_eq!(running.takes(part(2, true)).phase(), Phase::Completed);
}

#[test]
fn a_read_runs_out_of_time_counted_from_its_first_start() {
    let second = Life::running(Risk::R0).after(seconds(10)).takes(Input::Lost).retried();
    assert_eq!(second.due_after(), Some(RUN_TIMEOUT));
    assert_eq!(second.overdue().end(), TIMEOUT);
}

#[test]
fn a_write_that_was_never_sent_gets_its_whole_run_timeout() {
    let second = Life::running(Risk::R2).after(seconds(10)).takes(Input::NotSent).retried();
    let started = second.command.started_at.unwrap();
    assert_eq!(started, second.now);
    assert_eq!(second.command.due_at(), Some(second.now + RUN_TIMEOUT));
}

#[test]
fn a_read_is_tried_three_times() {
    let mut life = Life::running(Risk::R0);
    for _ in 1..MAX_ATTEMPTS {
        life = life.takes(Input::Lost).retried();
    }
    assert_eq!((MAX_ATTEMPTS, life.command.attempt), (3, 3));
    assert_eq!(life.takes(Input::Lost).end(), TIMEOUT);
}

#[test]
fn a_read_is_not_tried_again_once_a_part_is_stored() {
    let running = Life::running(Risk::R0).takes(part(1, false));
    assert_eq!(running.takes(Input::Lost).end(), TIMEOUT);
}

#[test]
fn a_read_is_not_tried_again_when_the_pause_would_pass_its_deadline() {
    let late = Life::running(Risk::R0).after(Duration::from_millis(29_999));
    assert_eq!(late.takes(Input::Lost).end(), TIMEOUT);
}

#[test]
fn the_pause_before_an_attempt_doubles_and_is_spread() {
    let pauses: Vec<_> = (0..200_u64).map(|id| pauses(born_together(id))).collect();
    for (attempt, limit) in [(0, 1), (1, 2)] {
        let of_attempt: Vec<Duration> = pauses.iter().map(|pauses| pauses[attempt]).collect();
        assert!(of_attempt.iter().all(|pause| *pause < seconds(limit)));
        assert!(of_attempt.iter().any(|pause| *pause > seconds(limit) / 2));
        assert!(of_attempt.iter().any(|pause| *pause < seconds(limit) / 2));
    }
}

/// The ids of commands of one millisecond differ in their lower half only.
fn born_together(number: u64) -> CommandId {
    let random = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 2;
    CommandId::from(Uuid::from_u64_pair(0x019A_BC00_0000_7000, 1 << 63 | random))
}

/// The pauses before the second and the third attempt of the command with this id.
fn pauses(command_id: CommandId) -> [Duration; 2] {
    let first = Life::of(Order { command_id, ..order(Risk::R0) });
    let first = first.claimed().takes(Input::Start).takes(Input::Lost);
    let second = first.clone().retried().takes(Input::Lost);
    [first, second].map(|life| life.not_before().unwrap().duration_since(life.now).unsigned_abs())
}

#[test]
fn an_attempt_waits_for_its_pause() {
    let retry = Life::running(Risk::R0).takes(Input::Lost);
    let early = Life { now: retry.not_before().unwrap() - Duration::from_nanos(1), ..retry };
    assert_eq!(early.refuses(Input::Claim(early.lease())), Refused::NotNow);
}

#[test]
fn cancelling_is_left_by_the_vehicles_word_or_after_15_seconds() {
    let cancelling = Life::cancelling(Risk::R2);
    assert_eq!(cancelling.due_after(), Some(seconds(15)));
    assert_eq!(cancelling.clone().takes(Input::Stopped).end(), CANCELLED);
    assert_eq!(cancelling.refuses(cancel()), Refused::NotNow);
    assert_eq!(cancelling.clone().after(seconds(14)).refuses(Input::Due), Refused::NotNow);
    assert_eq!(cancelling.overdue().phase(), Phase::Running);
}

#[test]
fn a_result_wins_the_race_against_a_cancel() {
    let cancelling = Life::cancelling(Risk::R2);
    let result = cancelling.clone().takes(part(1, false)).takes(part(2, true));
    assert_eq!(result.end(), (Phase::Completed, None));
    let failure = Input::VehicleError("conditions not correct".to_owned());
    let failed = (Phase::Failed, Some(ErrorCode::VehicleError));
    assert_eq!(cancelling.takes(failure).end(), failed);
}

#[test]
fn after_a_stop_that_was_not_confirmed_the_run_timeout_still_holds() {
    let running = Life::cancelling(Risk::R3).overdue();
    assert_eq!(running.due_after(), Some(RUN_TIMEOUT));
    assert_eq!(running.overdue().end(), UNKNOWN);
}

#[test]
fn a_cancel_can_be_tried_again_after_the_first_was_not_confirmed() {
    let again = Life::cancelling(Risk::R2).overdue().takes(cancel());
    assert_eq!(again.due_after(), Some(seconds(30)));
}

#[test]
fn nothing_follows_the_end() {
    let every = [Life::running(Risk::R2).takes(part(1, true)), Life::queued(Risk::R1).overdue()];
    for ended in every {
        assert_eq!(ended.command.due_at(), None);
        let claim = Input::Claim(ended.lease());
        let late = [claim, Input::Start, part(1, true), part(2, true), Input::Lost, Input::NotSent];
        for input in late.into_iter().chain([Input::Stopped, cancel(), Input::Due]) {
            assert_eq!(ended.refuses(input), Refused::Ended);
        }
    }
}

#[test]
fn a_retry_writes_no_error() {
    let completed = Life::running(Risk::R0).takes(Input::Lost).retried().takes(part(1, true));
    assert!(!completed.kinds().contains(&Kind::Error));
    assert_eq!(completed.kinds().last(), Some(&Kind::End));
}

#[test]
fn only_the_owner_may_speak_for_the_vehicle() {
    let lease = Life::queued(Risk::R0).lease();
    assert!([Input::Claim(lease), cancel(), Input::Due].iter().all(|input| !input.is_owners()));
    let owners = [Input::Start, part(1, true), Input::Lost, Input::NotSent, Input::Stopped];
    assert!(owners.iter().all(Input::is_owners));
}
