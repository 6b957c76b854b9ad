//! What needs a second person: who may be that person, what their word is bound to, and when.

use crate::life::{
    APPROVE_WITHIN, DELIVER_WITHIN, Life, anna, cancel, delicate, json, part, seconds,
};
use fleetwire_model::command::{
    ApprovalHash, Decider, Decision, ErrorCode, Input, NotAHash, Order, Phase, Refused, Risk,
};
use fleetwire_model::id::{CommandId, UserId, VehicleId};
use insta::assert_snapshot;
use std::time::Duration;

const DENIED: (Phase, Option<ErrorCode>) = (Phase::Rejected, Some(ErrorCode::Denied));
const ALTERED: (Phase, Option<ErrorCode>) = (Phase::Rejected, Some(ErrorCode::Altered));
const EXPIRED: (Phase, Option<ErrorCode>) = (Phase::Expired, Some(ErrorCode::Expired));
const CANCELLED: (Phase, Option<ErrorCode>) = (Phase::Cancelled, Some(ErrorCode::Cancelled));

fn denial() -> Input {
    Input::Deny { reason: "the car is on the road".to_owned(), by: anna() }
}

#[test]
fn it_is_left_by_approve_deny_cancel_and_its_time() {
    let awaiting = Life::awaiting(Risk::R3);
    assert_eq!(awaiting.phase(), Phase::AwaitingApproval);
    assert_eq!(awaiting.due_after(), Some(APPROVE_WITHIN));
    assert_eq!(awaiting.clone().approved().phase(), Phase::Queued);
    assert_eq!(awaiting.clone().takes(denial()).end(), DENIED);
    assert_eq!(awaiting.clone().takes(cancel()).end(), CANCELLED);
    assert_eq!(awaiting.overdue().end(), EXPIRED);
}

#[test]
fn it_is_left_by_nothing_else() {
    let awaiting = Life::awaiting(Risk::R0);
    let claim = Input::Claim(awaiting.lease());
    let others = [claim, Input::Start, part(1, true), Input::Lost, Input::NotSent, Input::Stopped];
    for input in others.into_iter().chain([Input::Due]) {
        assert_eq!(awaiting.refuses(input), Refused::NotNow);
    }
}

#[test]
fn the_time_for_the_vehicle_counts_from_the_approval() {
    let approved = Life::awaiting(Risk::R3).after(seconds(600)).approved();
    assert_eq!(approved.due_after(), Some(seconds(600) + DELIVER_WITHIN));
    assert_eq!(approved.claimed().takes(Input::Start).phase(), Phase::Running);
}

#[test]
fn an_approval_says_who_and_a_denial_why() {
    assert_snapshot!(Life::awaiting(Risk::R3).newest_frame(), @r#"{"event":"status","command_id":"019abc00-0000-7000-8d5e-7b1c93a4f206","offset":1,"status":"pending","state":"awaiting_approval","at":"2026-11-22T10:00:00Z","attempt":0}"#);
    assert_snapshot!(Life::awaiting(Risk::R3).approved().newest_frame(), @r#"{"event":"status","command_id":"019abc00-0000-7000-8d5e-7b1c93a4f206","offset":2,"status":"pending","state":"queued","at":"2026-11-22T10:00:00Z","attempt":0,"reason":"approved","by":"anna"}"#);
    let denied = Life::awaiting(Risk::R3).takes(denial());
    assert_snapshot!(denied.log[1].frame, @r#"{"event":"error","command_id":"019abc00-0000-7000-8d5e-7b1c93a4f206","offset":2,"error_message":"Denied by anna: the car is on the road","error_code":"denied"}"#);
    assert_snapshot!(denied.newest_frame(), @r#"{"event":"status","command_id":"019abc00-0000-7000-8d5e-7b1c93a4f206","offset":3,"status":"failed","state":"rejected","at":"2026-11-22T10:00:00Z","attempt":0,"by":"anna","completed_at":"2026-11-22T10:00:00Z"}"#);
}

#[test]
fn nobody_decides_about_their_own() {
    let awaiting = Life::awaiting(Risk::R3);
    let by = Decider { user_id: awaiting.command.order.user_id, name: "erika".to_owned() };
    let hash = awaiting.command.approval_hash().unwrap();
    assert_eq!(awaiting.refuses(Input::Approve { hash, by: by.clone() }), Refused::Own);
    assert_eq!(awaiting.refuses(Input::Deny { reason: "no".to_owned(), by }), Refused::Own);
}

#[test]
fn who_says_it_again_has_said_it_once_and_nobody_else_may() {
    let approved = Life::awaiting(Risk::R3).approved();
    let again = approved.approval();
    let berta =
        Decider { user_id: UserId::from(uuid::Uuid::from_u128(0x06)), name: "berta".to_owned() };
    let second = Input::Approve { hash: approved.command.approval_hash().unwrap(), by: berta };
    assert_eq!(approved.refuses(again.clone()), Refused::Duplicate);
    assert_eq!(approved.refuses(second.clone()), Refused::NotNow);
    assert_eq!(approved.refuses(denial()), Refused::NotNow);
    let ended = approved.claimed().takes(Input::Start).takes(part(1, true));
    assert_eq!(ended.refuses(again), Refused::Duplicate);
    assert_eq!(ended.refuses(second), Refused::Ended);
    let denied = Life::awaiting(Risk::R3).takes(denial());
    assert_eq!(denied.refuses(denial()), Refused::Duplicate);
    assert_eq!(denied.refuses(denied.approval()), Refused::Ended);
}

#[test]
fn after_its_time_it_is_not_approved_even_before_anybody_has_looked() {
    let late = Life::awaiting(Risk::R3).after(APPROVE_WITHIN);
    assert_eq!(late.refuses(late.approval()), Refused::NotNow);
    assert_eq!(late.refuses(denial()), Refused::NotNow);
}

/// The order, altered in one thing at a time.
fn altered() -> Vec<(&'static str, Order)> {
    let order = || delicate(Risk::R3);
    let longer = Duration::from_mins(5);
    let texts = |name: &str, reason: &str| Order {
        name: name.to_owned(),
        reason: Some(reason.to_owned()),
        ..order()
    };
    vec![
        ("command", Order { command_id: CommandId::new(), ..order() }),
        ("vehicle", Order { vehicle_id: VehicleId::new(), ..order() }),
        ("user", Order { user_id: UserId::new(), ..order() }),
        ("name", Order { name: "ClearDTC".to_owned(), ..order() }),
        ("params", Order { params: json(r#"{"ecuAddress":"0x7E8"}"#), ..order() }),
        ("spelling", Order { params: json("{ }"), ..order() }),
        ("risk", delicate(Risk::R1)),
        ("reason", Order { reason: Some("for fun".to_owned()), ..order() }),
        ("no reason", Order { reason: Some(String::new()), ..order() }),
        ("a border", texts("a", "bc")),
        ("another border", texts("ab", "c")),
        ("priority", Order { priority: 10, ..order() }),
        ("time to wait", Order { deliver_by: order().deliver_by + longer, ..order() }),
        ("time to run", Order { run_timeout: longer, ..order() }),
    ]
}

#[test]
fn an_approval_is_of_exactly_one_order() {
    let approval = Life::awaiting(Risk::R3).approval();
    let mut hashes = vec![Life::awaiting(Risk::R3).command.approval_hash().unwrap().to_string()];
    for (what, order) in altered() {
        let other = Life::of(order);
        if what != "user" {
            assert_eq!(other.refuses(approval.clone()), Refused::OtherOrder, "{what}");
        }
        hashes.push(other.command.approval_hash().unwrap().to_string());
    }
    let all = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), all, "two orders share a hash");
}

#[test]
fn what_was_altered_after_its_approval_does_not_run() {
    for (what, order) in altered() {
        let mut life = Life::awaiting(Risk::R3).approved();
        let deliver_by = life.command.order.deliver_by;
        let is_longer = order.deliver_by != delicate(Risk::R3).deliver_by;
        life.command.order = Order { deliver_by, ..order };
        if is_longer {
            life.command.order.deliver_by = deliver_by + seconds(1);
        }
        let lease = life.lease();
        let ended = life.takes(Input::Claim(lease));
        assert_eq!(ended.end(), ALTERED, "{what}");
    }
}

#[test]
fn what_was_put_into_the_queue_past_the_second_person_does_not_run() {
    let mut life = Life::awaiting(Risk::R3);
    life.command.state = Life::queued(Risk::R3).command.state;
    let lease = life.lease();
    assert_eq!(life.clone().takes(Input::Claim(lease)).end(), ALTERED);
    let at = life.now;
    let Decider { user_id, name } = anna();
    life.command.decision = Some(Decision { user_id, name, at, approved: None });
    assert_eq!(life.takes(Input::Claim(lease)).end(), ALTERED);
}

#[test]
fn an_approved_read_may_be_tried_again() {
    let life = Life::awaiting(Risk::R0).approved().claimed().takes(Input::Start);
    assert_eq!(life.takes(Input::Lost).retried().phase(), Phase::Running);
}

#[test]
fn a_hash_has_one_spelling() {
    let hash = Life::awaiting(Risk::R3).command.approval_hash().unwrap();
    let text = hash.to_string();
    assert_eq!(text.parse(), Ok(hash));
    assert_eq!(serde_json::to_string(&hash).unwrap(), format!("\"{text}\""));
    // The form is documented: a client may compute it.
    assert_eq!(text, "4ef4e7fb987397523ea581918c0be6dedaa9feb535064a6f4b618cc28e9a37f8");
    for wrong in [
        "",
        "00",
        text.strip_suffix("8").unwrap(),
        &text.to_uppercase(),
        &format!("{text}00"),
        &"+1".repeat(32),
    ] {
        assert_eq!(wrong.parse::<ApprovalHash>(), Err(NotAHash), "{wrong}");
    }
}
