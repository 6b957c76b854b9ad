//! Cyclic subscriptions and their event streams.
//!
//! Asserts order, not pace.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::garage::{Answer, Events, Garage};

const ENGINE: &str = "/sovd/v1/components/engine_ecu";
const SUBSCRIPTIONS: &str = "/sovd/v1/components/engine_ecu/cyclic-subscriptions";

async fn subscribe(garage: &Garage, resource: &str) -> Answer {
    let body = json!({"resource": resource, "interval": "fast", "duration": 60});
    garage.post(SUBSCRIPTIONS, body).await
}

#[tokio::test]
async fn samples_come_as_envelopes_of_the_usual_read() {
    let garage = Garage::open().await;
    let subscription = subscribe(&garage, &format!("{ENGINE}/data/vin")).await;
    assert_eq!(subscription.status, StatusCode::CREATED);
    assert_eq!(subscription.body["observed_resource"], format!("{ENGINE}/data/vin"));
    let mut stream = Events::of(&garage, &subscription).await;
    let read = garage.get(&format!("{ENGINE}/data/vin")).await.body;
    let mut stamps = Vec::new();
    for _ in 0..3 {
        let event = stream.next().await.unwrap();
        assert_eq!(event["payload"], read);
        stamps.push(event["timestamp"].as_str().unwrap().to_owned());
    }
    assert!(stamps.is_sorted() && stamps[0] != stamps[2], "{stamps:?}");
}

#[tokio::test]
async fn relative_and_absolute_resources_are_the_same() {
    let garage = Garage::open().await;
    for resource in
        ["data/vin", "./data/vin", "http://vehicle/sovd/v1/components/engine_ecu/data/vin"]
    {
        let subscription = subscribe(&garage, resource).await;
        assert_eq!(subscription.body["observed_resource"], format!("{ENGINE}/data/vin"));
    }
    let faults = subscribe(&garage, "faults?severity=3").await;
    let sample = Events::of(&garage, &faults).await.next().await.unwrap();
    assert_eq!(sample["payload"]["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_deleted_subscription_ends_its_stream() {
    let garage = Garage::open().await;
    let subscription = subscribe(&garage, "data/vin").await;
    let mut stream = Events::of(&garage, &subscription).await;
    stream.next().await.unwrap();
    let location = subscription.location.unwrap();
    assert_eq!(garage.delete(&location).await.status, StatusCode::NO_CONTENT);
    while stream.next().await.is_some() {}
    assert_eq!(garage.get(&location).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_subscription_ends_with_its_duration() {
    let garage = Garage::open().await;
    let body = json!({"resource": "data/vin", "interval": "fast", "duration": 1});
    let subscription = garage.post(SUBSCRIPTIONS, body).await;
    let mut stream = Events::of(&garage, &subscription).await;
    let mut samples = 0;
    while stream.next().await.is_some() {
        samples += 1;
    }
    assert!((1..=11).contains(&samples), "{samples}");
}

#[tokio::test]
async fn interval_and_duration_can_be_changed() {
    let garage = Garage::open().await;
    let subscription = subscribe(&garage, "data/vin").await;
    let location = subscription.location.unwrap();
    let changed = garage.put(&location, json!({"interval": "slow", "duration": 600})).await.body;
    assert_eq!(changed["interval"], "slow");
    assert!(changed["expires"].as_str() > subscription.body["expires"].as_str());
    assert_eq!(garage.get(&location).await.body, changed);
}

#[tokio::test]
async fn what_cannot_be_observed_is_refused() {
    let garage = Garage::open().await;
    let draft = |resource: &str, duration: Value, protocol: &str| json!({"resource": resource, "interval": "fast", "duration": duration, "protocol": protocol});
    for wrong in [
        draft("data/nothing", json!(9), "sse"),
        draft("/sovd/v1/components/abs_ecu/data/vin", json!(9), "sse"),
        draft("locks", json!(9), "sse"),
        draft("data/vin", json!(0), "sse"),
        draft("data/vin", json!(9), "mqtt"),
    ] {
        let refused = garage.post(SUBSCRIPTIONS, wrong.clone()).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn there_are_no_more_than_eight() {
    let garage = Garage::open().await;
    for _ in 0..8 {
        assert_eq!(subscribe(&garage, "data/vin").await.status, StatusCode::CREATED);
    }
    assert_eq!(subscribe(&garage, "data/vin").await.status, StatusCode::SERVICE_UNAVAILABLE);
}
