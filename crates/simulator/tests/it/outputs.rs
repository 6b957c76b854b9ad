//! Routines that take their time, control of outputs, proof of proximity.
//!
//! The operations of classic control units have tests of their own.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::garage::{Garage, eventually};

const HPC: &str = "/sovd/v1/components/hpc";
const CALIBRATION: &str = "/sovd/v1/components/hpc/operations/calibration/executions";
const FAN: &str = "/sovd/v1/components/hpc/operations/fan_control/executions";
const RESET: &str = "/sovd/v1/components/hpc/operations/immobilizer_reset";

async fn calibrate(garage: &Garage, body: Value) -> String {
    garage.post(CALIBRATION, body).await.location.unwrap()
}

async fn has_status(garage: &Garage, location: &str, status: &str) -> bool {
    garage.get(location).await.body["status"] == status
}

async fn adjust(garage: &Garage) -> String {
    garage.put(&format!("{HPC}/modes/session"), json!({"value": "extended"})).await;
    garage.post(FAN, json!({"parameters": {"value": 80}})).await.location.unwrap()
}

#[tokio::test]
async fn a_routine_goes_through_steps_and_can_be_stopped_in_the_middle() {
    let garage = Garage::full().await;
    let location = calibrate(&garage, json!({"parameters": {"duration_ms": 600_000}})).await;
    let running = garage.get(&location).await.body;
    assert_eq!(running["parameters"], json!({"progress": 0, "step": "heat up"}));
    let stopped = garage.put(&location, json!({"capability": "stop"})).await;
    assert_eq!(stopped.status, StatusCode::ACCEPTED);
    assert!(has_status(&garage, &location, "completed").await);
}

#[tokio::test]
async fn a_routine_that_fails_says_why() {
    let garage = Garage::full().await;
    let body = json!({"parameters": {"duration_ms": 1, "fails": true}});
    let location = calibrate(&garage, body).await;
    eventually(async || has_status(&garage, &location, "failed").await).await;
    let error = &garage.get(&location).await.body["error"][0];
    assert_eq!(
        (&error["path"], &error["error"]["error_code"]),
        (&json!("/"), &json!("error-response"))
    );
}

#[tokio::test]
async fn a_routine_stops_by_itself_when_its_time_is_over() {
    let garage = Garage::full().await;
    let location = calibrate(&garage, json!({"timeout": 1})).await;
    eventually(async || has_status(&garage, &location, "failed").await).await;
    let refused = garage.post(CALIBRATION, json!({"timeout": 0})).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn routines_run_beside_each_other_but_not_beside_themselves() {
    let garage = Garage::full().await;
    calibrate(&garage, json!({})).await;
    assert_eq!(garage.post(CALIBRATION, json!({})).await.status, StatusCode::CONFLICT);
    adjust(&garage).await;
    assert_eq!(garage.get(CALIBRATION).await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_output_is_controlled_in_an_extended_session_only() {
    let garage = Garage::full().await;
    let refused = garage.post(FAN, json!({"parameters": {"value": 80}})).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let operation = garage.get(&format!("{HPC}/operations/fan_control")).await.body;
    assert_eq!(operation["modes"], json!({"session": ["extended"]}));
    let location = adjust(&garage).await;
    let held = garage.get(&location).await.body;
    assert_eq!(held["parameters"], json!({"control": "tester", "value": 80}));
}

#[tokio::test]
async fn an_output_is_adjusted_held_and_given_back() {
    let garage = Garage::full().await;
    let location = adjust(&garage).await;
    let value = async |capability: &str, parameters: Value| {
        garage.put(&location, json!({"capability": capability, "parameters": parameters})).await;
        garage.get(&location).await.body["parameters"].clone()
    };
    let adjusted = value("execute", json!({"value": 30})).await;
    assert_eq!(adjusted, json!({"control": "tester", "value": 30}));
    assert_eq!(value("freeze", json!({})).await["value"], 30);
    assert_eq!(value("reset", json!({})).await["value"], 20);
    assert_eq!(value("stop", json!({})).await["control"], "ecu");
    assert!(has_status(&garage, &location, "completed").await);
}

#[tokio::test]
async fn deleting_an_execution_gives_the_output_back() {
    let garage = Garage::full().await;
    let location = adjust(&garage).await;
    assert_eq!(garage.delete(&location).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        garage.post(FAN, json!({"parameters": {"value": 10}})).await.status,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn proximity_is_proved_by_answering_a_challenge_once() {
    let garage = Garage::full().await;
    let executions = format!("{RESET}/executions");
    assert_eq!(garage.post(&executions, json!({})).await.status, StatusCode::FORBIDDEN);
    let operation = garage.get(RESET).await.body;
    assert_eq!(operation["item"]["proximity_proof_required"], true);
    let challenge = operation["proximity_challenge"]["challenge"].as_str().unwrap();
    let answer: String = challenge.chars().rev().collect();
    let body = json!({"proximity_response": answer});
    let first = garage.post(&executions, body.clone()).await;
    assert_eq!(
        (first.status, first.body),
        (StatusCode::OK, json!({"parameters": {"result": "reset"}}))
    );
    assert_eq!(garage.post(&executions, body).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_execution_is_found_below_its_own_operation_only() {
    let garage = Garage::full().await;
    let location = calibrate(&garage, json!({})).await;
    let id = location.rsplit('/').next().unwrap();
    let elsewhere = garage.by("a", Method::GET, &format!("{FAN}/{id}"), json!({})).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
}
