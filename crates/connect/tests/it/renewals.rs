//! Keeping a lock while the work goes on, and what is said when it is lost meanwhile.
//! The server is written by each test, so that it can fail at a renewal.

use std::time::Duration;

use fleetwire_connect::End;
use tokio_util::sync::CancellationToken;

use crate::bench::{Outcome, order, run_until};
use crate::locks::{
    ACQUIRE, BROKEN, ECU, EXECUTION, FORGET, FREE, GRANTED, LOCKS, OTHERS, RELEASE, RELEASED,
    RENEW, Row, SESSION, START, WRITE, ask, changes, hasty, purge, server, write,
};
use crate::odd::{ROOT, Server};

const RUNNING: Row = (EXECUTION, 200, r#"{"status":"running"}"#);
const OWN: Row = (LOCKS, 200, r#"{"items":[{"id":"1","owned":true}]}"#);
const END_OF_OWN: &str = "GET /v1/components/ecu/locks/1";

#[tokio::test]
async fn a_lock_is_renewed_while_the_work_goes_on() {
    let server = server(&[
        FREE,
        GRANTED,
        (START, 202, r#"{"id":"7"}"#),
        RUNNING,
        RUNNING,
        RUNNING,
        (EXECUTION, 200, r#"{"status":"completed"}"#),
        (FORGET, 204, ""),
        (RENEW, 204, ""),
        RELEASED,
    ]);
    let outcome = ask(&server, "operation.run", purge()).await;
    assert_eq!(outcome.end, End::Answered);
    assert!(server.count(RENEW) >= 3, "{:?}", changes(&server));
    assert_eq!(server.count(RELEASE), 1);
}

#[tokio::test]
async fn an_operation_that_goes_missing_with_its_lock_has_an_unknown_outcome_and_says_why() {
    let server = server(&[
        FREE,
        OTHERS,
        GRANTED,
        (START, 202, r#"{"id":"7","status":"running"}"#),
        RUNNING,
        RUNNING,
        (EXECUTION, 404, ""),
        (RENEW, 409, BROKEN),
        (RELEASE, 409, BROKEN),
    ]);
    let outcome = ask(&server, "operation.run", purge()).await;
    assert_eq!(outcome.end, End::Lost);
    let last = outcome.payloads().pop().unwrap();
    let message = last["lock"]["message"].as_str().unwrap();
    assert!(
        message.ends_with("lock-broken: the lock was broken; bench 7 holds the lock"),
        "{message}"
    );
    assert_eq!(server.count(START), 1);
}

#[tokio::test]
async fn a_result_stands_also_if_the_lock_was_lost_before_it() {
    let server = server(&[
        FREE,
        GRANTED,
        (START, 202, r#"{"id":"7"}"#),
        RUNNING,
        RUNNING,
        (EXECUTION, 200, r#"{"status":"completed"}"#),
        (FORGET, 204, ""),
        (RENEW, 404, ""),
        RELEASED,
    ]);
    assert_eq!(ask(&server, "operation.run", purge()).await.end, End::Answered);
}

#[tokio::test]
async fn a_lock_that_lasts_long_is_used_and_left_alone() {
    let users = (END_OF_OWN, 200, r#"{"lock_expiration":"2999-01-01T00:00:00Z","owned":true}"#);
    let server = server(&[OWN, users, (WRITE, 204, "")]);
    ask(&server, "data.write", write()).await.only();
    assert_eq!(changes(&server), [WRITE]);
}

#[tokio::test]
async fn a_lock_whose_grant_got_lost_is_prolonged_and_used() {
    let orphan = (END_OF_OWN, 200, r#"{"lock_expiration":"2026-01-01T00:00:00Z","owned":true}"#);
    let server = server(&[OWN, orphan, (RENEW, 204, ""), (WRITE, 204, "")]);
    ask(&server, "data.write", write()).await.only();
    assert_eq!(changes(&server), [RENEW, WRITE]);
}

#[tokio::test]
async fn a_lock_that_is_gone_before_it_is_used_is_taken_anew() {
    let server = server(&[OWN, (RENEW, 404, ""), GRANTED, (WRITE, 204, ""), RELEASED]);
    ask(&server, "data.write", write()).await.only();
    assert_eq!(changes(&server), [RENEW, ACQUIRE, WRITE, RELEASE]);
}

/// Runs an operation that is never over, and stops it when this many renewals of a lock were asked for.
async fn run_until_renewed(server: &Server, renewals: usize) -> Outcome {
    let stop = CancellationToken::new();
    let cancel = async {
        let renewed = async {
            while server.count(RENEW) < renewals {
                tokio::task::yield_now().await;
            }
        };
        let limit = Duration::from_secs(10);
        tokio::time::timeout(limit, renewed).await.expect("not renewed");
        stop.cancel();
    };
    let order = order(&server.address(), "operation.run", purge());
    let (sovd, token) = (hasty(), stop.clone());
    let (outcome, ()) = tokio::join!(run_until(&sovd, order, token), cancel);
    outcome
}

#[tokio::test]
async fn a_renewal_that_is_never_answered_is_tried_again() {
    let server = server(&[
        FREE,
        GRANTED,
        (START, 202, r#"{"id":"7"}"#),
        RUNNING,
        (FORGET, 204, ""),
        (RENEW, 1, ""),
        RELEASED,
    ]);
    assert_eq!(run_until_renewed(&server, 2).await.end, End::Stopped);
}

/// A server on which an operation is never over, with a mode that was this before.
fn with_session(before: &'static str, rows: &[Row]) -> Server {
    let known = [
        ("GET /v1/components/ecu/operations", 200, r#"{"items":[{"id":"purge"}]}"#),
        ("GET /v1/components/ecu/modes", 200, r#"{"items":[{"id":"session"}]}"#),
        ("GET /v1/components/ecu/modes/session", 200, before),
        (START, 202, r#"{"id":"7"}"#),
        RUNNING,
        (FORGET, 204, ""),
        (RENEW, 204, ""),
        FREE,
        GRANTED,
        RELEASED,
    ];
    Server::start_with(ROOT, ECU, &[&known, rows].concat())
}

#[tokio::test]
async fn a_mode_that_is_not_renewed_costs_no_lock() {
    let set = (SESSION, 200, r#"{"value":"extended"}"#);
    let server = with_session(r#"{"value":"default"}"#, &[set, (SESSION, 409, "")]);
    assert_eq!(run_until_renewed(&server, 3).await.end, End::Stopped);
    assert!(server.count(SESSION) >= 3);
}

#[tokio::test]
async fn a_mode_is_kept_also_if_nobody_knows_what_it_was_before() {
    let server = with_session(r#"{"value":null}"#, &[(SESSION, 204, "")]);
    assert_eq!(run_until_renewed(&server, 2).await.end, End::Stopped);
    assert!(server.count(SESSION) >= 2);
    let extended = |body: &str| body.contains(r#""value":"extended""#);
    let mut set = server.seen().into_iter().filter(|request| request.line == SESSION);
    assert!(set.all(|request| extended(&request.body)));
}
