//! Scripts: bringing, running, ending.
//!
//! What a script does is nobody's business here.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::garage::{Garage, answer, eventually};

const SCRIPTS: &str = "/sovd/v1/components/hpc/scripts";

async fn brought(garage: &Garage) -> String {
    let request = garage.request(Method::POST, SCRIPTS).body("print 1");
    answer(request).await.location.unwrap()
}

async fn started(garage: &Garage, script: &str, execution_type: &str) -> String {
    let body = json!({"execution_type": execution_type});
    garage.post(&format!("{script}/executions"), body).await.location.unwrap()
}

async fn status(garage: &Garage, execution: &str) -> Value {
    garage.get(execution).await.body["status"].clone()
}

#[tokio::test]
async fn a_script_runs_to_its_end() {
    let garage = Garage::full().await;
    let script = brought(&garage).await;
    let execution = started(&garage, &script, "now").await;
    assert_eq!(status(&garage, &execution).await, "running");
    assert_eq!(garage.delete(&script).await.status, StatusCode::CONFLICT);
    eventually(async || status(&garage, &execution).await == "completed").await;
    assert_eq!(garage.get(&execution).await.body["result"], json!({"exit_code": 0}));
    assert_eq!(garage.delete(&script).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_script_is_terminated() {
    let garage = Garage::full().await;
    let script = brought(&garage).await;
    let execution = started(&garage, &script, "now").await;
    garage.put(&execution, json!({"action": "stop"})).await;
    assert_eq!(status(&garage, &execution).await, "terminated");
    assert_eq!(garage.delete(&execution).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_prepared_script_waits_for_the_restart() {
    let garage = Garage::full().await;
    let script = brought(&garage).await;
    let execution = started(&garage, &script, "on_restart").await;
    assert_eq!(status(&garage, &execution).await, "prepared");
    answer(garage.request(Method::PUT, "/sovd/v1/components/hpc/status/restart")).await;
    eventually(async || status(&garage, &execution).await == "completed").await;
}

#[tokio::test]
async fn an_empty_script_is_refused() {
    let garage = Garage::full().await;
    let empty = answer(garage.request(Method::POST, SCRIPTS)).await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
}
