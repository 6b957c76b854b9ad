//! Configurations, triggers, recordings and live commands against a simulated vehicle.
//! The vehicle's own JSON must arrive as it was written.

use fleetwire_connect::{End, Part};
use model::command::Refusal;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, connector, order, run};
use crate::odd::Server;

const COMPUTER: &str = "components/hpc";
const ENGINE: &str = "components/engine_ecu";

fn payload(part: Option<Part>) -> Value {
    serde_json::from_str(part.expect("there is no more").payload.get()).unwrap()
}

#[tokio::test]
async fn configurations_are_read_as_json_or_as_bytes() {
    let bench = Bench::full().await;
    let outcome = bench.run("configuration.list", json!({"entity": COMPUTER})).await;
    assert_eq!(outcome.only(), bench.ask(&format!("{COMPUTER}/configurations")).await);
    let params = json!({"entity": COMPUTER, "id": "vehicle_coding"});
    let outcome = bench.run("configuration.read", params).await;
    assert_eq!(outcome.only()["data"]["region"], "EU");
    let params = json!({"entity": COMPUTER, "id": "startup_screen"});
    let outcome = bench.run("configuration.read", params).await;
    assert_eq!(
        outcome.only(),
        json!({"id": "startup_screen", "content_type": "application/octet-stream", "size": 9,
            "blob": "ZmxlZXR3aXJl"})
    );
}

#[tokio::test]
async fn configurations_are_written_as_json_or_as_bytes() {
    let bench = Bench::full().await;
    let value = json!({"region": "US", "left_hand_drive": true, "seats": 4});
    let params = json!({"entity": COMPUTER, "id": "vehicle_coding", "value": value});
    let outcome = bench.run("configuration.write", params).await;
    assert_eq!(outcome.only()["data"], value);
    assert_eq!(bench.counts(&outcome).await.executions, 1);
    let params = json!({"entity": COMPUTER, "id": "startup_screen", "blob": "AAEC"});
    let outcome = bench.run("configuration.write", params).await;
    assert_eq!(outcome.only(), json!({"confirmed": true}));
    let params = json!({"entity": COMPUTER, "id": "startup_screen"});
    assert_eq!(bench.run("configuration.read", params).await.only()["blob"], "AAEC");
}

#[tokio::test]
async fn a_configuration_that_makes_no_sense_is_refused_before_anything_is_sent() {
    let server = Server::start(&[]);
    for params in [
        json!({"blob": "AAEC", "signature": "x"}),
        json!({"blob": "A"}),
        json!({"blob": "AAEC", "content_type": "a\nb"}),
        json!({}),
    ] {
        let mut params = params;
        params["entity"] = json!("components/rich");
        params["id"] = json!("c");
        let order = order(&server.address(), "configuration.write", params);
        run(&connector(1000), order).await.refused(Refusal::Precondition);
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_configuration_that_there_is_only_as_bytes_is_read_as_such() {
    let place = "GET /v1/components/rich/configurations/c";
    let server = Server::start(&[
        ("GET /v1/components/rich/configurations", 200, r#"{"items":[{"id":"c"}]}"#),
        (place, 406, ""),
        (place, 200, "abc"),
    ]);
    let params = json!({"entity": "components/rich", "id": "c"});
    let outcome =
        run(&connector(1000), order(&server.address(), "configuration.read", params)).await;
    assert_eq!(outcome.only(), json!({"id": "c", "content_type": null, "size": 3, "blob": "YWJj"}));
}

#[tokio::test]
async fn triggers_are_listed_and_deleted() {
    let bench = Bench::full().await;
    let outcome = bench.run("trigger.list", json!({"entity": ENGINE})).await;
    assert_eq!(outcome.only(), json!({"items": []}));
    let outcome = bench.run("trigger.delete", json!({"entity": ENGINE, "id": "x"})).await;
    assert_eq!(outcome.refused(Refusal::Unsupported), "no trigger x; this entity has none");
}

#[tokio::test]
async fn a_trigger_of_another_is_deleted_once() {
    let delete = "DELETE /v1/components/rich/triggers/t";
    let server = Server::start(&[
        ("GET /v1/components/rich/triggers", 200, r#"{"items":[{"id":"t"}]}"#),
        (delete, 204, ""),
    ]);
    let params = json!({"entity": "components/rich", "id": "t"});
    let outcome = run(&connector(1000), order(&server.address(), "trigger.delete", params)).await;
    assert_eq!(outcome.only(), json!({"confirmed": true}));
    assert_eq!(server.count(delete), 1);
}

#[tokio::test]
async fn values_are_watched_at_the_pace_of_the_vehicle() {
    let bench = Bench::full().await;
    let params = json!({"entity": ENGINE, "ids": ["engine_speed", "vin"], "interval": "fast",
        "duration": 2});
    let outcome = bench.run("data.watch", params).await;
    assert_eq!(outcome.end, End::Answered);
    let payloads = outcome.payloads();
    assert_eq!(payloads[0]["mode"], "subscription");
    let of = |id: &str| payloads.iter().filter(|part| part["id"] == id).count();
    assert!(of("engine_speed") >= 10 && of("vin") >= 10, "{payloads:?}");
    let last = payloads.last().unwrap();
    assert_eq!((&last["ended"], &last["gaps"]), (&json!("duration"), &json!(0)));
    let left = bench.ask(&format!("{ENGINE}/cyclic-subscriptions")).await;
    assert_eq!(left, json!({"items": []}));
    // Two subscriptions, and clearing up is not counted.
    assert_eq!(bench.counts(&outcome).await.executions, 2);
}

#[tokio::test]
async fn faults_are_watched_by_a_trigger() {
    let bench = Bench::full().await;
    let order = bench.order("faults.watch", json!({"entity": ENGINE, "duration": 3}));
    let (sender, mut receiver) = mpsc::channel::<Part>(4);
    let stop = CancellationToken::new();
    let clear = async {
        let begun = payload(receiver.recv().await);
        assert_eq!(begun["mode"], "trigger");
        while payload(receiver.recv().await)["id"] != "P0171" {}
        bench.run("faults.clear", json!({"entity": ENGINE, "code": "P0171"})).await;
        loop {
            let change = payload(receiver.recv().await);
            if change["id"] == "P0171" {
                stop.cancel();
                return change;
            }
        }
    };
    let execution = Box::pin(bench.sovd.execute(order, sender, stop.clone()));
    let (end, change) = tokio::join!(execution, clear);
    assert_eq!((end, &change["change"]), (End::Stopped, &json!("healed")));
    assert_eq!(bench.ask(&format!("{ENGINE}/triggers")).await, json!({"items": []}));
}

#[tokio::test]
async fn what_is_logged_is_configured_and_read_back() {
    let bench = Bench::full().await;
    let context = json!({"type": "RFC5424", "host": "hpc", "process": "netd"});
    let items = json!([{"context": context, "severity": "error"}]);
    let params = json!({"entity": COMPUTER, "items": items});
    let outcome = bench.run("logs.config", params).await;
    assert_eq!(outcome.only(), bench.ask(&format!("{COMPUTER}/logs/config")).await);
    assert_eq!(bench.counts(&outcome).await.executions, 1);
    let outcome = bench.run("logs.config", json!({"entity": COMPUTER})).await;
    assert_eq!(outcome.only(), bench.ask(&format!("{COMPUTER}/logs/config")).await);
    let outcome = bench.run("logs.read", json!({"entity": COMPUTER})).await;
    assert!(outcome.only()["items"].as_array().is_some_and(|items| !items.is_empty()));
}

#[tokio::test]
async fn what_is_to_be_logged_reaches_the_vehicle_as_it_was_written() {
    let put = "PUT /v1/components/rich/logs/config";
    let server = Server::start(&[
        ("GET /v1/components/rich/logs", 404, ""),
        (put, 204, ""),
        ("GET /v1/components/rich/logs/config", 500, ""),
    ]);
    let items = json!([{"context": {"type": "RFC5424", "process": "ota"}, "severity": "debug",
        "x-depth": 3}]);
    let params = json!({"entity": "components/rich", "items": items});
    let outcome = run(&connector(1000), order(&server.address(), "logs.config", params)).await;
    assert_eq!(outcome.only()["confirmed"], true);
    let sent = server.seen().into_iter().find(|request| request.line == put).unwrap();
    let sent: Value = serde_json::from_str(&sent.body).unwrap();
    assert_eq!(sent, json!({ "items": items }));
}

#[tokio::test]
async fn communication_is_recorded_for_a_while_and_fetched() {
    let bench = Bench::full().await;
    let params = json!({"entity": COMPUTER, "config": {"bus": "can0"}, "duration": 1});
    let outcome = bench.run("commlog.start", params).await;
    assert_eq!(outcome.end, End::Answered);
    let payloads = outcome.payloads();
    assert_eq!(payloads[1]["ended"], "duration");
    assert_eq!(payloads[1]["recording"]["status"], "inactive");
    let id = &payloads[0]["id"];
    let outcome = bench.run("commlog.stop", json!({"entity": COMPUTER, "id": id})).await;
    outcome.refused(Refusal::Precondition);
    let order = bench.order("commlog.fetch", json!({"entity": COMPUTER, "id": id}));
    let (sender, mut receiver) = mpsc::channel::<Part>(1);
    let stop = CancellationToken::new();
    let take = async {
        let begun = payload(receiver.recv().await);
        let piece = payload(receiver.recv().await);
        stop.cancel();
        (begun, piece)
    };
    let execution = Box::pin(bench.sovd.execute(order, sender, stop.clone()));
    let (end, (begun, piece)) = tokio::join!(execution, take);
    assert_eq!((end, &begun["size"]), (End::Stopped, &json!(50_000_000)));
    assert_eq!((&piece["offset"], &piece["size"]), (&json!(0), &json!(262_144)));
}

#[tokio::test]
async fn a_recording_that_does_not_begin_is_taken_away() {
    let create = "POST /v1/components/rich/communication-logs";
    let place = "/v1/components/rich/communication-logs/r";
    let refused = r#"{"error_code":"sovd-server-failure","message":"disk"}"#;
    let server = Server::start(&[
        (create, 201, r#"{"id":"r","status":"inactive"}"#),
        ("PUT /v1/components/rich/communication-logs/r", 500, refused),
        ("DELETE /v1/components/rich/communication-logs/r?delete_log=true", 204, ""),
    ]);
    let params = json!({"entity": "components/rich", "config": {}, "duration": 60});
    let sovd = connector(1000);
    let outcome = run(&sovd, order(&server.address(), "commlog.start", params)).await;
    outcome.vehicle_error();
    sovd.settle().await;
    assert_eq!(server.count(&format!("DELETE {place}?delete_log=true")), 1);
}
