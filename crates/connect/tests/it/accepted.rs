//! Changes that a vehicle accepts, and what it shows of them afterwards.
//! That a change was accepted is never taken for that it was done.

use std::time::Duration;

use fleetwire_connect::End;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::bench::{Outcome, connector, order, run, run_within};
use crate::odd::{ROOT, Server};

const ECU: &str = r#"{"id":"ecu","name":"ECU","status":"/v1/components/ecu/status",
    "clear-data":"/v1/components/ecu/clear-data"}"#;
const STATUS: &str = "GET /v1/components/ecu/status";
const RESTART: (&str, u16, &str) = ("PUT /v1/components/ecu/status/restart", 202, "");
const OFFERED: (&str, u16, &str) =
    (STATUS, 200, r#"{"status":"ready","restart":"/v1/components/ecu/status/restart"}"#);

const CLEARABLE: (&str, u16, &str) = (
    "GET /v1/components/ecu/clear-data",
    200,
    r#"{"cached-data":"/v1/components/ecu/clear-data/cached-data",
        "learned-data":"/v1/components/ecu/clear-data/learned-data"}"#,
);
const CLEAR: (&str, u16, &str) = ("PUT /v1/components/ecu/clear-data/learned-data", 202, "");
const CLEARING: &str = "GET /v1/components/ecu/clear-data/status";

type Row = (&'static str, u16, &'static str);

fn server(rows: &[Row]) -> Server {
    Server::start_with(ROOT, ECU, rows)
}

/// Restarts, and lets more than a minute pass once what came of it was looked at.
async fn restart_and_wait(rows: &[Row]) -> Outcome {
    let server = server(&[&[OFFERED, RESTART], rows].concat());
    let order = order(&server.address(), "entity.restart", json!({"entity": "components/ecu"}));
    let later = async {
        server.has_seen(RESTART.0).await;
        while server.count(STATUS) < 3 {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(61)).await;
        tokio::time::resume();
    };
    let sovd = connector(1 << 20);
    let limit = Duration::from_mins(5);
    let restart = run_within(limit, &sovd, order, CancellationToken::new());
    let (outcome, ()) = tokio::join!(restart, later);
    assert_eq!(server.count(RESTART.0), 1);
    outcome
}

async fn clear(rows: &[Row]) -> Outcome {
    let server = server(&[&[CLEARABLE, CLEAR], rows].concat());
    let params = json!({"entity": "components/ecu", "kind": "learned-data"});
    let outcome = run(&connector(1 << 20), order(&server.address(), "data.clear", params)).await;
    assert_eq!(server.count(CLEAR.0), 1);
    outcome
}

fn last(outcome: &Outcome) -> Value {
    assert_eq!(outcome.end, End::Answered);
    outcome.payloads().pop().unwrap()
}

#[tokio::test]
async fn an_entity_that_never_comes_back_has_an_unknown_outcome() {
    let outcome = restart_and_wait(&[(STATUS, 0, "")]).await;
    assert_eq!(outcome.end, End::Lost);
    assert!(outcome.parts.is_empty());
}

#[tokio::test]
async fn an_entity_that_does_not_become_ready_has_an_unknown_outcome_and_shows_how_it_is() {
    let outcome = restart_and_wait(&[(STATUS, 200, r#"{"status":"notReady"}"#)]).await;
    assert_eq!(outcome.end, End::Lost);
    assert_eq!(outcome.payloads(), [json!({"status": "notReady"})]);
    assert!(!outcome.parts[0].is_final);
}

#[tokio::test]
async fn a_clearing_whose_end_is_not_told_has_an_unknown_outcome() {
    let idle = (CLEARING, 200, r#"{"status":"notRequested"}"#);
    let outcome = clear(&[idle, (CLEARING, 404, "")]).await;
    assert_eq!(outcome.end, End::Lost);
}

#[tokio::test]
async fn the_end_of_another_clearing_is_not_the_end_of_this_one() {
    let cached =
        r#"{"status":"completed","type":"cached-data","last_started":"2026-01-01T00:00:00Z"}"#;
    let learned =
        r#"{"status":"completed","type":"learned-data","last_started":"2026-01-01T00:00:09Z"}"#;
    let table = [cached, cached, learned].map(|status| (CLEARING, 200, status));
    assert_eq!(last(&clear(&table).await)["type"], "learned-data");
}

#[tokio::test]
async fn the_end_of_the_same_clearing_before_is_not_the_end_of_this_one() {
    let before = r#"{"status":"failed","last_started":"2026-01-01T00:00:00Z"}"#;
    let running = r#"{"status":"running","last_started":"2026-01-01T00:00:09Z"}"#;
    let after = r#"{"status":"completed","last_started":"2026-01-01T00:00:09Z"}"#;
    let table = [before, before, running, after].map(|status| (CLEARING, 200, status));
    let outcome = clear(&table).await;
    let states: Vec<Value> = outcome.payloads().iter().map(|it| it["status"].clone()).collect();
    assert_eq!(states, ["running", "completed"]);
}

#[tokio::test]
async fn a_clearing_that_looks_as_the_one_before_is_believed_after_a_while() {
    let outcome = clear(&[(CLEARING, 200, r#"{"status":"completed"}"#)]).await;
    assert_eq!(last(&outcome), json!({"status": "completed"}));
}
