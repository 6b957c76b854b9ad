//! The commands that answer in the vehicle's own JSON.
//! What the vehicle says must arrive unchanged.

use model::command::Refusal;
use serde_json::{Value, json};

use crate::bench::{Bench, Counts};

const ENGINE: &str = "components/engine_ecu";

#[tokio::test]
async fn every_entity_is_a_part_of_the_discovery() {
    let bench = Bench::open().await;
    let outcome = bench.run("vehicle.discover", json!({})).await;
    let ids: Vec<Value> = outcome.payloads().iter().map(|entity| entity["id"].clone()).collect();
    assert_eq!(ids, ["engine_ecu", "transmission_ecu", "abs_ecu", "body_ecu", "gateway"]);
    let mut engine = outcome.payloads().remove(0);
    engine.as_object_mut().unwrap().remove("tree");
    assert_eq!(engine, bench.ask(ENGINE).await);
    let finals: Vec<bool> = outcome.parts.iter().map(|part| part.is_final).collect();
    assert_eq!(finals, [false, false, false, false, true]);
}

#[tokio::test]
async fn lists_are_what_the_vehicle_answers() {
    let bench = Bench::open().await;
    for collection in ["data", "faults", "operations"] {
        let outcome = bench.run(&format!("{collection}.list"), json!({"entity": ENGINE})).await;
        let mut listed = outcome.only();
        let decoded = listed.as_object_mut().unwrap().remove("decoded");
        assert_eq!(decoded.is_some(), collection == "faults");
        assert_eq!(listed, bench.ask(&format!("{ENGINE}/{collection}")).await);
        assert_eq!(bench.counts(&outcome).await, Counts { executions: 0, reads: 1 });
    }
}

#[tokio::test]
async fn each_value_is_a_part() {
    let bench = Bench::open().await;
    let ids = ["idle_speed_target", "vin", "part_number"];
    let outcome = bench.run("data.read", json!({"entity": ENGINE, "ids": ids})).await;
    let read: Vec<Value> = outcome.payloads().iter().map(|value| value["id"].clone()).collect();
    assert_eq!(read, ids);
    assert_eq!(outcome.payloads()[0], json!({"id": "idle_speed_target", "data": 780.0}));
    assert_eq!(outcome.parts.iter().filter(|part| part.is_final).count(), 1);
}

#[tokio::test]
async fn one_unknown_value_refuses_all_before_any_is_read() {
    let bench = Bench::open().await;
    let params = json!({"entity": ENGINE, "ids": ["vin", "mood"]});
    let outcome = bench.run("data.read", params).await;
    assert!(outcome.refused(Refusal::Unsupported).starts_with("no data item mood; this entity"));
    assert!(outcome.parts.is_empty());
}

#[tokio::test]
async fn a_written_value_is_read_back() {
    let bench = Bench::open().await;
    let params = json!({"entity": ENGINE, "id": "idle_speed_target", "value": 850});
    let outcome = bench.run("data.write", params).await;
    assert_eq!(outcome.only(), json!({"id": "idle_speed_target", "data": 850.0}));
    assert_eq!(bench.counts(&outcome).await, Counts { executions: 1, reads: 1 });
}

#[tokio::test]
async fn a_value_that_cannot_be_written_is_refused() {
    let bench = Bench::open().await;
    let params = json!({"entity": ENGINE, "id": "vin", "value": "X"});
    let outcome = bench.run("data.write", params).await;
    let words = "the data item `vin` cannot be written (not-allowed)";
    assert_eq!(outcome.refused(Refusal::Unsupported), words);
}

#[tokio::test]
async fn a_value_out_of_bounds_is_the_vehicles_failure_in_its_words() {
    let bench = Bench::open().await;
    let params = json!({"entity": ENGINE, "id": "idle_speed_target", "value": 9000});
    let outcome = bench.run("data.write", params).await;
    assert_eq!(
        outcome.vehicle_error(),
        "invalid value: a number from 600 to 1200, please (incomplete-request)"
    );
}

#[tokio::test]
async fn clearing_lists_what_was_there_and_what_remained() {
    let bench = Bench::open().await;
    let params = json!({"entity": ENGINE, "code": "P0171"});
    let outcome = bench.run("faults.clear", params).await;
    let [before, mut after] = outcome.payloads().try_into().unwrap();
    assert_eq!((before["items"].as_array().unwrap().len(), outcome.numbers()), (2, vec![1, 2]));
    after.as_object_mut().unwrap().remove("decoded");
    assert_eq!(after, bench.ask(&format!("{ENGINE}/faults")).await);
    assert_eq!(after["items"][0]["code"], "P0420");
    assert_eq!(bench.counts(&outcome).await, Counts { executions: 1, reads: 2 });

    let outcome = bench.run("faults.clear", json!({"entity": ENGINE})).await;
    assert_eq!(outcome.payloads()[1], json!({"items": [], "decoded": []}));
    assert_eq!(bench.counts(&outcome).await, Counts { executions: 1, reads: 2 });
}

#[tokio::test]
async fn clearing_a_fault_that_is_not_there_only_lists() {
    let bench = Bench::open().await;
    let outcome = bench.run("faults.clear", json!({"entity": ENGINE, "code": "U0100"})).await;
    assert_eq!(outcome.only()["items"].as_array().unwrap().len(), 2);
    assert_eq!(bench.counts(&outcome).await.executions, 0);
}

#[tokio::test]
async fn an_unknown_entity_is_refused_with_those_that_there_are() {
    let bench = Bench::open().await;
    let outcome = bench.run("faults.list", json!({"entity": "components/radio"})).await;
    assert_eq!(
        outcome.refused(Refusal::UnknownComponent),
        "no entity components/radio; this vehicle has components/engine_ecu, \
         components/transmission_ecu, components/abs_ecu, components/body_ecu, components/gateway"
    );
    let outcome = bench.run("faults.list", json!({"entity": "apps/radio"})).await;
    outcome.refused(Refusal::Unsupported);
}

#[tokio::test]
async fn a_collection_that_an_entity_lacks_is_unsupported() {
    let bench = Bench::open().await;
    let outcome = bench.run("operations.list", json!({"entity": "components/gateway"})).await;
    outcome.refused(Refusal::Unsupported);
}
