//! Answers that no simulated vehicle gives.
//! Each is one that a real server gives, or may give on a bad day.

use fleetwire_connect::{End, Part};
use model::command::Refusal;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bench::{Outcome, connector, order, run};
use crate::odd::Server;

const FAULTS: &str = "GET /v1/components/ecu/faults";
const CLEAR: &str = "DELETE /v1/components/ecu/faults";
const TWO: &str = r#"{"items":[{"code":"042011","status":{"mask":"08"}},
    {"code":"042013","fault_name":"Catalyst","status":{"mask":"04"}}]}"#;
const NONE: &str = r#"{"items":[]}"#;

const START: &str = "POST /v1/components/ecu/operations/purge/executions";
const EXECUTION: &str = "GET /v1/components/ecu/operations/purge/executions/7";
const FORGET: &str = "DELETE /v1/components/ecu/operations/purge/executions/7";
const STARTED: (&str, u16, &str) = (START, 202, r#"{"id":"7"}"#);
const OPERATIONS: (&str, u16, &str) =
    ("GET /v1/components/ecu/operations", 200, r#"{"items":[{"id":"purge"}]}"#);

fn purge() -> Value {
    json!({"entity": "components/ecu", "id": "purge"})
}

async fn ask(server: &Server, name: &str, params: Value) -> Outcome {
    run(&connector(1 << 20), order(&server.address(), name, params)).await
}

async fn clear(table: &[(&'static str, u16, &'static str)]) -> (Server, Outcome) {
    let server = Server::start(table);
    let outcome = ask(&server, "ClearDTC", json!({"ecuAddress": "ecu"})).await;
    (server, outcome)
}

#[tokio::test]
async fn a_confirmed_clearing_stays_one_when_reading_back_fails() {
    for (status, body) in [(500, ""), (200, "{"), (0, "")] {
        let table = [(FAULTS, 200, TWO), (CLEAR, 204, ""), (FAULTS, status, body)];
        let (server, outcome) = clear(&table).await;
        let payload = outcome.only();
        assert_eq!(payload["clearedCount"], 2);
        let message = payload["message"].as_str().unwrap();
        assert!(
            message.starts_with("2 trouble codes cleared: the vehicle confirmed it, but"),
            "{message}"
        );
        assert_eq!(server.count(CLEAR), 1);
    }
}

#[tokio::test]
async fn how_many_are_cleared_is_not_known_where_nobody_could_count() {
    for (after, words) in [(NONE, "cleared"), (TWO, "cleared, 2 remaining")] {
        let (_, outcome) =
            clear(&[(FAULTS, 200, "{"), (CLEAR, 204, ""), (FAULTS, 200, after)]).await;
        let payload = outcome.only();
        assert_eq!(payload["clearedCount"], Value::Null);
        assert_eq!(payload["message"], format!("an unknown number of trouble codes {words}"));
    }
}

#[tokio::test]
async fn a_status_is_told_however_the_vehicle_writes_it() {
    let faults = r#"{"items":[{"code":"1","status":{"CONFIRMED_DTC":"1"}},{"code":"2","status":47},
        {"code":"3","status":"0x04"},{"code":"4","status":"CONFIRMED"},{"code":"5"},
        {"code":"6","status":{"testFailed":true}},{"code":"7","status":{"mask":"0x50"}}]}"#;
    let server = Server::start(&[(FAULTS, 200, faults)]);
    let outcome = ask(&server, "ReadDTC", json!({"ecuAddress": "ecu"})).await;
    let words: Vec<Value> =
        outcome.payloads().iter().take(7).map(|part| part["status"].clone()).collect();
    let expected = ["confirmed", "confirmed", "pending", "confirmed", "stored", "active", "stored"];
    assert_eq!(words, expected);
}

#[tokio::test]
async fn a_confirmed_write_stays_one_when_reading_back_fails() {
    let item = "/v1/components/ecu/data/a";
    let server = Server::start(&[
        ("GET /v1/components/ecu/data", 200, r#"{"items":[{"id":"a"}]}"#),
        ("GET /v1/components/ecu/data/a", 200, r#"{"value":1}"#),
        ("GET /v1/components/ecu/data/a", 500, ""),
        ("PUT /v1/components/ecu/data/a", 204, ""),
    ]);
    let params = json!({"entity": "components/ecu", "id": "a", "value": 2});
    let outcome = ask(&server, "data.write", params).await;
    assert_eq!(outcome.only()["confirmed"], true);
    assert_eq!(server.count(&format!("PUT {item}")), 1);
}

#[tokio::test]
async fn a_change_without_answer_has_an_unknown_outcome() {
    let silent = r#"{"error_code":"not-responding","message":"ECU timeout"}"#;
    for (status, body) in [(0, ""), (504, silent), (502, ""), (500, silent)] {
        let (server, outcome) = clear(&[(FAULTS, 200, TWO), (CLEAR, status, body)]).await;
        assert_eq!(outcome.end, End::Lost, "{status}");
        assert_eq!(server.count(CLEAR), 1);
    }
}

#[tokio::test]
async fn what_was_there_before_a_clearing_of_unknown_outcome_is_kept() {
    let server = Server::start(&[(FAULTS, 200, TWO), (CLEAR, 0, "")]);
    let outcome = ask(&server, "faults.clear", json!({"entity": "components/ecu"})).await;
    assert_eq!(outcome.end, End::Lost);
    assert_eq!(outcome.payloads()[0]["items"].as_array().unwrap().len(), 2);
    assert!(!outcome.parts[0].is_final);
}

#[tokio::test]
async fn a_read_before_the_change_that_is_lost_has_changed_nothing() {
    let (server, outcome) = clear(&[(FAULTS, 0, "")]).await;
    assert_eq!(outcome.end, End::NotSent);
    assert_eq!(server.count(CLEAR), 0);
}

#[tokio::test]
async fn what_remains_is_not_counted_as_cleared() {
    let one = r#"{"items":[{"code":"042011"}]}"#;
    let (_, outcome) = clear(&[(FAULTS, 200, TWO), (CLEAR, 204, ""), (FAULTS, 200, one)]).await;
    let payload = outcome.only();
    assert_eq!(payload["clearedCount"], 1);
    assert_eq!(payload["message"], "1 trouble code cleared, 1 remaining");
}

#[tokio::test]
async fn a_lock_held_by_another_is_a_refusal() {
    let locked = r#"{"error_code":"vendor-specific","vendor_code":"ecu-locked","message":"by 7"}"#;
    let (_, outcome) = clear(&[(FAULTS, 200, TWO), (CLEAR, 409, locked)]).await;
    assert_eq!(outcome.refused(Refusal::Locked), "by 7 (ecu-locked)");
}

#[tokio::test]
async fn a_negative_response_is_told_by_name() {
    let negative = r#"{"error_code":"error-response","message":"clear refused",
        "parameters":{"service":"0x14","nrc":["0x22"]}}"#;
    let (_, outcome) = clear(&[(FAULTS, 200, TWO), (CLEAR, 409, negative)]).await;
    assert_eq!(
        outcome.vehicle_error(),
        "clear refused (error-response, NRC 0x22 conditionsNotCorrect)"
    );
}

#[tokio::test]
async fn a_code_that_means_several_faults_is_refused() {
    let server = Server::start(&[(FAULTS, 200, TWO), (CLEAR, 204, "")]);
    let params = json!({"ecuAddress": "ecu", "dtcCode": "P0420"});
    let outcome = ask(&server, "ClearDTC", params).await;
    let words = "P0420 may be any of 042011, 042013: name one";
    assert_eq!(outcome.refused(Refusal::Precondition), words);
}

#[tokio::test]
async fn codes_of_control_units_are_shown_as_testers_know_them() {
    let server = Server::start(&[(FAULTS, 200, TWO)]);
    let outcome = ask(&server, "ReadDTC", json!({"ecuAddress": "ecu"})).await;
    let payloads = outcome.payloads();
    assert_eq!(
        (&payloads[0]["dtcCode"], &payloads[0]["status"]),
        (&json!("P0420-11"), &json!("confirmed"))
    );
    assert_eq!(payloads[1]["description"], "Catalyst");
}

#[tokio::test]
async fn a_wrapped_value_is_unwrapped_and_an_unreadable_one_is_a_failure() {
    let item = r#"{"items":[{"id":"F190"}]}"#;
    let wrapped = r#"{"id":"F190","data":{"value":12.60}}"#;
    let unreadable = r#"{"id":"F190","data":null,"errors":[{"path":"/","error":
        {"error_code":"not-responding","message":"no answer"}}]}"#;
    let place = "GET /v1/components/ecu/data/F190?include-schema=true";
    let server = Server::start(&[
        ("GET /v1/components/ecu/data", 200, item),
        (place, 200, wrapped),
        (place, 200, unreadable),
    ]);
    let params = json!({"ecuAddress": "ecu", "dataId": "0xF190"});
    let outcome = ask(&server, "ReadDataByID", params.clone()).await;
    assert!(outcome.parts[1].payload.get().contains(r#""value":12.60"#), "{outcome:?}");
    let outcome = ask(&server, "ReadDataByID", params).await;
    assert_eq!(outcome.vehicle_error(), "no answer (not-responding)");
}

#[tokio::test]
async fn an_operation_that_fails_is_the_vehicles_failure_and_is_forgotten() {
    let server = Server::start(&[
        OPERATIONS,
        STARTED,
        (
            EXECUTION,
            200,
            r#"{"status":"failed","error":[{"path":"/","error":
                {"error_code":"error-response","message":"valve stuck"}}]}"#,
        ),
        (FORGET, 204, ""),
    ]);
    let outcome = ask(&server, "operation.run", purge()).await;
    assert_eq!(outcome.vehicle_error(), "valve stuck (error-response)");
    assert_eq!(server.count(FORGET), 1);
}

#[tokio::test]
async fn an_operation_is_followed_through_moments_without_answer() {
    let server = Server::start(&[
        OPERATIONS,
        STARTED,
        (EXECUTION, 0, ""),
        (EXECUTION, 503, ""),
        (EXECUTION, 200, r#"{"status":"completed","parameters":{"flow":7}}"#),
    ]);
    let outcome = ask(&server, "operation.run", purge()).await;
    assert_eq!(outcome.end, End::Answered);
    assert_eq!(outcome.payloads()[1]["parameters"]["flow"], 7);
    assert_eq!(server.count(START), 1);
}

#[tokio::test]
async fn an_operation_is_forgotten_before_its_result_is_handed_on() {
    let server = Server::start(&[
        OPERATIONS,
        STARTED,
        (EXECUTION, 200, r#"{"status":"completed"}"#),
        (FORGET, 204, ""),
    ]);
    let (sender, mut receiver) = mpsc::channel::<Part>(4);
    let order = order(&server.address(), "operation.run", purge());
    let sovd = connector(1000);
    let watch = async {
        while !receiver.recv().await.unwrap().is_final {}
        server.count(FORGET)
    };
    let execution = sovd.execute(order, sender, CancellationToken::new());
    let (end, forgotten) = tokio::join!(execution, watch);
    assert_eq!((end, forgotten), (End::Answered, 1));
}

#[tokio::test]
async fn an_operation_that_nobody_follows_any_more_is_stopped() {
    let running = (EXECUTION, 200, r#"{"status":"running"}"#);
    let server = Server::start(&[OPERATIONS, STARTED, running, (FORGET, 204, "")]);
    let order = order(&server.address(), "operation.run", purge());
    let (sender, _receiver) = mpsc::channel::<Part>(4);
    let sovd = connector(1000);
    tokio::select! {
        end = sovd.execute(order, sender, CancellationToken::new()) => panic!("{end:?}"),
        () = server.has_seen(EXECUTION) => {}
    }
    sovd.settle().await;
    assert_eq!(server.count(FORGET), 1);
}

#[tokio::test]
async fn an_answer_that_does_not_say_that_it_is_over_is_followed() {
    let queued = r#"{"id":"7","status":"queued"}"#;
    let done = (EXECUTION, 200, r#"{"status":"completed","parameters":{"flow":7}}"#);
    let server = Server::start(&[OPERATIONS, (START, 200, queued), done, (FORGET, 204, "")]);
    let outcome = ask(&server, "operation.run", purge()).await;
    assert_eq!(outcome.payloads()[1]["parameters"]["flow"], 7);
    let server = Server::start(&[OPERATIONS, (START, 200, r#"{"status":"queued"}"#)]);
    assert_eq!(ask(&server, "operation.run", purge()).await.end, End::Malformed);
}

/// Cancels an operation once its start has been told, and gives back how it ended and its last part.
async fn cancelled(server: &Server) -> (End, Option<Part>) {
    let order = order(&server.address(), "operation.run", purge());
    let (sender, mut receiver) = mpsc::channel::<Part>(4);
    let stop = CancellationToken::new();
    let watch = async {
        receiver.recv().await.unwrap();
        stop.cancel();
        receiver.recv().await
    };
    let sovd = connector(1000);
    tokio::join!(sovd.execute(order, sender, stop.clone()), watch)
}

#[tokio::test]
async fn an_operation_that_was_over_before_its_cancel_has_its_result() {
    let server = Server::start(&[
        OPERATIONS,
        STARTED,
        (EXECUTION, 200, r#"{"status":"completed","parameters":{"flow":7}}"#),
        (FORGET, 204, ""),
    ]);
    let (end, last) = cancelled(&server).await;
    assert_eq!(end, End::Answered);
    assert!(last.unwrap().payload.get().contains(r#""flow":7"#));
}

#[tokio::test]
async fn what_stopping_gave_is_told() {
    let server = Server::start(&[
        OPERATIONS,
        STARTED,
        (EXECUTION, 200, r#"{"status":"running"}"#),
        (FORGET, 200, r#"{"parameters":{"flow":3}}"#),
    ]);
    let (end, last) = cancelled(&server).await;
    assert_eq!(end, End::Stopped);
    assert!(last.unwrap().payload.get().contains(r#""flow":3"#));
}

#[tokio::test]
async fn an_operation_that_does_not_stop_goes_on_to_its_result() {
    let server = Server::start(&[
        OPERATIONS,
        STARTED,
        (EXECUTION, 200, r#"{"status":"running"}"#),
        (EXECUTION, 200, r#"{"status":"completed"}"#),
        (FORGET, 409, ""),
        (FORGET, 204, ""),
    ]);
    let (end, last) = cancelled(&server).await;
    assert_eq!(end, End::Answered);
    assert!(last.unwrap().is_final);
    assert_eq!(server.count(FORGET), 2);
}

#[tokio::test]
async fn an_operation_that_the_vehicle_no_longer_knows_has_an_unknown_outcome() {
    let server = Server::start(&[OPERATIONS, STARTED]);
    let outcome = ask(&server, "operation.run", purge()).await;
    assert_eq!(outcome.end, End::Lost);
}

#[tokio::test]
async fn requests_of_a_command_carry_its_id_and_trace_and_discovery_does_not() {
    let server = Server::start(&[(FAULTS, 200, NONE)]);
    let mut order = order(&server.address(), "ReadDTC", json!({"ecuAddress": "ecu"}));
    order.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    let id = format!("x-fleetwire-command-id: {}", order.command_id);
    run(&connector(1000), order).await;
    for request in server.seen() {
        let is_main = request.line == FAULTS;
        assert_eq!(request.head.contains(&id), is_main, "{request:?}");
        assert_eq!(request.head.contains("traceparent: 00-0af7"), is_main);
        assert_eq!(request.head.contains("text/event-stream, application/json"), is_main);
    }
}

#[tokio::test]
async fn what_was_learned_is_forgotten_when_it_may_be_wrong() {
    let server = Server::start(&[(FAULTS, 404, ""), (FAULTS, 200, NONE)]);
    let sovd = connector(1000);
    for _ in 0..2 {
        run(&sovd, order(&server.address(), "ReadDTC", json!({"ecuAddress": "ecu"}))).await;
    }
    assert_eq!(server.count("GET /v1/components"), 2);
    run(&sovd, order(&server.address(), "ReadDTC", json!({"ecuAddress": "ecu"}))).await;
    assert_eq!(server.count("GET /v1/components"), 2);
}
