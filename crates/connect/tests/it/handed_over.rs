//! What commands hand over to a vehicle: content, keys, and requests in its own language.
//! A key must show nowhere but at the vehicle.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fleetwire_connect::{End, Sovd};
use model::command::Refusal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bench::{Bench, Counts, Outcome, connector, order, run};
use crate::odd::{Reply, Server, plain};

const COMPUTER: &str = "components/hpc";
const ENGINE: &str = "components/engine_ecu";

/// Answers a seed as the simulated control units want it: by its complement.
const COMPLEMENT: &str = r#"#!/bin/sh
read -r line
seed=${line##*\"seed\":\"}
printf '%08X\n' $((0xFFFFFFFF ^ 0x${seed%%\"*}))
"#;

/// A directory of key sources, each with its content and its mode.
fn sources(each: &[(&str, &str, u32)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, content, mode) in each {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
    }
    directory
}

fn keyed(directory: &Path) -> Sovd {
    connector(1 << 20).with_key_sources(directory)
}

fn wish(source: &str) -> Value {
    json!({"entity": ENGINE, "level": "Level_1", "key_source": source})
}

async fn extend(bench: &Bench) {
    let session = json!({"entity": ENGINE, "id": "session", "value": "extended"});
    assert_eq!(bench.run("mode.set", session).await.end, End::Answered);
}

#[tokio::test]
async fn a_control_unit_is_unlocked_by_the_key_of_a_program() {
    let bench = Bench::full().await;
    let keys = sources(&[("workshop", COMPLEMENT, 0o700)]);
    extend(&bench).await;
    let unlock = bench.order("security.unlock", wish("workshop"));
    let outcome = run(&keyed(keys.path()), unlock).await;
    assert_eq!(outcome.only(), json!({"id": "security", "value": "Level_1"}));
    assert_eq!(bench.ask(&format!("{ENGINE}/modes/security")).await["value"], "Level_1");
    // For the seed, and for the key.
    assert_eq!(bench.counts(&outcome).await, Counts { executions: 2, reads: 0 });
}

#[tokio::test]
async fn what_the_control_unit_refuses_is_its_failure() {
    let bench = Bench::full().await;
    let keys = sources(&[("wrong", "12345678", 0o600), ("right", COMPLEMENT, 0o700)]);
    let outcome = run(&keyed(keys.path()), bench.order("security.unlock", wish("right"))).await;
    assert!(outcome.vehicle_error().contains("NRC 0x7F"), "in the session that it is in");
    extend(&bench).await;
    let outcome = run(&keyed(keys.path()), bench.order("security.unlock", wish("wrong"))).await;
    let words = outcome.vehicle_error();
    assert!(words.contains("NRC 0x35 invalidKey") && !words.contains("12345678"), "{words}");
}

#[tokio::test]
async fn without_a_key_nothing_is_unlocked_and_the_reason_is_said() {
    let bench = Bench::full().await;
    extend(&bench).await;
    let keys = sources(&[
        ("open", "12345678", 0o644),
        ("replaceable", COMPLEMENT, 0o722),
        ("failing", "#!/bin/sh\necho 12345678\nexit 1\n", 0o700),
        ("silent", "#!/bin/sh\n", 0o700),
    ]);
    for (source, reason) in [
        ("open", "open to others"),
        ("replaceable", "open to others"),
        ("failing", "gave no key"),
        ("silent", "gave no key"),
        ("missing", "no key source missing"),
        ("../open", "no key source ../open"),
    ] {
        let outcome = run(&keyed(keys.path()), bench.order("security.unlock", wish(source))).await;
        let words = outcome.refused(Refusal::Precondition);
        assert!(words.contains(reason) && !words.contains("12345678"), "{source}: {words}");
    }
    let outcome = bench.run("security.unlock", wish("open")).await;
    assert!(outcome.refused(Refusal::Precondition).contains("vehicles.key_sources"));
    assert_eq!(bench.ask(&format!("{ENGINE}/modes/security")).await["value"], "Locked");
}

#[tokio::test]
async fn a_seed_that_is_a_text_is_answered_by_a_text() {
    let server = Server::beside(|request| {
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        Some(Reply::Answer(match request.line.as_str() {
            "GET /v1/components/ecu/modes/security" => plain(200, r#"{"value":"locked"}"#),
            "PUT /v1/components/ecu/modes/security" if body["value"] == "level1_RequestSeed" => {
                plain(200, r#"{"id":"security","seed":"aabbccdd"}"#)
            }
            // As one server does that must not: what it says is not handed on.
            "PUT /v1/components/ecu/modes/security" => plain(200, &request.body),
            _ => return None,
        }))
    });
    let keys = sources(&[("static", "55443322\n", 0o600)]);
    let params = json!({"entity": "components/ecu", "level": "level1", "key_source": "static",
        "expiration": 60});
    let unlock = order(&server.address(), "security.unlock", params);
    let outcome = run(&keyed(keys.path()), unlock).await;
    assert_eq!(outcome.only(), json!({"id": "security", "value": "level1"}));
    let sent: Value = serde_json::from_str(&server.seen().last().unwrap().body).unwrap();
    assert_eq!(sent, json!({"value": "level1", "key": "55443322", "mode_expiration": 60}));
}

#[tokio::test]
async fn a_seed_that_does_not_come_leaves_no_doubt() {
    let busy = r#"{"error_code":"not-responding","message":"no seed"}"#;
    let keys = sources(&[("static", "55443322\n", 0o600)]);
    for (status, words) in [(503, "no seed (not-responding)"), (0, "the connection was lost")] {
        let server = Server::beside(move |request| {
            Some(Reply::Answer(match request.line.as_str() {
                "GET /v1/components/ecu/modes/security" => plain(200, r#"{"value":"locked"}"#),
                "PUT /v1/components/ecu/modes/security" => plain(status, busy),
                _ => return None,
            }))
        });
        let params = json!({"entity": "components/ecu", "level": "a", "key_source": "static"});
        let unlock = order(&server.address(), "security.unlock", params);
        let outcome = run(&keyed(keys.path()), unlock).await;
        assert!(outcome.vehicle_error().contains(words), "{outcome:?}");
        assert_eq!(server.count("PUT /v1/components/ecu/modes/security"), 1);
    }
}

#[tokio::test]
async fn bulk_data_is_uploaded_once() {
    let bench = Bench::full().await;
    let params = json!({"entity": COMPUTER, "category": "maps", "blob": "AAEC", "name": "a.map"});
    let outcome = bench.run("bulk.upload", params).await;
    let brought = outcome.only();
    assert_eq!((&brought["size"], bench.counts(&outcome).await.executions), (&json!(3), 1));
    let items = bench.ask(&format!("{COMPUTER}/bulk-data/maps")).await;
    let item = items["items"].as_array().unwrap().iter().find(|item| item["id"] == brought["id"]);
    assert_eq!(item.unwrap()["hash"], brought["sha256"]);
}

#[tokio::test]
async fn a_script_is_uploaded_and_can_be_run() {
    let bench = Bench::full().await;
    let params = json!({"entity": COMPUTER, "blob": "c3RlcCAxCg==", "content_type": "text/plain"});
    let outcome = bench.run("script.upload", params).await;
    let id = outcome.only()["id"].clone();
    assert_eq!(bench.counts(&outcome).await.executions, 1);
    let outcome = bench.run("script.run", json!({"entity": COMPUTER, "id": id})).await;
    assert_eq!(outcome.payloads().last().unwrap()["status"], "completed");
}

#[tokio::test]
async fn content_that_is_no_base64_is_not_sent() {
    let bench = Bench::full().await;
    for name in ["bulk.upload", "script.upload"] {
        let mut params = json!({"entity": COMPUTER, "blob": "A"});
        if name == "bulk.upload" {
            params["category"] = json!("maps");
        }
        let outcome = bench.run(name, params).await;
        assert_eq!(outcome.refused(Refusal::Precondition), "blob is no base64");
        assert_eq!(bench.counts(&outcome).await, Counts { executions: 0, reads: 0 });
    }
}

/// What an adapter makes of a request that it passes on.
async fn passed_on(request: &str, answer: &'static str) -> (Outcome, Server) {
    let server = Server::beside(move |request| {
        let is_it = request.line == "PUT /v1/components/ecu/genericservice";
        is_it.then(|| Reply::Answer(plain(200, answer)))
    });
    let params = json!({"entity": "components/ecu", "request": request});
    let outcome = run(&connector(1 << 20), order(&server.address(), "uds.raw", params)).await;
    (outcome, server)
}

#[tokio::test]
async fn a_request_in_the_control_units_language_is_passed_on() {
    let (outcome, server) = passed_on("3E00", "\u{7e}\u{0}").await;
    assert_eq!(outcome.only(), json!({"request": "3E00", "response": "7e00", "positive": true}));
    let sent = server.seen().pop().unwrap();
    assert_eq!(sent.body, "\u{3e}\u{0}");
    for header in ["content-type", "accept"] {
        let line = format!("{header}: application/octet-stream\r\n");
        assert!(sent.head.contains(&line), "{}", sent.head);
    }
}

#[tokio::test]
async fn a_negative_response_is_an_answer_with_its_name() {
    let (outcome, _) = passed_on("1003", "\u{7f}\u{10}\u{22}").await;
    let nrc = json!({"code": "0x22", "name": "conditionsNotCorrect"});
    let expected = json!({"request": "1003", "response": "7f1022", "positive": false, "nrc": nrc});
    assert_eq!(outcome.only(), expected);
}

#[tokio::test]
async fn a_server_that_passes_nothing_on_does_not_support_it() {
    let bench = Bench::full().await;
    let params = json!({"entity": ENGINE, "request": "22F190"});
    bench.run("uds.raw", params).await.refused(Refusal::Unsupported);
}
