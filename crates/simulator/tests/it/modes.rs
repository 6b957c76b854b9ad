//! Modes: values, security in two steps, refusals.
//!
//! Expiry is tested where time is an argument.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::garage::{Answer, Garage, eventually, ids};

const MODES: &str = "/sovd/v1/components/engine_ecu/modes";

async fn set(garage: &Garage, mode: &str, body: Value) -> Answer {
    garage.put(&format!("{MODES}/{mode}"), body).await
}

async fn value(garage: &Garage, mode: &str) -> Value {
    garage.get(&format!("{MODES}/{mode}")).await.body["value"].clone()
}

/// The seed of a level, as a number.
async fn seed(garage: &Garage) -> u32 {
    let answer = set(garage, "security", json!({"value": "Level_1_RequestSeed"})).await;
    let seed = answer.body["seed"]["Request_Seed"].as_str().unwrap();
    u32::from_str_radix(seed, 16).unwrap()
}

#[tokio::test]
async fn a_mode_is_set_and_says_what_it_takes() {
    let garage = Garage::open().await;
    let listed = garage.get(MODES).await.body;
    assert_eq!(ids(&listed, "id"), ["session", "security", "commctrl", "dtcsetting"]);
    let off = set(&garage, "dtcsetting", json!({"value": "off", "mode_expiration": 60})).await;
    assert_eq!(
        (off.status, off.body),
        (StatusCode::OK, json!({"id": "dtcsetting", "value": "off"}))
    );
    assert_eq!(value(&garage, "dtcsetting").await, "off");
    let described = garage.get(&format!("{MODES}/dtcsetting?include-schema=true")).await.body;
    assert_eq!(described["schema"]["enum"], json!(["on", "off"]));
}

#[tokio::test]
async fn an_expired_mode_is_back_at_its_default() {
    let garage = Garage::open().await;
    set(&garage, "session", json!({"value": "extended", "mode_expiration": 1})).await;
    assert_eq!(value(&garage, "session").await, "extended");
    eventually(async || value(&garage, "session").await == "default").await;
}

#[tokio::test]
async fn security_takes_a_session_a_seed_and_its_key() {
    let garage = Garage::open().await;
    let early = set(&garage, "security", json!({"value": "Level_1_RequestSeed"})).await;
    assert_eq!(early.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(early.body["parameters"], json!({"service": "0x27", "nrc": "0x7F"}));
    set(&garage, "session", json!({"value": "extended"})).await;
    let key = format!("{:08X}", !seed(&garage).await);
    let unlocked =
        set(&garage, "security", json!({"value": "Level_1", "key": {"Send_Key": key}})).await;
    assert_eq!(unlocked.body, json!({"id": "security", "value": "Level_1"}));
    assert_eq!(value(&garage, "security").await, "Level_1");
}

#[tokio::test]
async fn a_wrong_key_costs_the_seed() {
    let garage = Garage::open().await;
    set(&garage, "session", json!({"value": "extended"})).await;
    let key = seed(&garage).await;
    let send = async |key: u32| {
        let key = format!("{key:08X}");
        set(&garage, "security", json!({"value": "Level_1", "key": {"Send_Key": key}})).await
    };
    assert_eq!(send(key).await.body["parameters"]["nrc"], "0x35");
    assert_eq!(send(!key).await.body["parameters"]["nrc"], "0x24");
    assert_eq!(value(&garage, "security").await, "Locked");
}

#[tokio::test]
async fn what_a_mode_does_not_know_is_refused() {
    let garage = Garage::open().await;
    let wrong = set(&garage, "session", json!({"value": "party"})).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let forever = set(&garage, "session", json!({"value": "extended", "mode_expiration": 0})).await;
    assert_eq!(forever.status, StatusCode::BAD_REQUEST);
    let unknown = set(&garage, "mood", json!({"value": "good"})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}
