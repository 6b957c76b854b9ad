//! Data: lists, categories, values, writes.
//!
//! Says nothing about how exact a measured value is.

use reqwest::StatusCode;
use serde_json::json;

use crate::garage::{Garage, eventually, ids};

const DATA: &str = "/sovd/v1/components/engine_ecu/data";

#[tokio::test]
async fn items_carry_their_did_and_category() {
    let garage = Garage::open().await;
    let body = garage.get(DATA).await.body;
    let expected = json!({
        "id": "vin", "name": "Vehicle identification number",
        "category": "identData", "did": "F190",
    });
    assert_eq!(body["items"][0], expected);
    assert_eq!(ids(&body, "did"), ["F190", "F187", "F18C", "F195", "F40C", "F405", "F442", "0110"]);
}

#[tokio::test]
async fn categories_filter_under_both_names() {
    let garage = Garage::open().await;
    let live = ["engine_speed", "coolant_temperature", "battery_voltage"];
    for query in ["category=currentData", "categories=currentData"] {
        assert_eq!(ids(&garage.get(&format!("{DATA}?{query}")).await.body, "id"), live);
    }
    let both = garage.get(&format!("{DATA}?category=currentData&category=storedData")).await.body;
    assert_eq!(ids(&both, "id").len(), 4);
}

#[tokio::test]
async fn data_categories_lists_those_in_use() {
    let garage = Garage::open().await;
    let body = garage.get("/sovd/v1/components/abs_ecu/data-categories").await.body;
    assert_eq!(ids(&body, "item"), ["currentData", "identData"]);
}

#[tokio::test]
async fn identification_is_text() {
    let garage = Garage::open().await;
    let answer = garage.get(&format!("{DATA}/vin")).await;
    assert_eq!(answer.body, json!({"id": "vin", "data": garage.vehicle().vin}));
    let with_schema = garage.get(&format!("{DATA}/part_number?include-schema=true")).await.body;
    assert_eq!(with_schema["schema"], json!({"type": "string"}));
}

#[tokio::test]
async fn the_schema_carries_the_unit() {
    let garage = Garage::open().await;
    let body = garage.get(&format!("{DATA}/coolant_temperature?include-schema=true")).await.body;
    let unit =
        json!({"display_name": "°C", "factor_si_to_unit": 1.0, "offset_si_to_unit": -273.15});
    assert_eq!(body["schema"], json!({"type": "number", "x-sovd-unit": unit}));
    assert!((84.0..=96.0).contains(&body["data"].as_f64().unwrap()));
}

#[tokio::test]
async fn live_data_moves() {
    let garage = Garage::open().await;
    let speed = format!("{DATA}/engine_speed");
    let first = garage.get(&speed).await.body;
    eventually(async || garage.get(&speed).await.body != first).await;
}

#[tokio::test]
async fn a_written_setting_stays_written() {
    let garage = Garage::open().await;
    let item = format!("{DATA}/idle_speed_target");
    assert_eq!(garage.get(&item).await.body["data"], 780.0);
    assert_eq!(garage.put(&item, json!({"data": 850})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(garage.get(&item).await.body["data"], 850.0);
}

#[tokio::test]
async fn a_value_out_of_bounds_is_a_data_error() {
    let garage = Garage::open().await;
    for data in [json!({"data": 9000}), json!({"data": "fast"}), json!({"value": 800})] {
        let answer = garage.put(&format!("{DATA}/idle_speed_target"), data).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.body["path"], "/data");
        assert_eq!(answer.body["error"]["error_code"], "incomplete-request");
    }
}

#[tokio::test]
async fn what_cannot_be_written_or_read_says_so() {
    let garage = Garage::open().await;
    let vin = garage.put(&format!("{DATA}/vin"), json!({"data": "X"})).await;
    assert_eq!(vin.status, StatusCode::METHOD_NOT_ALLOWED);
    let nothing = garage.put(&format!("{DATA}/nothing"), json!({"data": 1})).await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    assert_eq!(garage.get(&format!("{DATA}/nothing")).await.status, StatusCode::NOT_FOUND);
    let maybe = garage.get(&format!("{DATA}/vin?include-schema=maybe")).await;
    assert_eq!(maybe.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn groups_hold_what_is_measured_alike() {
    let garage = Garage::open().await;
    let groups = garage.get("/sovd/v1/components/engine_ecu/data-groups").await.body;
    let temperature =
        json!({"id": "temperature", "category": "currentData", "group": "temperature"});
    assert!(groups["items"].as_array().unwrap().contains(&temperature));
    let of_group = garage.get(&format!("{DATA}?groups=temperature")).await.body;
    assert_eq!(ids(&of_group, "id"), ["coolant_temperature"]);
}

#[tokio::test]
async fn a_computer_tells_how_busy_it_is() {
    let garage = Garage::full().await;
    let load = garage.get("/sovd/v1/components/hpc/data/load").await.body;
    assert!(load["data"]["cpu_percent"].is_number());
    let listed = garage.get("/sovd/v1/components/hpc/data?category=sysInfo").await.body;
    assert_eq!(ids(&listed, "id"), ["load"]);
}
