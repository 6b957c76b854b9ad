//! Areas, apps, functions, parts of components, and how they belong together.
//!
//! Follows links only.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::garage::{Garage, ids};

const ROOT: &str = "/sovd/v1";

/// Every address that an entity's capabilities give.
fn links(capabilities: &Value) -> Vec<String> {
    let fields = capabilities.as_object().unwrap().values().filter_map(Value::as_str);
    fields.filter(|text| text.starts_with(ROOT)).map(str::to_owned).collect()
}

async fn related(garage: &Garage, path: &str) -> Vec<String> {
    ids(&garage.get(&format!("{ROOT}/{path}")).await.body, "href")
}

#[tokio::test]
async fn the_root_of_a_full_vehicle_links_every_collection() {
    let garage = Garage::full().await;
    let root = garage.get(ROOT).await.body;
    for collection in ["areas", "components", "apps", "functions", "updates"] {
        assert_eq!(root[collection], format!("{ROOT}/{collection}"));
    }
}

#[tokio::test]
async fn every_link_of_every_entity_leads_somewhere() {
    let garage = Garage::full().await;
    let mut seen = 0;
    for collection in ["areas", "components", "apps", "functions"] {
        for entity in related(&garage, collection).await {
            for link in links(&garage.get(&entity).await.body) {
                let answer = garage.get(&link).await;
                assert_eq!(answer.status, StatusCode::OK, "{link}: {}", answer.body);
                seen += 1;
            }
        }
    }
    assert!(seen > 80, "{seen}");
}

#[tokio::test]
async fn a_computer_has_all_collections_and_an_area_none() {
    let garage = Garage::full().await;
    let computer = garage.get(&format!("{ROOT}/components/hpc")).await.body;
    for collection in ["bulk-data", "configurations", "scripts", "logs", "clear-data", "triggers"] {
        assert!(computer[collection].is_string(), "{collection}");
    }
    let area = garage.get(&format!("{ROOT}/areas/body")).await.body;
    let expected = json!({
        "id": "body", "name": "Body",
        "subareas": "/sovd/v1/areas/body/subareas", "contains": "/sovd/v1/areas/body/contains",
    });
    assert_eq!(area, expected);
    assert_eq!(garage.get(&format!("{ROOT}/areas/body/data")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn relations_are_read_from_both_ends() {
    let garage = Garage::full().await;
    let hosted = related(&garage, "components/hpc/hosts").await;
    assert_eq!(hosted, ["/sovd/v1/apps/navigation"]);
    assert_eq!(
        related(&garage, "apps/navigation/is-located-on").await,
        ["/sovd/v1/components/hpc"]
    );
    let contained = related(&garage, "areas/chassis/contains").await;
    assert_eq!(contained, ["/sovd/v1/components/abs_ecu"]);
    let belongs = related(&garage, "components/abs_ecu/belongs-to").await;
    assert_eq!(belongs, ["/sovd/v1/areas/chassis"]);
    assert_eq!(related(&garage, "functions/driver_assistance/depends-on").await.len(), 3);
}

#[tokio::test]
async fn parts_are_entities_of_their_own() {
    let garage = Garage::full().await;
    let parts = related(&garage, "components/hpc/subcomponents").await;
    assert_eq!(parts.len(), 2);
    let faults = garage.get(&format!("{}/faults", parts[0])).await.body;
    assert_eq!(ids(&faults, "code"), ["C1A60"]);
    assert_eq!(
        related(&garage, "areas/body/subareas").await,
        ["/sovd/v1/areas/body/subareas/cabin"]
    );
    assert!(!related(&garage, "components").await.contains(&parts[0]));
}

#[tokio::test]
async fn tags_select_entities() {
    let garage = Garage::full().await;
    let tagged = async |query| related(&garage, &format!("apps?{query}")).await.len();
    assert_eq!(tagged("tags=safety").await, 1);
    assert_eq!(tagged("tags=safety&tags=comfort").await, 2);
    assert_eq!(tagged("tags=nothing").await, 0);
}

#[tokio::test]
async fn docs_describe_a_resource_and_what_is_below_it() {
    let garage = Garage::full().await;
    let described = garage.get(&format!("{ROOT}/components/hpc/faults/docs")).await.body;
    assert_eq!(described["openapi"], "3.1.0");
    let paths: Vec<&String> = described["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/sovd/v1/components/hpc/faults", "/sovd/v1/components/hpc/faults/{code}"]);
    let value = garage.get(&format!("{ROOT}/components/hpc/data/load/docs")).await.body;
    assert_eq!(value["paths"].as_object().unwrap().len(), 1);
    let whole = garage.get(&format!("{ROOT}/docs")).await.body;
    assert!(whole["paths"].as_object().unwrap().len() > 200);
    let nowhere = garage.get(&format!("{ROOT}/components/toaster/docs")).await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
}
