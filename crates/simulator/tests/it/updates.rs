//! Updates: packages, phases, one at a time.
//!
//! The pace of the phases is tested where time is an argument.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::garage::{Garage, answer, eventually};

const UPDATES: &str = "/sovd/v1/updates";
const HPC: &str = "/sovd/v1/updates/hpc_2.1";

async fn begin(garage: &Garage, path: &str) -> (StatusCode, Option<String>) {
    let answer = answer(garage.request(Method::PUT, path)).await;
    (answer.status, answer.body["error_code"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn packages_are_listed_by_origin_and_shown() {
    let garage = Garage::full().await;
    assert_eq!(
        garage.get(UPDATES).await.body["items"],
        json!(["autonomous", "hpc_2.1", "abs_5.9"])
    );
    let near = garage.get(&format!("{UPDATES}?origin=proximity")).await.body;
    assert_eq!(near["items"], json!(["abs_5.9"]));
    let shown = garage.get(HPC).await.body;
    assert_eq!((&shown["size"], &shown["automated"]), (&json!(412_000), &json!(true)));
}

#[tokio::test]
async fn an_update_is_prepared_then_executed() {
    let garage = Garage::full().await;
    let execute = format!("{HPC}/execute");
    assert_eq!(begin(&garage, &execute).await.0, StatusCode::CONFLICT);
    let prepared = answer(garage.request(Method::PUT, &format!("{HPC}/prepare"))).await;
    assert_eq!(prepared.status, StatusCode::ACCEPTED);
    assert_eq!(prepared.location, Some(format!("{HPC}/status")));
    let status = garage.get(&format!("{HPC}/status")).await.body;
    assert_eq!((&status["phase"], &status["status"]), (&json!("prepare"), &json!("inProgress")));
    eventually(async || begin(&garage, &execute).await.0 == StatusCode::ACCEPTED).await;
    let status = garage.get(&format!("{HPC}/status")).await.body;
    assert_eq!((&status["phase"], &status["step"]), (&json!("execute"), &json!("install")));
}

#[tokio::test]
async fn two_updates_do_not_run_together() {
    let garage = Garage::full().await;
    begin(&garage, &format!("{HPC}/automated")).await;
    let word = Some("update-preparation-in-progress".to_owned());
    let other = begin(&garage, &format!("{UPDATES}/abs_5.9/prepare")).await;
    assert_eq!(other, (StatusCode::CONFLICT, word));
    assert_eq!(garage.delete(HPC).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn not_every_package_goes_by_itself() {
    let garage = Garage::full().await;
    let word = Some("update-automated-not-supported".to_owned());
    let refused = begin(&garage, &format!("{UPDATES}/abs_5.9/automated")).await;
    assert_eq!(refused, (StatusCode::CONFLICT, word));
    let autonomous = garage.delete(&format!("{UPDATES}/autonomous")).await;
    assert_eq!(autonomous.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_package_is_registered_and_taken_away() {
    let garage = Garage::full().await;
    let body = json!({"id": "tcm_7", "update_name": "Transmission 7", "size": 12});
    let registered = garage.post(UPDATES, body.clone()).await;
    assert_eq!(registered.status, StatusCode::CREATED);
    assert_eq!(garage.post(UPDATES, body).await.status, StatusCode::CONFLICT);
    let location = registered.location.unwrap();
    assert_eq!(garage.get(&location).await.body["update_name"], "Transmission 7");
    assert_eq!(garage.delete(&location).await.status, StatusCode::NO_CONTENT);
    assert_eq!(garage.get(&location).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_vehicle_of_classic_control_units_has_no_updates() {
    let garage = Garage::open().await;
    assert_eq!(garage.get(UPDATES).await.status, StatusCode::NOT_FOUND);
}
