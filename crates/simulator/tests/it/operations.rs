//! Operations: synchronous and asynchronous executions.
//!
//! Watches executions by polling, as any client must.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::garage::{Answer, Garage, answer, eventually};

const OPERATIONS: &str = "/sovd/v1/components/engine_ecu/operations";
const SELF_TEST: &str = "/sovd/v1/components/engine_ecu/operations/self_test/executions";
const SWEEP: &str = "/sovd/v1/components/engine_ecu/operations/actuator_sweep/executions";

async fn start(garage: &Garage) -> String {
    garage.post(SWEEP, json!({})).await.location.unwrap()
}

async fn is_completed(garage: &Garage, location: &str) -> bool {
    garage.get(location).await.body["status"] == "completed"
}

fn refused(answer: &Answer, status: StatusCode) -> bool {
    answer.status == status && answer.body["error_code"].is_string()
}

#[tokio::test]
async fn operations_say_whether_they_are_asynchronous() {
    let garage = Garage::open().await;
    let expected = json!({"items": [
        {"id": "self_test", "name": "Self-test",
         "proximity_proof_required": false, "asynchronous_execution": false},
        {"id": "actuator_sweep", "name": "Actuator sweep",
         "proximity_proof_required": false, "asynchronous_execution": true},
    ]});
    assert_eq!(garage.get(OPERATIONS).await.body, expected);
    let one = garage.get(&format!("{OPERATIONS}/self_test?include-schema=true")).await.body;
    assert_eq!(one["item"], expected["items"][0]);
    assert_eq!(one["schema"]["properties"]["depth"]["enum"], json!(["quick", "full"]));
}

#[tokio::test]
async fn a_synchronous_operation_answers_with_its_result() {
    let garage = Garage::open().await;
    let answer = garage.post(SELF_TEST, json!({"parameters": {"depth": "quick"}})).await;
    let checks =
        [json!({"check": "memory", "passed": true}), json!({"check": "supply", "passed": true})];
    let expected = json!({"parameters": {"result": "passed", "checks": checks}});
    assert_eq!((answer.status, answer.body), (StatusCode::OK, expected));
    assert_eq!(garage.get(SELF_TEST).await.body, json!({"items": []}));
}

#[tokio::test]
async fn an_empty_body_starts_with_defaults() {
    let garage = Garage::open().await;
    assert_eq!(answer(garage.request(Method::POST, SELF_TEST)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn invalid_parameters_are_refused() {
    let garage = Garage::open().await;
    for parameters in [json!({"depth": "deep"}), json!({"width": 1}), json!("quick")] {
        let answer = garage.post(SELF_TEST, json!({"parameters": parameters})).await;
        assert!(refused(&answer, StatusCode::BAD_REQUEST), "{answer:?}");
    }
    let beyond = garage.post(SWEEP, json!({"parameters": {"to": 101}})).await;
    assert!(refused(&beyond, StatusCode::BAD_REQUEST));
    let broken = answer(garage.request(Method::POST, SELF_TEST).body("{")).await;
    assert!(refused(&broken, StatusCode::BAD_REQUEST));
}

#[tokio::test]
async fn an_asynchronous_operation_runs_to_its_end_and_stays_readable() {
    let garage = Garage::open().await;
    let started = garage.post(SWEEP, json!({"parameters": {"from": 20, "to": 80}})).await;
    let id = started.body["id"].as_str().unwrap().to_owned();
    assert_eq!(started.status, StatusCode::ACCEPTED);
    assert_eq!(started.body["status"], "running");
    let location = started.location.unwrap();
    assert_eq!(location, format!("{SWEEP}/{id}"));

    let running = garage.get(&location).await.body;
    assert_eq!(
        (&running["status"], &running["capability"]),
        (&json!("running"), &json!("execute"))
    );
    eventually(async || is_completed(&garage, &location).await).await;
    let expected = json!({
        "status": "completed",
        "capability": "execute",
        "parameters": {"progress": 100, "position": 80, "stopped": false},
    });
    assert_eq!(garage.get(&location).await.body, expected);
    assert_eq!(garage.get(SWEEP).await.body, json!({"items": [id]}));

    assert_eq!(garage.delete(&location).await.status, StatusCode::NO_CONTENT);
    assert_eq!(garage.get(&location).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn progress_moves_while_it_runs() {
    let garage = Garage::open().await;
    let location = start(&garage).await;
    eventually(async || {
        let body = garage.get(&location).await.body;
        body["parameters"]["progress"].as_u64().unwrap() > 0
    })
    .await;
}

#[tokio::test]
async fn only_one_sweep_runs_at_a_time() {
    let garage = Garage::open().await;
    let location = start(&garage).await;
    assert!(refused(&garage.post(SWEEP, json!({})).await, StatusCode::CONFLICT));
    garage.delete(&location).await;
    assert_eq!(garage.post(SWEEP, json!({})).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn stop_ends_a_sweep_and_keeps_it() {
    let garage = Garage::open().await;
    let location = start(&garage).await;
    let stopped = garage.put(&location, json!({"capability": "stop"})).await;
    assert_eq!(
        (stopped.status, &stopped.body["status"]),
        (StatusCode::ACCEPTED, &json!("completed"))
    );
    assert_eq!(stopped.location.as_deref(), Some(location.as_str()));
    let body = garage.get(&location).await.body;
    assert_eq!(body["capability"], "stop");
    assert_eq!(body["parameters"]["stopped"], true);
    let frozen = garage.put(&location, json!({"capability": "freeze"})).await;
    assert!(refused(&frozen, StatusCode::BAD_REQUEST));
}

#[tokio::test]
async fn finished_executions_are_kept_up_to_a_bound() {
    let garage = Garage::open().await;
    let first = start(&garage).await;
    garage.put(&first, json!({"capability": "stop"})).await;
    for _ in 0..32 {
        let location = start(&garage).await;
        garage.put(&location, json!({"capability": "stop"})).await;
    }
    assert_eq!(garage.get(SWEEP).await.body["items"].as_array().unwrap().len(), 32);
    assert_eq!(garage.get(&first).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_was_never_started_cannot_be_polled() {
    let garage = Garage::open().await;
    assert_eq!(garage.get(&format!("{SWEEP}/1")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(garage.delete(&format!("{SWEEP}/1")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(garage.get(&format!("{SELF_TEST}/1")).await.status, StatusCode::NOT_FOUND);
    let unknown = garage.post(&format!("{OPERATIONS}/fly/executions"), json!({})).await;
    assert!(refused(&unknown, StatusCode::NOT_FOUND));
}
