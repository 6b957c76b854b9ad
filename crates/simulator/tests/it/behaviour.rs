//! Counting, delay and faults of single answers.
//!
//! Streamed answers and unreachable vehicles have tests of their own.

use std::pin::pin;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::garage::{Garage, answer, eventually};

const FAULTS: &str = "/sovd/v1/components/engine_ecu/faults";
const SELF_TEST: &str = "/sovd/v1/components/engine_ecu/operations/self_test/executions";
const LONG_MS: u64 = 600_000;

async fn is_clear(garage: &Garage) -> bool {
    garage.codes("engine_ecu/faults").await.is_empty()
}

#[tokio::test]
async fn reads_and_changes_are_counted_apart() {
    let garage = Garage::open().await;
    answer(garage.command("a", Method::GET, FAULTS)).await;
    answer(garage.command("a", Method::DELETE, FAULTS)).await;
    answer(garage.command("a", Method::GET, FAULTS)).await;
    answer(garage.command("b", Method::POST, SELF_TEST)).await;
    answer(garage.command("b", Method::PUT, "/nowhere")).await;
    let expected = json!({
        "a": {"executions": 1, "reads": 2},
        "b": {"executions": 2, "reads": 0},
    });
    assert_eq!(garage.counts().await, expected);
}

#[tokio::test]
async fn probes_are_neither_counted_nor_spoilt() {
    let garage = Garage::open().await;
    garage.set(json!({"delay_ms": LONG_MS, "fault": "malformed"})).await;
    assert_eq!(garage.codes("engine_ecu/faults").await, ["P0420", "P0171"]);
    assert_eq!(garage.counts().await, json!({}));
}

#[tokio::test]
async fn only_the_first_request_of_a_command_waits() {
    let garage = Garage::open().await;
    garage.set(json!({"delay_ms": [LONG_MS, LONG_MS]})).await;
    let first = answer(garage.command("a", Method::GET, FAULTS));
    let second = async {
        eventually(async || garage.counts().await["a"]["reads"] == 1).await;
        answer(garage.command("a", Method::GET, FAULTS)).await
    };
    tokio::select! {
        early = first => panic!("the first was answered at once: {early:?}"),
        second = second => assert_eq!(second.status, StatusCode::OK),
    }
}

#[tokio::test]
async fn a_delayed_change_happens_even_if_its_client_has_left() {
    let garage = Garage::open().await;
    garage.set(json!({"delay_ms": 400})).await;
    {
        let request = pin!(answer(garage.command("a", Method::DELETE, FAULTS)));
        let counted = eventually(async || garage.counts().await["a"]["executions"] == 1);
        tokio::select! {
            early = request => panic!("not delayed: {early:?}"),
            () = counted => {}
        }
    }
    eventually(async || is_clear(&garage).await).await;
}

#[tokio::test]
async fn timeout_acts_but_never_answers() {
    let garage = Garage::open().await;
    garage.set(json!({"delay_ms": 0, "fault": "timeout"})).await;
    let mut request = pin!(answer(garage.command("a", Method::DELETE, FAULTS)));
    tokio::select! {
        early = &mut request => panic!("answered: {early:?}"),
        () = eventually(async || is_clear(&garage).await) => {}
    }
    assert!(tokio::time::timeout(Duration::from_millis(200), request).await.is_err());
    assert_eq!(garage.counts().await["a"]["executions"], 1);
}

#[tokio::test]
async fn malformed_is_a_success_that_does_not_parse() {
    let garage = Garage::open().await;
    garage.set(json!({"delay_ms": 0, "fault": "malformed"})).await;
    let response = garage.command("a", Method::GET, FAULTS).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(serde_json::from_slice::<Value>(&response.bytes().await.unwrap()).is_err());
}

#[tokio::test]
async fn truncated_announces_more_than_it_sends() {
    let garage = Garage::open().await;
    garage.set(json!({"delay_ms": 0, "fault": "truncated"})).await;
    for method in [Method::GET, Method::DELETE] {
        let mut response = garage.command("a", method, FAULTS).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let announced = response.content_length().unwrap();
        let sent = response.chunk().await.unwrap().unwrap();
        assert!((sent.len() as u64) < announced);
        assert!(response.chunk().await.is_err());
    }
    assert!(is_clear(&garage).await);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let garage = Garage::open().await;
    let request = garage.command("a", Method::POST, SELF_TEST).body(vec![b' '; 1024 * 1024 + 1]);
    assert_eq!(answer(request).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(garage.counts().await, json!({}));
}
