//! The exact JSON of every kind of event: clients depend on each key and on their order.

use crate::life::{Life, cancel, part, seconds};
use fleetwire_model::command::{Input, Risk};
use insta::assert_snapshot;

#[test]
fn an_accepted_command_is_queued() {
    assert_snapshot!(Life::queued(Risk::R0).newest_frame(), @r#"{"event":"status","command_id":"019abc00-0000-7000-8d5e-7b1c93a4f206","offset":1,"status":"pending","state":"queued","at":"2026-11-22T10:00:00Z","attempt":0}"#);
}

#[test]
fn a_running_command_says_its_attempt() {
    assert_snapshot!(Life::running(Risk::R0).newest_frame(), @r#"{"event":"status","command_id":"019abc00-0000-7000-8d5e-7b1c93a4f206","offset":3,"status":"in_progress","state":"running","at":"2026-11-22T10:00:00Z","attempt":1}"#);
}

#[test]
fn a_retry_says_why() {
    assert_snapshot!(Life::running(Risk::R0).takes(Input::Lost).newest_frame(), @r#"{"event":"status","command_id":"019abc00-0000-7000-8d5e-7b1c93a4f206","offset":4,"status":"pending","state":"queued","at":"2026-11-22T10:00:00Z","attempt":1,"reason":"connection-lost"}"#);
}

#[test]
fn a_cancel_says_who() {
    assert_snapshot!(Life::cancelling(Risk::R2).newest_frame(), @r#"{"event":"status","command_id":"019abc00-0000-7000-8d5e-7b1c93a4f206","offset":4,"status":"in_progress","state":"cancelling","at":"2026-11-22T10:00:00Z","attempt":1,"by":"erika"}"#);
}

#[test]
fn a_response_carries_flat_copies_for_clients_of_an_older_form() {
    let running = Life::running(Risk::R0).after(seconds(1)).takes(part(1, false));
    assert_snapshot!(running.newest_frame(), @r#"{"event":"response","command_id":"019abc00-0000-7000-8d5e-7b1c93a4f206","sequence_number":1,"offset":4,"response":{"response_id":"00000000-0000-0000-0000-000000000101","response_payload":{"dtcs":[]},"sequence_number":1,"is_final":false,"received_at":"2026-11-22T10:00:01Z"},"response_id":"00000000-0000-0000-0000-000000000101","response_payload":{"dtcs":[]},"is_final":false}"#);
}

#[test]
fn a_payload_passes_through_as_the_vehicle_wrote_it() {
    let odd = r#"{"z":1.0, "a":"\u0000", "z":12345678901234567890}"#;
    let Input::Part { part, is_final, response_id, .. } = part(1, false) else { unreachable!() };
    let odd_part = Input::Part { part, is_final, response_id, payload: crate::life::json(odd) };
    let running = Life::running(Risk::R0).takes(odd_part);
    assert_eq!(running.newest_frame().matches(odd).count(), 2);
}

#[test]
fn the_end_says_when() {
    let half = std::time::Duration::from_millis(1500);
    let completed = Life::running(Risk::R0).after(half).takes(part(1, true));
    assert_snapshot!(completed.newest_frame(), @r#"{"event":"status","command_id":"019abc00-0000-7000-8d5e-7b1c93a4f206","offset":5,"status":"completed","state":"completed","at":"2026-11-22T10:00:01.5Z","attempt":1,"completed_at":"2026-11-22T10:00:01.5Z"}"#);
}

#[test]
fn a_failure_is_told_before_the_end() {
    let failed = Life::running(Risk::R0).after(seconds(1)).overdue();
    let [.., error, end] = failed.log.as_slice() else { unreachable!() };
    assert_snapshot!(error.frame, @r#"{"event":"error","command_id":"019abc00-0000-7000-8d5e-7b1c93a4f206","offset":4,"error_message":"Vehicle connection timeout","error_code":"timeout"}"#);
    assert_snapshot!(end.frame, @r#"{"event":"status","command_id":"019abc00-0000-7000-8d5e-7b1c93a4f206","offset":5,"status":"failed","state":"failed","at":"2026-11-22T10:00:30Z","attempt":1,"completed_at":"2026-11-22T10:00:30Z"}"#);
}

#[test]
fn a_cancelled_end_says_who() {
    assert_snapshot!(Life::queued(Risk::R0).takes(cancel()).newest_frame(), @r#"{"event":"status","command_id":"019abc00-0000-7000-8d5e-7b1c93a4f206","offset":3,"status":"failed","state":"cancelled","at":"2026-11-22T10:00:00Z","attempt":0,"by":"erika","completed_at":"2026-11-22T10:00:00Z"}"#);
}
