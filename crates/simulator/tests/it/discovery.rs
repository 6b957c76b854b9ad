//! Discovery: version, collections, capabilities.
//!
//! Reads links only; what lies behind them has tests of its own.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::garage::{Garage, answer, ids};

#[tokio::test]
async fn version_info_lies_outside_the_prefix_and_points_into_it() {
    let garage = Garage::open().await;
    let body = garage.get("/sovd/version-info").await.body;
    assert_eq!(body["sovd_info"][0]["version"], "1.1");
    assert_eq!(body["sovd_info"][0]["base_uri"], "/sovd/v1");
    assert_eq!(garage.get("/sovd/v1/version-info").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_root_links_only_collections_that_exist() {
    let garage = Garage::open().await;
    let body = garage.get("/sovd/v1").await.body;
    let vin = &garage.vehicle().vin;
    let expected = json!({
        "id": vin, "name": "Aurora Compass 1.6 (2023)", "components": "/sovd/v1/components",
        "locks": "/sovd/v1/locks",
    });
    assert_eq!(body, expected);
    assert_eq!(garage.get("/sovd/v1/areas").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn components_carry_relative_links() {
    let garage = Garage::open().await;
    let body = garage.get("/sovd/v1/components").await.body;
    assert_eq!(
        ids(&body, "href"),
        ["engine_ecu", "transmission_ecu", "abs_ecu", "body_ecu", "gateway"]
            .map(|id| format!("/sovd/v1/components/{id}"))
    );
}

#[tokio::test]
async fn a_component_shows_its_address_and_what_it_can_do() {
    let garage = Garage::open().await;
    let body = garage.get("/sovd/v1/components/engine_ecu").await.body;
    let expected = json!({
        "id": "engine_ecu",
        "name": "Engine control unit",
        "variant": {
            "name": "ECM_B1",
            "is_base_variant": false,
            "state": "Online",
            "logical_address": "0x10",
        },
        "data": "/sovd/v1/components/engine_ecu/data",
        "data-lists": "/sovd/v1/components/engine_ecu/data-lists",
        "faults": "/sovd/v1/components/engine_ecu/faults",
        "operations": "/sovd/v1/components/engine_ecu/operations",
        "modes": "/sovd/v1/components/engine_ecu/modes",
        "locks": "/sovd/v1/components/engine_ecu/locks",
        "cyclic-subscriptions": "/sovd/v1/components/engine_ecu/cyclic-subscriptions",
        "triggers": "/sovd/v1/components/engine_ecu/triggers",
        "status": "/sovd/v1/components/engine_ecu/status",
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_component_without_operations_has_no_link_to_them() {
    let garage = Garage::open().await;
    let body = garage.get("/sovd/v1/components/gateway").await.body;
    assert_eq!(body.get("operations"), None);
    let operations = garage.get("/sovd/v1/components/gateway/operations").await;
    assert_eq!(operations.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_does_not_exist_is_a_generic_error() {
    let garage = Garage::open().await;
    let unknown = garage.get("/sovd/v1/components/toaster").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let expected = json!({
        "error_code": "vendor-specific",
        "vendor_code": "unknown-resource",
        "message": "there is no component `toaster`",
    });
    assert_eq!(unknown.body, expected);
    let nowhere = garage.get("/elsewhere").await;
    assert_eq!(
        (nowhere.status, &nowhere.body["vendor_code"]),
        (StatusCode::NOT_FOUND, &expected["vendor_code"])
    );
}

#[tokio::test]
async fn a_method_that_a_resource_lacks_is_405_with_allow() {
    let garage = Garage::open().await;
    let response = garage.request(Method::DELETE, "/sovd/v1/components").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    let body = answer(garage.request(Method::DELETE, "/sovd/v1/components")).await.body;
    assert_eq!(body["vendor_code"], "not-allowed");
}
