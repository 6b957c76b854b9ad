//! Outputs in a tester's hand: what is said once one was controlled, and who gives it back.
//! The server is written by each test.

use std::time::Instant;

use fleetwire_connect::{End, SendBy};
use serde_json::{Value, json};

use crate::bench::{Outcome, connector, order, run};
use crate::odd::{Reply, Request, Server, plain};

const START: &str = "POST /v1/components/ecu/operations/fan/executions";
const HELD: &str = "GET /v1/components/ecu/operations/fan/executions";
const CONTROL: &str = "PUT /v1/components/ecu/operations/fan/executions/7";
const GIVE_BACK: &str = "DELETE /v1/components/ecu/operations/fan/executions/7";
const OTHER: &str = "DELETE /v1/components/ecu/operations/fan/executions/8";
const OPERATIONS: (&str, u16, &str) =
    ("GET /v1/components/ecu/operations", 200, r#"{"items":[{"id":"fan"}]}"#);
const STARTED: (&str, u16, &str) = (START, 202, r#"{"id":"7","status":"running"}"#);
const TWO_HELD: (&str, u16, &str) = (HELD, 200, r#"{"items":["7","8"]}"#);
const REFUSED: &str = r#"{"error_code":"precondition-not-fulfilled","message":"not now"}"#;

fn fan(action: &str) -> Value {
    json!({"entity": "components/ecu", "id": "fan", "action": action, "duration": 1})
}

async fn ask(server: &Server, action: &str) -> Outcome {
    run(&connector(1 << 20), order(&server.address(), "output.actuate", fan(action))).await
}

/// Carries out an order that comes too late for anything more once a request of this line is answered.
async fn ask_until(line: &'static str, action: &str) -> (Server, Outcome) {
    let send_by = SendBy::new(Instant::now() + std::time::Duration::from_hours(1));
    let until = send_by.clone();
    let server = Server::beside(move |request: &Request| {
        if request.line == line {
            until.extend(Instant::now());
        }
        let answer = match request.line.as_str() {
            "GET /v1/components/ecu/operations" => plain(200, OPERATIONS.2),
            START => plain(202, STARTED.2),
            HELD => plain(200, TWO_HELD.2),
            GIVE_BACK => plain(204, ""),
            _ => return None,
        };
        Some(Reply::Answer(answer))
    });
    let mut order = order(&server.address(), "output.actuate", fan(action));
    order.send_by = send_by;
    let outcome = run(&connector(1 << 20), order).await;
    (server, outcome)
}

#[tokio::test]
async fn an_output_that_was_started_is_never_said_to_be_untouched() {
    let (server, outcome) = ask_until(START, "freeze").await;
    assert_eq!(outcome.end, End::Lost);
    assert_eq!((server.count(START), server.count(CONTROL), server.count(GIVE_BACK)), (1, 0, 1));
}

#[tokio::test]
async fn a_control_that_is_refused_after_the_start_is_the_vehicles_failure() {
    let server =
        Server::start(&[OPERATIONS, STARTED, (CONTROL, 409, REFUSED), (GIVE_BACK, 204, "")]);
    let outcome = ask(&server, "reset").await;
    assert_eq!(outcome.vehicle_error(), "not now (precondition-not-fulfilled)");
    assert_eq!(server.count(GIVE_BACK), 1);
}

#[tokio::test]
async fn a_release_that_breaks_off_is_never_said_to_be_undone() {
    let (server, outcome) = ask_until(GIVE_BACK, "release").await;
    assert_eq!(outcome.end, End::Lost);
    assert_eq!((server.count(GIVE_BACK), server.count(OTHER)), (1, 0));
}

#[tokio::test]
async fn a_release_that_is_refused_in_part_is_the_vehicles_failure() {
    let server =
        Server::start(&[OPERATIONS, TWO_HELD, (GIVE_BACK, 204, ""), (OTHER, 409, REFUSED)]);
    let outcome = ask(&server, "release").await;
    assert_eq!(outcome.vehicle_error(), "not now (precondition-not-fulfilled)");
}

#[tokio::test]
async fn an_output_that_is_not_given_back_is_the_vehicles_failure() {
    let server = Server::start(&[OPERATIONS, STARTED, (GIVE_BACK, 409, REFUSED)]);
    let outcome = ask(&server, "adjust").await;
    let words = "not now (precondition-not-fulfilled); the output could not be given back";
    assert_eq!(outcome.vehicle_error(), words);
}

#[tokio::test]
async fn an_output_that_cannot_be_given_back_is_not_said_to_be() {
    let server = Server::start(&[OPERATIONS, (START, 200, r#"{"parameters":{"level":8.0}}"#)]);
    let outcome = ask(&server, "adjust").await;
    let expected = json!({"returned": false, "answer": {"parameters": {"level": 8.0}}});
    assert_eq!(outcome.only(), expected);
}
