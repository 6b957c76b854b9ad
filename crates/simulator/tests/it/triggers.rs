//! Triggers: what fires them, and how often.
//!
//! Conditions in detail are tested where values are arguments.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::garage::{Answer, Events, Garage};

const ENGINE: &str = "/sovd/v1/components/engine_ecu";
const TARGET: &str = "/sovd/v1/components/engine_ecu/data/idle_speed_target";

async fn set(garage: &Garage, resource: &str, condition: Value, multishot: bool) -> Answer {
    let body =
        json!({"resource": resource, "trigger_condition": condition, "multishot": multishot});
    garage.post(&format!("{ENGINE}/triggers"), body).await
}

#[tokio::test]
async fn a_change_of_the_faults_fires_once() {
    let garage = Garage::open().await;
    let trigger = set(&garage, "faults", json!({"condition_type": "OnChange"}), false).await;
    assert_eq!((trigger.status, &trigger.body["status"]), (StatusCode::CREATED, &json!("active")));
    garage.delete(&format!("{ENGINE}/faults/P0171")).await;
    let mut stream = Events::of(&garage, &trigger).await;
    let fired = stream.next().await.unwrap();
    assert_eq!(fired["payload"]["items"].as_array().unwrap().len(), 1);
    assert_eq!(stream.next().await, None);
    let shown = garage.get(&trigger.location.unwrap()).await.body;
    assert_eq!(shown["status"], "terminated");
}

#[tokio::test]
async fn a_multishot_trigger_fires_each_time() {
    let garage = Garage::open().await;
    let condition = json!({"condition_type": "OnChangeTo", "value": 900});
    let trigger = set(&garage, "data/idle_speed_target", condition, true).await;
    let mut stream = Events::of(&garage, &trigger).await;
    garage.put(TARGET, json!({"data": 900})).await;
    assert_eq!(stream.next().await.unwrap()["payload"]["data"], 900.0);
    let any = json!({"condition_type": "OnChange"});
    let witness = set(&garage, "data/idle_speed_target", any, true).await;
    let mut seen = Events::of(&garage, &witness).await;
    garage.put(TARGET, json!({"data": 800})).await;
    assert_eq!(seen.next().await.unwrap()["payload"]["data"], 800.0);
    // The first looks as often as the witness, and may do so a moment later.
    listen_for_a_second_look(&garage).await.next().await.unwrap();
    garage.put(TARGET, json!({"data": 900})).await;
    assert_eq!(stream.next().await.unwrap()["payload"]["data"], 900.0);
}

/// A stream whose first event comes after every trigger has looked again.
async fn listen_for_a_second_look(garage: &Garage) -> Events {
    let body = json!({"resource": "data/vin", "interval": "normal", "duration": 60});
    let subscription = garage.post(&format!("{ENGINE}/cyclic-subscriptions"), body).await;
    let mut stream = Events::of(garage, &subscription).await;
    stream.next().await.unwrap();
    stream
}

#[tokio::test]
async fn a_range_is_watched_through_a_pointer() {
    let garage = Garage::open().await;
    let body = json!({
        "resource": "data/idle_speed_target", "path": "/data",
        "trigger_condition": {"condition_type": "LeaveRange", "lower_bound": 700, "upper_bound": 850},
    });
    let trigger = garage.post(&format!("{ENGINE}/triggers"), body).await;
    assert_eq!(trigger.body["path"], "/data");
    let mut stream = Events::of(&garage, &trigger).await;
    garage.put(TARGET, json!({"data": 860})).await;
    assert_eq!(stream.next().await.unwrap()["payload"]["data"], 860.0);
}

#[tokio::test]
async fn a_trigger_lives_longer_on_request_and_can_be_taken_away() {
    let garage = Garage::open().await;
    let trigger = set(&garage, "faults", json!({"condition_type": "OnChange"}), true).await;
    let location = trigger.location.unwrap();
    let prolonged = garage.put(&location, json!({"lifetime": 7200})).await.body;
    assert!(prolonged["expires"].as_str() > trigger.body["expires"].as_str());
    assert_eq!(garage.delete(&location).await.status, StatusCode::NO_CONTENT);
    assert_eq!(garage.get(&format!("{ENGINE}/triggers")).await.body, json!({"items": []}));
}

#[tokio::test]
async fn an_unknown_condition_is_refused_and_the_ninth_trigger_too() {
    let garage = Garage::open().await;
    let unknown = set(&garage, "faults", json!({"condition_type": "OnFullMoon"}), true).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    for _ in 0..8 {
        set(&garage, "faults", json!({"condition_type": "OnChange"}), true).await;
    }
    let ninth = set(&garage, "faults", json!({"condition_type": "OnChange"}), true).await;
    assert_eq!(ninth.status, StatusCode::SERVICE_UNAVAILABLE);
}
