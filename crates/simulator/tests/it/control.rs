//! The control server: settings, their limits, counts.
//!
//! Whether a vehicle behaves as set is tested elsewhere.

use fleetwire_simulator::{Running, demo_fleet};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::garage::{Garage, answer};

fn default() -> Value {
    json!({
        "delay_ms": [500, 1500], "fault": null, "parts": null,
        "part_bytes": null, "part_interval_ms": null, "online": true, "inject": "", "seed": 0,
    })
}

#[tokio::test]
async fn an_empty_setting_restores_the_default() {
    let garage = Garage::open().await;
    garage.set(json!({"delay_ms": 5, "fault": "timeout", "parts": 2})).await;
    assert_eq!(garage.set(json!({})).await, default());
    assert_eq!(answer(garage.control(Method::GET, "")).await.body, default());
}

#[tokio::test]
async fn a_setting_replaces_the_whole_one_before() {
    let garage = Garage::open().await;
    garage.set(json!({"delay_ms": 5, "fault": "timeout"})).await;
    let setting = json!({"parts": 2, "part_bytes": 64, "part_interval_ms": 7, "fault": null});
    let expected = json!({
        "delay_ms": [500, 1500], "fault": null, "parts": 2,
        "part_bytes": 64, "part_interval_ms": 7, "online": true, "inject": "", "seed": 0,
    });
    assert_eq!(garage.set(setting).await, expected);
}

#[tokio::test]
async fn a_wrong_setting_is_refused_with_the_name_of_the_field() {
    let garage = Garage::open().await;
    let wrong = [
        (json!({"delay": 5}), "delay"),
        (json!({"delay_ms": "long"}), "delay_ms"),
        (json!({"delay_ms": [9, 3]}), "delay_ms"),
        (json!({"delay_ms": 600_001}), "delay_ms"),
        (json!({"fault": "explosion"}), "explosion"),
        (json!({"parts": 0}), "parts"),
        (json!({"parts": 1, "part_bytes": 1_000_000_000}), "part_bytes"),
        (json!({"parts": 1, "part_interval_ms": 600_001}), "part_interval_ms"),
        (json!({"inject": "explosion=1%"}), "explosion"),
        (json!([]), "setting"),
    ];
    for (setting, named) in wrong {
        let answer = answer(garage.control(Method::PUT, "").json(&setting)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{setting}");
        assert!(answer.body["error"].as_str().unwrap().contains(named), "{answer:?}");
    }
}

#[tokio::test]
async fn counts_can_be_cleared() {
    let garage = Garage::open().await;
    answer(garage.command("a", Method::GET, "/sovd/v1")).await;
    assert_eq!(garage.counts().await, json!({"a": {"executions": 0, "reads": 1}}));
    let cleared = answer(garage.control(Method::DELETE, "/executions")).await;
    assert_eq!(cleared.status, StatusCode::NO_CONTENT);
    assert_eq!(garage.counts().await, json!({}));
}

#[tokio::test]
async fn the_list_shows_every_vehicle_and_whether_it_is_online() {
    let garage = Garage::with(demo_fleet()).await;
    let url = format!("{}/control/vehicles", garage.fleet.control_url());
    let list = answer(reqwest::Client::new().get(url)).await.body;
    let entry = |it: &Running| {
        let online = !it.offline;
        json!({"vin": it.vin, "base_url": it.base_url, "dialect": "spec", "online": online})
    };
    let expected: Value = garage.fleet.vehicles().iter().map(entry).collect();
    assert_eq!(list, expected);
}

#[tokio::test]
async fn an_unknown_vehicle_is_not_found() {
    let garage = Garage::open().await;
    for path in ["NOBODY", "NOBODY/executions"] {
        let url = format!("{}/control/vehicles/{path}", garage.fleet.control_url());
        let answer = answer(reqwest::Client::new().get(url)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.body, json!({"error": "there is no vehicle `NOBODY`"}));
    }
}
