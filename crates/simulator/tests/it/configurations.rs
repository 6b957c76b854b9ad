//! Configurations: parameters and blobs.
//!
//! What a value means is nobody's business here.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::garage::{Garage, answer};

const CODING: &str = "/sovd/v1/components/hpc/configurations/vehicle_coding";
const SCREEN: &str = "/sovd/v1/components/hpc/configurations/startup_screen";

#[tokio::test]
async fn configurations_say_of_what_type_they_are() {
    let garage = Garage::full().await;
    let listed = garage.get("/sovd/v1/components/hpc/configurations").await.body;
    let expected = json!({"id": "startup_screen", "name": "Start-up screen", "type": "bulk",
        "version": "1.0", "content_type": "application/octet-stream"});
    assert_eq!(listed["items"][1], expected);
    assert_eq!(listed["items"][0]["type"], "parameter");
}

#[tokio::test]
async fn a_parameter_is_written_and_read_back() {
    let garage = Garage::full().await;
    let data = json!({"region": "US", "left_hand_drive": true, "seats": 7});
    let written = garage.put(CODING, json!({"data": data})).await;
    assert_eq!(written.status, StatusCode::NO_CONTENT);
    assert_eq!(garage.get(CODING).await.body, json!({"id": "vehicle_coding", "data": data}));
}

#[tokio::test]
async fn a_parameter_that_does_not_fit_is_a_data_error_with_its_place() {
    let garage = Garage::full().await;
    let data = json!({"region": "US", "left_hand_drive": "yes", "seats": 7});
    let refused = garage.put(CODING, json!({"data": data})).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.body["path"], "/data/left_hand_drive");
}

#[tokio::test]
async fn a_blob_is_written_and_read_back() {
    let garage = Garage::full().await;
    let put = async |blob: Vec<u8>| answer(garage.request(Method::PUT, SCREEN).body(blob)).await;
    assert_eq!(put(vec![7; 9]).await.status, StatusCode::NO_CONTENT);
    let read = garage.request(Method::GET, SCREEN).send().await.unwrap();
    assert_eq!(read.headers()["content-type"], "application/octet-stream");
    assert_eq!(read.bytes().await.unwrap(), vec![7; 9]);
    assert_eq!(put(vec![7; 16 * 1024 + 1]).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn each_type_has_one_representation() {
    let garage = Garage::full().await;
    let accepting = async |path, kind| {
        garage.request(Method::GET, path).header("accept", kind).send().await.unwrap().status()
    };
    assert_eq!(accepting(SCREEN, "application/json").await, StatusCode::NOT_ACCEPTABLE);
    assert_eq!(accepting(CODING, "application/octet-stream").await, StatusCode::NOT_ACCEPTABLE);
    assert_eq!(accepting(CODING, "text/html, application/*;q=0.5").await, StatusCode::OK);
    let blob = answer(garage.request(Method::PUT, CODING).body(vec![1])).await;
    assert_eq!(blob.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let json = garage.put(SCREEN, json!({"data": 1})).await;
    assert_eq!(json.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}
