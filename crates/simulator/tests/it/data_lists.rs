//! Data lists that clients make.
//!
//! Values themselves are tested with data.

use reqwest::StatusCode;
use serde_json::json;

use crate::garage::{Garage, ids};

const LISTS: &str = "/sovd/v1/components/engine_ecu/data-lists";

#[tokio::test]
async fn a_list_is_made_read_and_taken_away() {
    let garage = Garage::open().await;
    let made = garage.post(LISTS, json!({"ids": ["idle_speed_target", "vin"]})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let location = made.location.unwrap();
    assert_eq!(location, format!("{LISTS}/{}", made.body["id"].as_str().unwrap()));
    let values = garage.get(&location).await.body;
    assert_eq!(values["items"][0], json!({"id": "idle_speed_target", "data": 780.0}));
    let described = garage.get(&format!("{location}?include-schema=true")).await.body;
    assert_eq!(described["items"][1]["schema"], json!({"type": "string"}));
    assert_eq!(garage.get(LISTS).await.body["items"][0]["items"][1]["id"], "vin");
    assert_eq!(garage.delete(&location).await.status, StatusCode::NO_CONTENT);
    assert_eq!(garage.get(&location).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_list_of_nothing_or_of_the_unknown_is_refused() {
    let garage = Garage::open().await;
    for wanted in [json!([]), json!(["vin", "nothing"])] {
        let answer = garage.post(LISTS, json!({"ids": wanted})).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn the_oldest_list_gives_way() {
    let garage = Garage::open().await;
    let first = garage.post(LISTS, json!({"ids": ["vin"]})).await.location.unwrap();
    for _ in 0..16 {
        garage.post(LISTS, json!({"ids": ["vin"]})).await;
    }
    assert_eq!(garage.get(&first).await.status, StatusCode::NOT_FOUND);
    assert_eq!(ids(&garage.get(LISTS).await.body, "id").len(), 16);
}
