//! Faults: lists, filters, details, clearing.
//!
//! Leaves alone how faults come about: they are there from the start.

use fleetwire_simulator::demo_fleet;
use reqwest::StatusCode;
use serde_json::json;

use crate::garage::Garage;

const FAULTS: &str = "/sovd/v1/components/engine_ecu/faults";

#[tokio::test]
async fn a_fault_reads_as_a_classic_control_unit_gives_it() {
    let garage = Garage::open().await;
    let body = garage.get(FAULTS).await.body;
    let expected = json!({
        "code": "P0420",
        "fault_name": "Catalyst system efficiency below threshold, bank 1",
        "scope": "emission",
        "severity": 2,
        "symptom": "Oxygen storage too low",
        "status": {
            "testFailed": true,
            "testFailedThisOperationCycle": true,
            "pendingDtc": true,
            "confirmedDtc": true,
            "testNotCompletedSinceLastClear": false,
            "testFailedSinceLastClear": true,
            "testNotCompletedThisOperationCycle": false,
            "warningIndicatorRequested": true,
            "mask": "AF",
        },
    });
    assert_eq!(body["items"][0], expected);
}

#[tokio::test]
async fn a_single_fault_brings_its_freeze_frame() {
    let garage = Garage::open().await;
    let body = garage.get(&format!("{FAULTS}/P0420")).await.body;
    assert_eq!(body["item"]["code"], "P0420");
    assert_eq!(body["environment_data"]["freeze_frame"]["engine_speed_rpm"], 2150);
    assert_eq!(garage.get(&format!("{FAULTS}/P9999")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn status_filters_are_alternatives() {
    let garage = Garage::open().await;
    let codes = async |query| garage.codes(&format!("engine_ecu/faults?{query}")).await;
    assert_eq!(codes("status[confirmedDtc]=true").await, ["P0420"]);
    assert_eq!(codes("status%5Bmask%5D=24").await, ["P0171"]);
    assert_eq!(codes("status[mask]=24&status[mask]=AF").await, ["P0420", "P0171"]);
    assert!(codes("status[confirmedDtc]=perhaps").await.is_empty());
}

#[tokio::test]
async fn severity_is_strictly_below_and_scope_is_exact() {
    let garage = Garage::open().await;
    let codes = async |query| garage.codes(&format!("engine_ecu/faults?{query}")).await;
    assert_eq!(codes("severity=3").await, ["P0420"]);
    assert_eq!(codes("severity=4").await, ["P0420", "P0171"]);
    assert!(codes("scope=body").await.is_empty());
    let high = garage.get(&format!("{FAULTS}?severity=high")).await;
    assert_eq!(high.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn cleared_faults_stay_cleared() {
    let garage = Garage::open().await;
    assert_eq!(garage.delete(&format!("{FAULTS}/P0171")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(garage.codes("engine_ecu/faults").await, ["P0420"]);
    assert_eq!(garage.delete(&format!("{FAULTS}/P0171")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(garage.delete(FAULTS).await.status, StatusCode::NO_CONTENT);
    assert!(garage.codes("engine_ecu/faults").await.is_empty());
    assert_eq!(garage.codes("abs_ecu/faults").await, ["C0035"]);
}

#[tokio::test]
async fn a_scope_limits_what_is_cleared() {
    let garage = Garage::open().await;
    garage.delete(&format!("{FAULTS}?scope=body")).await;
    assert_eq!(garage.codes("engine_ecu/faults").await, ["P0420", "P0171"]);
    garage.delete(&format!("{FAULTS}?scope=emission")).await;
    assert!(garage.codes("engine_ecu/faults").await.is_empty());
}

#[tokio::test]
async fn a_unit_that_clears_only_all_says_501_to_one() {
    let garage = Garage::open().await;
    let faults = "/sovd/v1/components/gateway/faults";
    let one = garage.delete(&format!("{faults}/U0100")).await;
    assert_eq!(one.status, StatusCode::NOT_IMPLEMENTED);
    assert_eq!(one.body["vendor_code"], "not-supported");
    assert_eq!(garage.delete(faults).await.status, StatusCode::NO_CONTENT);
    assert!(garage.codes("gateway/faults").await.is_empty());
}

#[tokio::test]
async fn the_fleet_has_faults_of_all_letters_and_a_unit_without_any() {
    let garage = Garage::open().await;
    let units = ["engine_ecu", "transmission_ecu", "abs_ecu", "body_ecu", "gateway"];
    let mut letters = Vec::new();
    for unit in units {
        letters.push(garage.codes(&format!("{unit}/faults")).await.concat().chars().next());
    }
    assert_eq!(letters, [Some('P'), None, Some('C'), Some('B'), Some('U')]);
}

#[tokio::test]
async fn a_code_that_is_not_for_people_comes_with_one_that_is() {
    let garage = Garage::with(demo_fleet().into_iter().skip(1).collect()).await;
    let body = garage.get("/sovd/v1/components/abs_ecu/faults/426511").await.body;
    assert_eq!(body["item"]["display_code"], "C0265");
}

#[tokio::test]
async fn frames_and_counters_are_left_out_on_request() {
    let garage = Garage::open().await;
    let body = garage.get(&format!("{FAULTS}/P0420")).await.body;
    assert_eq!(body["environment_data"]["snapshots"][0]["data"]["engine_speed_rpm"], 2150);
    let extended = &body["environment_data"]["extended_data_records"][0]["data"];
    assert_eq!(extended["warning_lamp"], true);
    let query = "include-snapshot=false&include-extended-data=false";
    let body = garage.get(&format!("{FAULTS}/P0420?{query}")).await.body;
    assert_eq!(body["environment_data"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn what_matters_for_safety_is_not_cleared_from_afar() {
    let garage = Garage::full().await;
    let faults = "/sovd/v1/components/hpc/faults";
    let refused = garage.delete(&format!("{faults}/B1A00")).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.body["error_code"], "precondition-not-fulfilled");
    assert_eq!(garage.delete(faults).await.status, StatusCode::NO_CONTENT);
    assert_eq!(garage.codes("hpc/faults").await, ["B1A00"]);
}
