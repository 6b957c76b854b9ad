//! Outputs in a tester's hand: what is said once one was controlled, and who gives it back.
//! The server is written by each test.

use std::time::Instant;

use fleetwire_connect::{End, SendBy};
use model::command::Refusal;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

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

/// An output of a server that wants to be told in words.
const WORDED: (&str, u16, &str) = (
    "GET /v1/components/ecu/operations",
    200,
    r#"{"items":[{"id":"fan","output_id":"0xF020",
        "href":"/v1/components/ecu/operations/fan/executions"}]}"#,
);
const SEEN: &str = "GET /v1/components/ecu/operations/fan/executions/7";
const DONE: (&str, u16, &str) =
    (SEEN, 200, r#"{"execution_id":"7","status":"completed","result":{"success":true}}"#);
const NOT_DONE: (&str, u16, &str) = (
    SEEN,
    200,
    r#"{"execution_id":"7","status":"completed","result":{"success":false,"error":"too short"}}"#,
);

/// What a server was told to do with its output.
fn told(server: &Server) -> Vec<Value> {
    let starts = server.seen().into_iter().filter(|request| request.line == START);
    let bodies = starts.map(|request| serde_json::from_str::<Value>(&request.body).unwrap());
    bodies.map(|body| body["parameters"].clone()).collect()
}

#[tokio::test]
async fn an_output_that_is_moved_in_words_is_given_back_in_words() {
    let server = Server::start(&[WORDED, STARTED, DONE]);
    let mut params = fan("adjust");
    params["value"] = json!("on");
    let adjust = order(&server.address(), "output.actuate", params);
    let outcome = run(&connector(1 << 20), adjust).await;
    assert_eq!(outcome.end, End::Answered, "{outcome:?}");
    assert_eq!(outcome.payloads().last().unwrap()["returned"], true);
    let adjusted = json!({"action": "short_term_adjust", "value": "on"});
    assert_eq!(told(&server), [adjusted, json!({"action": "return_to_ecu"})]);
}

#[tokio::test]
async fn a_word_for_each_action_reaches_the_output() {
    for (action, word) in [("freeze", "freeze"), ("reset", "reset_to_default")] {
        let server = Server::start(&[WORDED, STARTED, DONE]);
        assert_eq!(ask(&server, action).await.end, End::Answered);
        assert_eq!(told(&server), [json!({"action": word}), json!({"action": "return_to_ecu"})]);
    }
    let server = Server::start(&[WORDED, STARTED, DONE]);
    let outcome = ask(&server, "release").await;
    assert_eq!(outcome.payloads().last().unwrap()["returned"], true);
    assert_eq!(told(&server), [json!({"action": "return_to_ecu"})]);
}

#[tokio::test]
async fn an_output_that_did_not_move_is_the_vehicles_failure_and_given_back() {
    let server = Server::start(&[WORDED, STARTED, NOT_DONE, DONE]);
    let outcome = ask(&server, "freeze").await;
    assert_eq!(outcome.vehicle_error(), "too short");
    assert_eq!(told(&server).last().unwrap()["action"], "return_to_ecu");
}

#[tokio::test]
async fn a_refused_word_leaves_nothing_to_give_back() {
    let server = Server::start(&[WORDED, (START, 409, REFUSED)]);
    ask(&server, "freeze").await.refused(Refusal::Precondition);
    assert_eq!(told(&server), [json!({"action": "freeze"})]);
}

#[tokio::test]
async fn an_output_in_words_is_given_back_if_nobody_waits_any_more() {
    let server = Server::start(&[WORDED, STARTED, DONE]);
    let sovd = connector(1 << 20);
    let mut params = fan("freeze");
    params["duration"] = json!(600);
    let order = order(&server.address(), "output.actuate", params);
    let (parts, mut taken) = mpsc::channel(4);
    tokio::select! {
        _ = sovd.execute(order, parts, CancellationToken::new()) => panic!("it is held long"),
        () = async { while taken.recv().await.unwrap().part < 2 {} } => {}
    }
    sovd.settle().await;
    assert_eq!(told(&server), [json!({"action": "freeze"}), json!({"action": "return_to_ecu"})]);
}

#[tokio::test]
async fn whoever_runs_an_output_as_an_operation_is_a_senior() {
    let server = Server::start(&[WORDED, STARTED, DONE]);
    let params = json!({"entity": "components/ecu", "id": "fan", "params": {"action": "freeze"}});
    let run_it = async |may_actuate| {
        let mut order = order(&server.address(), "operation.run", params.clone());
        order.may_actuate = may_actuate;
        run(&connector(1 << 20), order).await
    };
    let outcome = run_it(false).await;
    let words = outcome.refused(Refusal::Precondition);
    assert!(words.contains("senior"), "{words}");
    assert_eq!(server.count(START), 0);
    assert_eq!(run_it(true).await.end, End::Answered);
    assert_eq!(server.count(START), 1);
}
