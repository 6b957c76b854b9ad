//! Whether an entity is up, and what happens to it when it is not.
//!
//! Whole vehicles out of reach have tests of their own.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::garage::{Garage, answer, eventually};

const ENGINE: &str = "/sovd/v1/components/engine_ecu";

async fn turn(garage: &Garage, turn: &str) -> StatusCode {
    answer(garage.request(Method::PUT, &format!("{ENGINE}/status/{turn}"))).await.status
}

#[tokio::test]
async fn a_restarting_unit_does_not_answer_for_a_moment_and_forgets_its_modes() {
    let garage = Garage::open().await;
    garage.put(&format!("{ENGINE}/modes/session"), json!({"value": "extended"})).await;
    assert_eq!(turn(&garage, "restart").await, StatusCode::ACCEPTED);
    let down = garage.get(&format!("{ENGINE}/data/vin")).await;
    assert_eq!(
        (down.status, &down.body["error_code"]),
        (StatusCode::GATEWAY_TIMEOUT, &json!("not-responding"))
    );
    assert_eq!(garage.get(&format!("{ENGINE}/status")).await.body["status"], "notReady");
    assert_eq!(garage.get(ENGINE).await.body["variant"]["state"], "Offline");
    assert_eq!(turn(&garage, "restart").await, StatusCode::CONFLICT);
    eventually(async || garage.get(&format!("{ENGINE}/data/vin")).await.status == StatusCode::OK)
        .await;
    assert_eq!(garage.get(&format!("{ENGINE}/modes/session")).await.body["value"], "default");
}

#[tokio::test]
async fn a_unit_that_is_shut_down_offers_to_be_started() {
    let garage = Garage::open().await;
    assert_eq!(turn(&garage, "shutdown").await, StatusCode::ACCEPTED);
    let status = garage.get(&format!("{ENGINE}/status")).await.body;
    assert_eq!(status, json!({"status": "notReady", "start": format!("{ENGINE}/status/start")}));
    assert_eq!(turn(&garage, "restart").await, StatusCode::CONFLICT);
    assert_eq!(turn(&garage, "start").await, StatusCode::ACCEPTED);
    eventually(async || garage.get(&format!("{ENGINE}/status")).await.body["status"] == "ready")
        .await;
}
