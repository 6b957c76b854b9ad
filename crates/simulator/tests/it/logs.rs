//! Logs and recordings of the communication.
//!
//! Reads no traffic: it is bulk data.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::garage::Garage;

const LOGS: &str = "/sovd/v1/components/hpc/logs";
const RECORDINGS: &str = "/sovd/v1/components/hpc/communication-logs";

#[tokio::test]
async fn entries_carry_severity_context_and_time() {
    let garage = Garage::full().await;
    let links = garage.get(LOGS).await.body;
    assert_eq!(links["entries"], format!("{LOGS}/entries"));
    let first = garage.get(&format!("{LOGS}/entries")).await.body["items"][0].clone();
    assert_eq!(first["severity"], "info");
    assert_eq!(first["context"], json!({"type": "RFC5424", "host": "hpc", "process": "powermon"}));
    let grave = garage.get(&format!("{LOGS}/entries?severity=fatal")).await.body;
    assert_eq!(grave, json!({"items": []}));
    let wrong = garage.get(&format!("{LOGS}/entries?severity=loud")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_context_logs_as_much_as_it_is_set_to() {
    let garage = Garage::full().await;
    let config = format!("{LOGS}/config");
    let described = json!({"type": "RFC5424", "host": "hpc", "process": "powermon"});
    for context in [json!("powermon"), described, json!({"type": "RFC5424"})] {
        let quiet = json!([{"context": context, "severity": "error"}]);
        let set = garage.put(&config, json!({"items": quiet})).await;
        assert_eq!(set.status, StatusCode::NO_CONTENT);
        assert_eq!(garage.get(&config).await.body, json!({"contexts": quiet}));
        let entries = garage.get(&format!("{LOGS}/entries")).await.body;
        let of_powermon = |entry: &&Value| entry["context"]["process"] == "powermon";
        assert_eq!(entries["items"].as_array().unwrap().iter().filter(of_powermon).count(), 0);
        garage.delete(&config).await;
        assert_eq!(garage.get(&config).await.body, json!({"contexts": []}));
    }
    let odd = json!([{"context": 7, "severity": "error"}]);
    let refused = garage.put(&config, json!({"items": odd})).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_recording_is_switched_on_and_off() {
    let garage = Garage::full().await;
    let made = garage.post(&format!("{RECORDINGS}?stream=true"), json!({"bus": "can0"})).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!((&made.body["status"], &made.body["stream"]), (&json!("inactive"), &json!(true)));
    let location = made.location.unwrap();
    let switch = async |action| garage.put(&location, json!({"action": action})).await.status;
    assert_eq!(switch("activate").await, StatusCode::NO_CONTENT);
    assert_eq!(switch("activate").await, StatusCode::CONFLICT);
    assert_eq!(garage.get(&location).await.body["status"], "active");
    assert_eq!(garage.delete(&location).await.status, StatusCode::NO_CONTENT);
}
