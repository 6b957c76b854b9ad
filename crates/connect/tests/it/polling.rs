//! Watching what does not tell by itself, and faults, whose changes are found by comparing.
//! What a server cannot do is said in the first part.

use std::sync::atomic::Ordering;
use std::time::Duration;

use fleetwire_connect::{End, Part};
use model::command::Refusal;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bench::{Outcome, connector, order, run};
use crate::odd::{ROOT, Server};
use crate::watched::{Script, Watchable};

const DATA: (&str, u16, &str) =
    ("GET /v1/components/ecu/data", 200, r#"{"items":[{"id":"speed"}]}"#);
const RICH_DATA: (&str, u16, &str) =
    ("GET /v1/components/rich/data", 200, r#"{"items":[{"id":"speed"}]}"#);
const SPEED: &str = "GET /v1/components/ecu/data/speed";
const FAULTS: &str = "GET /v1/components/ecu/faults";
const ENTRIES: &str = "GET /v1/components/rich/logs/entries";

async fn ask(server: &Server, name: &str, params: Value) -> Outcome {
    run(&connector(1 << 20), order(&server.address(), name, params)).await
}

fn speed(entity: &str, duration: u32) -> Value {
    json!({"entity": entity, "ids": ["speed"], "interval": "fast", "duration": duration})
}

/// What became of which fault, in the order in which it was told.
fn changes(outcome: &Outcome) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let payloads = outcome.payloads();
    let changes = payloads.iter().filter(|part| !part["change"].is_null());
    changes.map(|part| (word(&part["change"]), word(&part["id"]))).collect()
}

fn told(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    changes.iter().map(|(change, code)| ((*change).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test]
async fn a_server_without_subscriptions_is_polled() {
    let server = Server::start(&[DATA, (SPEED, 200, r#"{"id":"speed","data":7.50}"#)]);
    let outcome = ask(&server, "data.watch", speed("components/ecu", 2)).await;
    assert_eq!(outcome.end, End::Answered);
    let payloads = outcome.payloads();
    assert_eq!(payloads[0], json!({"mode": "polling", "interval_ms": 500}));
    assert_eq!((&payloads[1]["sample"], &payloads[1]["id"]), (&json!(1), &json!("speed")));
    assert!(outcome.parts[1].payload.get().contains(r#"{"id":"speed","data":7.50}"#));
    let samples = payloads.last().unwrap()["samples"].as_u64().unwrap();
    assert!((2..=4).contains(&samples), "{samples}");
    assert!(server.seen().iter().all(|request| request.line.starts_with("GET ")));
}

#[tokio::test]
async fn a_server_that_does_not_implement_subscriptions_is_polled() {
    let subscribe = "POST /v1/components/rich/cyclic-subscriptions";
    let server = Server::start(&[
        RICH_DATA,
        (subscribe, 501, ""),
        ("GET /v1/components/rich/data/speed", 200, r#"{"id":"speed","data":7}"#),
    ]);
    let outcome = ask(&server, "data.watch", speed("components/rich", 1)).await;
    assert_eq!(outcome.end, End::Answered);
    assert_eq!(outcome.payloads()[0]["mode"], "polling");
    assert_eq!(server.count(subscribe), 1);
}

#[tokio::test]
async fn a_server_that_is_busy_is_neither_polled_nor_asked_twice() {
    let subscribe = "POST /v1/components/rich/cyclic-subscriptions";
    let busy = r#"{"error_code":"sovd-server-failure","message":"busy"}"#;
    let server = Server::start(&[RICH_DATA, (subscribe, 503, busy)]);
    let outcome = ask(&server, "data.watch", speed("components/rich", 1)).await;
    outcome.vehicle_error();
    assert_eq!(server.count(subscribe), 1);
}

#[tokio::test]
async fn a_value_that_cannot_be_read_now_is_a_sample_and_silence_is_a_gap() {
    let refused = r#"{"error_code":"not-responding","message":"asleep"}"#;
    let server = Server::start(&[
        DATA,
        (SPEED, 503, refused),
        (SPEED, 0, ""),
        (SPEED, 200, r#"{"id":"speed","data":7}"#),
    ]);
    let outcome = ask(&server, "data.watch", speed("components/ecu", 2)).await;
    let payloads = outcome.payloads();
    assert_eq!(payloads[1]["error"]["message"], "asleep");
    assert_eq!(payloads[2]["gap"]["id"], "speed");
    assert_eq!(payloads[3]["payload"]["data"], 7);
    assert_eq!(payloads.last().unwrap()["gaps"], 1);
}

#[tokio::test]
async fn a_polled_server_that_dies_leaves_the_outcome_open() {
    let server = Server::start(&[DATA, (SPEED, 200, r#"{"data":7}"#), (SPEED, 0, "")]);
    let outcome = ask(&server, "data.watch", speed("components/ecu", 60)).await;
    assert_eq!(outcome.end, End::Lost);
    assert!(outcome.parts.iter().all(|part| !part.is_final));
}

#[tokio::test]
async fn faults_are_compared_where_no_trigger_tells() {
    let first = r#"{"items":[{"code":"A","status":{"testFailed":1}},{"code":"B"}]}"#;
    let second = r#"{"items":[{"code":"A","status":{"testFailed":0}},{"code":"B"}]}"#;
    let third = r#"{"items":[{"code":"B"},{"code":"C","fault_name":"new"}]}"#;
    let server =
        Server::start(&[(FAULTS, 200, first), (FAULTS, 200, second), (FAULTS, 200, third)]);
    let params = json!({"entity": "components/ecu", "duration": 3});
    let outcome = ask(&server, "faults.watch", params).await;
    assert_eq!(outcome.end, End::Answered);
    assert_eq!(outcome.payloads()[0], json!({"mode": "polling", "interval_ms": 1000}));
    let expected =
        [("present", "A"), ("present", "B"), ("changed", "A"), ("appeared", "C"), ("healed", "A")];
    assert_eq!(changes(&outcome), told(&expected));
    assert_eq!(outcome.payloads()[4]["fault"]["fault_name"], "new");
    assert!(server.seen().iter().all(|request| request.line.starts_with("GET ")));
}

#[tokio::test]
async fn faults_that_are_not_there_are_not_watched() {
    let bare = r#"{"id":"ecu","name":"ECU","data":"/v1/components/ecu/data"}"#;
    let server = Server::start_with(ROOT, bare, &[]);
    let params = json!({"entity": "components/ecu", "duration": 60});
    let outcome = ask(&server, "faults.watch", params).await;
    outcome.refused(Refusal::Unsupported);
    assert!(outcome.parts.is_empty(), "{outcome:?}");
}

#[tokio::test]
async fn a_filter_holds_also_where_the_server_does_not_know_it() {
    let items = r#"{"items":[{"code":"A","status":{"confirmedDTC":"1"}},
        {"code":"B","status":{"confirmedDTC":"0"}},{"code":"C"}]}"#;
    let asked = "GET /v1/components/ecu/faults?status%5BconfirmedDtc%5D=true";
    let server = Server::start(&[(asked, 200, items)]);
    let params = json!({"entity": "components/ecu", "duration": 1,
        "status": {"confirmedDtc": true}});
    let outcome = ask(&server, "faults.watch", params).await;
    assert_eq!(changes(&outcome), told(&[("present", "A"), ("present", "C")]));
}

#[tokio::test]
async fn faults_are_read_when_the_trigger_tells() {
    let script = Script { pace: Duration::from_millis(50), ..Script::ENDLESS };
    let vehicle = Watchable::start(&[script]);
    let params = json!({"entity": "components/rich", "duration": 1});
    let (sender, mut receiver) = mpsc::channel::<Part>(4);
    let order = order(&vehicle.address(), "faults.watch", params);
    let sovd = connector(1 << 20);
    let watch = async {
        let begun = receiver.recv().await.unwrap();
        *vehicle.state.faults.lock().unwrap() = r#"{"items":[{"code":"A"}]}"#.to_owned();
        let appeared = receiver.recv().await.unwrap();
        *vehicle.state.faults.lock().unwrap() = r#"{"items":[]}"#.to_owned();
        let healed = receiver.recv().await.unwrap();
        let ended = receiver.recv().await.unwrap();
        [begun, appeared, healed, ended]
            .map(|part| serde_json::from_str::<Value>(part.payload.get()).unwrap())
    };
    let (end, [begun, appeared, healed, ended]) =
        tokio::join!(sovd.execute(order, sender, CancellationToken::new()), watch);
    assert_eq!(end, End::Answered);
    assert_eq!(begun["mode"], "trigger");
    assert_eq!(appeared["fault"], json!({"code": "A"}));
    assert_eq!((&healed["change"], &healed["sample"]), (&json!("healed"), &json!(2)));
    assert_eq!(ended, json!({"ended": "duration", "samples": 2, "gaps": 0}));
    assert_eq!(vehicle.server.count("POST /v1/components/rich/triggers"), 1);
    assert_eq!(vehicle.server.count("DELETE /v1/components/rich/triggers/t0"), 1);
}

#[tokio::test]
async fn a_trigger_that_fires_once_is_over_then() {
    let vehicle = Watchable::start(&[Script::ENDLESS]);
    let params = json!({"entity": "components/rich", "resource": "data/speed",
        "condition": {"condition_type": "EnterRange", "lower_bound": 1.5, "upper_bound": 2},
        "path": "/data", "lifetime": 60});
    let sovd = connector(1 << 20);
    let outcome = run(&sovd, order(&vehicle.address(), "trigger.create", params)).await;
    assert_eq!(outcome.end, End::Answered);
    let payloads = outcome.payloads();
    assert_eq!(payloads.len(), 3);
    assert_eq!(payloads[1]["payload"]["data"], 1);
    assert_eq!(payloads[2], json!({"ended": "fired", "samples": 1, "gaps": 0}));
    assert_eq!(vehicle.starting("DELETE"), 1);
    let set = vehicle.server.seen().into_iter().find(|it| it.line.starts_with("POST")).unwrap();
    let set: Value = serde_json::from_str(&set.body).unwrap();
    let condition = json!({"condition_type": "EnterRange", "lower_bound": 1.5, "upper_bound": 2.0});
    assert_eq!(set["trigger_condition"], condition);
    assert_eq!((&set["path"], &set["lifetime"]), (&json!("/data"), &json!(60)));
}

#[tokio::test]
async fn a_dropped_trigger_is_taken_away() {
    let vehicle = Watchable::start(&[Script::ENDLESS]);
    let params = json!({"entity": "components/rich", "resource": "faults", "multishot": true,
        "persistent": true, "condition": {"condition_type": "OnChange"}, "lifetime": 60});
    let (sender, mut receiver) = mpsc::channel::<Part>(1);
    let order = order(&vehicle.address(), "trigger.create", params);
    let sovd = connector(1 << 20);
    tokio::select! {
        end = Box::pin(sovd.execute(order, sender, CancellationToken::new())) => panic!("{end:?}"),
        _ = receiver.recv() => {}
    }
    sovd.settle().await;
    assert_eq!(vehicle.starting("DELETE"), 1);
    assert!(vehicle.state.is_deleted.load(Ordering::SeqCst));
}

const LOGS: (&str, u16, &str) = (
    "GET /v1/components/rich/logs",
    200,
    r#"{"entries":"/v1/components/rich/logs/entries","config":"/v1/components/rich/logs/config"}"#,
);

#[tokio::test]
async fn a_followed_log_shows_what_is_new_once() {
    let first = r#"{"items":[{"timestamp":"2026-01-01T00:00:01Z","msg":"a"},{"msg":"b"}]}"#;
    let second = r#"{"items":[{"timestamp":"2026-01-01T00:00:01Z","msg":"a"},{"msg":"b"},
        {"msg":"b"},{"msg":"c"}]}"#;
    let third = r#"{"items":[{"msg":"x"}]}"#;
    let server = Server::start(&[
        LOGS,
        (ENTRIES, 200, first),
        (ENTRIES, 200, second),
        (ENTRIES, 200, third),
    ]);
    let params = json!({"entity": "components/rich", "duration": 3});
    let outcome = ask(&server, "logs.follow", params).await;
    assert_eq!(outcome.end, End::Answered);
    let payloads = outcome.payloads();
    assert_eq!(payloads[0]["mode"], "polling");
    assert_eq!(payloads[1], json!({"items": [{"msg": "b"}, {"msg": "c"}]}));
    assert_eq!(payloads[2]["gap"]["id"], "logs");
    assert_eq!(payloads[3], json!({"items": [{"msg": "x"}]}));
    assert_eq!(payloads[4], json!({"ended": "duration", "samples": 3, "gaps": 1}));
}

#[tokio::test]
async fn a_log_that_the_vehicle_refuses_again_and_again_is_its_failure() {
    let refused = r#"{"error_code":"sovd-server-failure","message":"disk"}"#;
    let server = Server::start(&[LOGS, (ENTRIES, 500, refused)]);
    let params = json!({"entity": "components/rich", "duration": 60});
    let outcome = ask(&server, "logs.follow", params).await;
    assert_eq!(outcome.vehicle_error(), "disk (sovd-server-failure)");
    assert!(outcome.parts.is_empty());
    assert_eq!(server.count(ENTRIES), 5);
}

#[tokio::test]
async fn a_followed_log_begins_where_it_is_asked_to() {
    let entries = r#"{"items":[{"timestamp":"2026-01-01T00:00:01Z","msg":"old"},
        {"timestamp":"2026-01-01T00:00:02Z","msg":"new"}]}"#;
    let asked = "GET /v1/components/rich/logs/entries?severity=warn";
    let server = Server::start(&[LOGS, (asked, 200, entries)]);
    let params = json!({"entity": "components/rich", "duration": 1, "severity": "warn",
        "since": "2026-01-01T00:00:02Z"});
    let outcome = ask(&server, "logs.follow", params).await;
    assert_eq!(outcome.payloads()[1]["items"][0]["msg"], "new");
    assert_eq!(outcome.payloads().last().unwrap()["samples"], 1);
}

#[tokio::test]
async fn a_log_is_read_in_parts_that_are_no_larger_than_they_may_be() {
    let entry = format!(r#"{{"msg":"{}"}}"#, "x".repeat(100_000));
    let entries = format!(r#"{{"items":[{}]}}"#, vec![entry; 10].join(","));
    let entries: &'static str = entries.leak();
    let server = Server::start(&[LOGS, (ENTRIES, 200, entries)]);
    let outcome = ask(&server, "logs.read", json!({"entity": "components/rich"})).await;
    assert_eq!(outcome.end, End::Answered);
    let counts: Vec<usize> =
        outcome.payloads().iter().map(|part| part["items"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [2, 2, 2, 2, 2]);
    assert!(outcome.parts.last().unwrap().is_final);
}
