//! Clearing what an entity has gathered.
//!
//! Looks at what clients made, as the rest leaves no trace.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::garage::{Garage, answer, eventually};

const HPC: &str = "/sovd/v1/components/hpc";
const CLEAR: &str = "/sovd/v1/components/hpc/clear-data";

#[tokio::test]
async fn what_clients_made_is_cleared_and_the_status_tells() {
    let garage = Garage::full().await;
    let status = format!("{CLEAR}/status");
    assert_eq!(garage.get(&status).await.body, json!({"status": "notRequested"}));
    garage.post(&format!("{HPC}/data-lists"), json!({"ids": ["vin"]})).await;
    let links = garage.get(CLEAR).await.body;
    let clear = links["client-defined-resources"].as_str().unwrap();
    let begun = answer(garage.request(Method::PUT, clear)).await;
    assert_eq!((begun.status, begun.location), (StatusCode::ACCEPTED, Some(status.clone())));
    let busy = answer(garage.request(Method::PUT, &format!("{CLEAR}/cached-data"))).await;
    assert_eq!(busy.status, StatusCode::CONFLICT);
    eventually(async || garage.get(&status).await.body["status"] == "completed").await;
    assert_eq!(garage.get(&format!("{HPC}/data-lists")).await.body, json!({"items": []}));
    let other = answer(garage.request(Method::PUT, &format!("{CLEAR}/everything"))).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}
