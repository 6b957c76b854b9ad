//! Faults of the link, as a client meets them.
//!
//! Which requests are hit is tested where lots are drawn.

use std::time::{Duration, Instant};

use fleetwire_simulator::{Dialect, Injection, fleet};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::garage::{Garage, answer, eventually, ids};

const COMPONENTS: &str = "/sovd/v1/components";
const FAULTS: &str = "/sovd/v1/components/engine_ecu/faults";

async fn garage(inject: &str) -> Garage {
    let garage = Garage::open().await;
    garage.set(json!({"delay_ms": 0, "inject": inject})).await;
    garage
}

#[tokio::test]
async fn a_vehicle_is_built_with_the_faults_of_its_link() {
    let injection: Injection = "5xx=100%".parse().unwrap();
    let vehicles = fleet(1).into_iter().map(|it| it.behind(injection.clone()));
    let garage = Garage::with(vehicles.collect()).await;
    let failed = garage.request(Method::GET, COMPONENTS).send().await.unwrap();
    assert!(failed.status().is_server_error());
    assert_eq!(garage.set(json!({"inject": ""})).await["inject"], "");
    assert_eq!(garage.get(COMPONENTS).await.status, StatusCode::OK);
    assert_eq!(garage.set(json!({})).await["inject"], "5xx=100%");
}

#[tokio::test]
async fn a_failing_server_carries_nothing_out() {
    let garage = garage("5xx=1x@/components/engine_ecu/faults").await;
    let failed = garage.request(Method::DELETE, FAULTS).send().await.unwrap();
    assert!(failed.status().is_server_error());
    assert_eq!(garage.codes("engine_ecu/faults").await.len(), 2);
}

#[tokio::test]
async fn latency_makes_every_request_wait() {
    let garage = garage("latency=60ms").await;
    let begun = Instant::now();
    garage.get(COMPONENTS).await;
    garage.get(COMPONENTS).await;
    assert!(begun.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn a_reset_before_leaves_the_request_undone() {
    let garage = garage("reset-before=1x").await;
    let lost = garage.command("a", Method::DELETE, FAULTS).send().await.unwrap_err();
    assert!(lost.status().is_none(), "{lost}");
    assert_eq!(garage.codes("engine_ecu/faults").await.len(), 2);
    assert_eq!(garage.counts().await, json!({}));
}

#[tokio::test]
async fn a_reset_after_leaves_the_request_done() {
    let garage = garage("reset-after=1x").await;
    let lost = garage.command("a", Method::DELETE, FAULTS).send().await.unwrap_err();
    assert!(lost.status().is_none(), "{lost}");
    assert!(garage.codes("engine_ecu/faults").await.is_empty());
    assert_eq!(garage.counts().await, json!({"a": {"executions": 1, "reads": 0}}));
}

#[tokio::test]
async fn a_shortened_answer_announces_more_than_it_sends() {
    let garage = garage("truncate=100%").await;
    for method in [Method::GET, Method::DELETE] {
        let response = garage.request(method, FAULTS).send().await.unwrap();
        assert!(response.content_length().unwrap() > 0);
        assert!(response.bytes().await.is_err());
    }
}

#[tokio::test]
async fn answers_are_mislabelled_or_broken() {
    let labelled = garage("content-type=100%").await;
    let response = labelled.request(Method::GET, FAULTS).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    assert!(serde_json::from_slice::<Value>(&response.bytes().await.unwrap()).is_ok());
    let broken = garage("malformed=100%").await;
    let response = broken.request(Method::GET, FAULTS).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(serde_json::from_slice::<Value>(&response.bytes().await.unwrap()).is_err());
}

#[tokio::test]
async fn a_stream_breaks_off_or_seems_over() {
    let garage = Garage::open().await;
    for (inject, breaks) in [("cut-sse=100%", true), ("end-sse=100%", false)] {
        garage.set(json!({"delay_ms": 0, "parts": 50, "inject": inject})).await;
        let request = garage.command(inject, Method::GET, FAULTS);
        let response = request.header("accept", "text/event-stream").send().await.unwrap();
        let text = response.text().await;
        assert_eq!(text.is_err(), breaks, "{inject}");
        assert!(text.map_or(0, |text| text.matches("data: ").count()) < 50);
    }
}

#[tokio::test]
async fn a_control_unit_vanishes_in_every_dialect() {
    for dialect in Dialect::ALL {
        let vehicles = fleet(1).into_iter().map(|it| it.speaking(dialect));
        let garage = Garage::with(vehicles.collect()).await;
        garage.set(json!({"delay_ms": 0, "inject": "vanish=600s:1x"})).await;
        let base = &garage.vehicle().base_url;
        let gone = reqwest::get(format!("{base}/components/engine_ecu/data/F190")).await.unwrap();
        assert!(matches!(gone.status().as_u16(), 404 | 503), "{dialect}: {gone:?}");
        let list = reqwest::get(format!("{base}/components")).await.unwrap();
        let listed = ids(&list.json().await.unwrap(), "id");
        assert!(!listed.contains(&"engine_ecu".to_owned()), "{dialect}: {listed:?}");
        assert!(listed.contains(&"abs_ecu".to_owned()), "{dialect}: {listed:?}");
    }
}

#[tokio::test]
async fn a_control_unit_vanishes_and_comes_back_with_its_memory() {
    let garage = garage("vanish=300ms:1x@/components/engine_ecu").await;
    let gone = garage.get(FAULTS).await;
    assert!(matches!(gone.status.as_u16(), 404 | 503), "{gone:?}");
    let there = garage.get("/sovd/v1/components/abs_ecu/faults").await;
    assert_eq!(there.status, StatusCode::OK);
    let listed = async || ids(&garage.get(COMPONENTS).await.body, "id");
    assert!(!listed().await.contains(&"engine_ecu".to_owned()));
    eventually(async || listed().await.contains(&"engine_ecu".to_owned())).await;
    assert_eq!(answer(garage.request(Method::GET, FAULTS)).await.status, StatusCode::OK);
}
