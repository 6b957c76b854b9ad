//! The three older commands and their payload shapes.
//! The shapes are a contract with clients that exist.

use model::Timestamp;
use model::command::Refusal;
use serde_json::{Value, json};

use crate::bench::{Bench, Counts, order, run};

/// Takes the timestamp out after a look at its form.
fn undated(mut payload: Value) -> Value {
    let timestamp = payload.as_object_mut().unwrap().remove("timestamp").unwrap();
    let text = timestamp.as_str().unwrap();
    assert!(text.ends_with('Z') && text.len() <= "2026-01-01T00:00:00.123456Z".len(), "{text}");
    text.parse::<Timestamp>().unwrap();
    payload
}

fn trouble_code(code: &str, description: &str, status: &str) -> Value {
    json!({"dtcCode": code, "description": description, "status": status})
}

fn found(code: &Value, ecu: &str) -> Value {
    let mut part = code.clone();
    part["dtcs"] = json!([code]);
    part["ecuAddress"] = json!(ecu);
    part
}

#[tokio::test]
async fn trouble_codes_come_one_by_one_and_then_their_number() {
    let bench = Bench::open().await;
    let outcome = bench.run("ReadDTC", json!({"ecuAddress": "0x10"})).await;
    let p0420 =
        trouble_code("P0420", "Catalyst system efficiency below threshold, bank 1", "confirmed");
    let p0171 = trouble_code("P0171", "System too lean, bank 1", "pending");
    let payloads: Vec<Value> = outcome.payloads().into_iter().map(undated).collect();
    assert_eq!(
        payloads,
        [
            found(&p0420, "0x10"),
            found(&p0171, "0x10"),
            json!({"status": "complete", "totalDtcs": 2, "ecuAddress": "0x10"}),
        ]
    );
    assert_eq!(outcome.numbers(), [1, 2, 3]);
    let finals: Vec<bool> = outcome.parts.iter().map(|part| part.is_final).collect();
    assert_eq!(finals, [false, false, true]);
}

#[tokio::test]
async fn an_ecu_without_trouble_codes_answers_with_their_number_alone() {
    let bench = Bench::open().await;
    let payload = bench.run("ReadDTC", json!({"ecuAddress": "0x18"})).await.only();
    let expected = json!({"status": "complete", "totalDtcs": 0, "ecuAddress": "0x18"});
    assert_eq!(undated(payload), expected);
}

#[tokio::test]
async fn an_ecu_goes_by_address_alias_or_component_id() {
    let mut bench = Bench::open().await;
    bench.address.ecu_aliases.insert("0x7E0".to_owned(), "engine_ecu".to_owned());
    for name in ["0x10", "0x0010", "0x7e0", "engine_ecu"] {
        let outcome = bench.run("ReadDTC", json!({"ecuAddress": name})).await;
        assert_eq!(outcome.payloads().len(), 3, "{name}");
        assert_eq!(outcome.payloads()[2]["ecuAddress"], name);
    }
}

#[tokio::test]
async fn an_unknown_ecu_is_refused_with_those_that_there_are() {
    let bench = Bench::open().await;
    let outcome = bench.run("ReadDTC", json!({"ecuAddress": "0x99"})).await;
    assert_eq!(
        outcome.refused(Refusal::UnknownComponent),
        "no ECU 0x99; this vehicle has engine_ecu (0x10), transmission_ecu (0x18), \
         abs_ecu (0x28), body_ecu (0x40), gateway (0x01)"
    );
    let outcome = bench.run("ClearDTC", json!({"ecuAddress": "radio"})).await;
    assert_eq!(
        outcome.refused(Refusal::UnknownComponent),
        "no ECU radio; this vehicle has engine_ecu, transmission_ecu, abs_ecu, body_ecu, gateway"
    );
    assert!(bench.all_counts().await.is_empty());
}

#[tokio::test]
async fn a_warm_read_costs_one_request() {
    let bench = Bench::open().await;
    for _ in 0..2 {
        let outcome = bench.run("ReadDTC", json!({"ecuAddress": "0x10"})).await;
        assert_eq!(bench.counts(&outcome).await, Counts { executions: 0, reads: 1 });
    }
}

#[tokio::test]
async fn a_value_is_announced_and_then_read_with_its_unit() {
    let bench = Bench::open().await;
    let outcome =
        bench.run("ReadDataByID", json!({"ecuAddress": "0x10", "dataId": "0x0110"})).await;
    let payloads: Vec<Value> = outcome.payloads().into_iter().map(undated).collect();
    let data = json!({
        "dataId": "0x0110", "description": "Idle speed target", "value": 780.0, "unit": "rpm",
    });
    assert_eq!(
        payloads,
        [
            json!({"status": "reading", "dataId": "0x0110", "ecuAddress": "0x10"}),
            json!({"data": data, "ecuAddress": "0x10"}),
        ]
    );
}

#[tokio::test]
async fn a_value_goes_by_did_alias_or_data_id() {
    let mut bench = Bench::open().await;
    bench.address.data_aliases.insert("0xDEAD".to_owned(), "vin".to_owned());
    for id in ["0xF190", "0xf190", "0xdead", "vin"] {
        let outcome = bench.run("ReadDataByID", json!({"ecuAddress": "0x10", "dataId": id})).await;
        let data = &outcome.payloads()[1]["data"];
        assert_eq!(data["value"], bench.vin(), "{id}");
        assert_eq!((&data["dataId"], &data["unit"]), (&json!(id), &Value::Null));
    }
}

#[tokio::test]
async fn an_unknown_value_is_refused_with_those_that_there_are() {
    let bench = Bench::open().await;
    let outcome =
        bench.run("ReadDataByID", json!({"ecuAddress": "0x18", "dataId": "0xF1FF"})).await;
    assert_eq!(
        outcome.refused(Refusal::Unsupported),
        "no data item 0xF1FF; this entity has vin (0xF190), part_number (0xF187), \
         serial_number (0xF18C), software_version (0xF195), oil_temperature (0x2104), \
         turbine_speed (0x2101)"
    );
}

#[tokio::test]
async fn clearing_all_counts_what_is_gone_and_executes_once() {
    let bench = Bench::open().await;
    let outcome = bench.run("ClearDTC", json!({"ecuAddress": "0x10"})).await;
    let expected = json!({
        "status": "success", "message": "2 trouble codes cleared", "clearedCount": 2,
        "ecuAddress": "0x10",
    });
    assert_eq!(undated(outcome.only()), expected);
    assert_eq!(bench.counts(&outcome).await, Counts { executions: 1, reads: 2 });
    assert_eq!(bench.ask("components/engine_ecu/faults").await, json!({"items": []}));
}

#[tokio::test]
async fn one_code_is_cleared_in_whatever_notation() {
    for code in ["P0420", "p0420", "P0420-00", "0x042000", "042000"] {
        let bench = Bench::open().await;
        let params = json!({"ecuAddress": "0x10", "dtcCode": code});
        let outcome = bench.run("ClearDTC", params).await;
        let payload = outcome.only();
        assert_eq!(payload["message"], "P0420 cleared", "{code}");
        assert_eq!(payload["clearedCount"], 1);
        assert_eq!(bench.counts(&outcome).await.executions, 1);
        let left = bench.ask("components/engine_ecu/faults").await;
        assert_eq!(left["items"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_code_that_is_not_there_is_not_cleared_by_force() {
    let bench = Bench::open().await;
    let params = json!({"ecuAddress": "0x10", "dtcCode": "U0100"});
    let outcome = bench.run("ClearDTC", params).await;
    let payload = outcome.only();
    assert_eq!(payload["message"], "Nothing to clear: U0100 is not stored");
    assert_eq!(payload["clearedCount"], 0);
    assert_eq!(bench.counts(&outcome).await.executions, 0);
}

#[tokio::test]
async fn an_ecu_that_can_only_clear_all_says_so() {
    let bench = Bench::open().await;
    let params = json!({"ecuAddress": "gateway", "dtcCode": "U0100"});
    let outcome = bench.run("ClearDTC", params).await;
    let words = outcome.refused(Refusal::Unsupported);
    assert_eq!(words, "this control unit can only clear all faults together (not-supported)");
}

#[tokio::test]
async fn vehicles_are_not_mistaken_for_each_other() {
    let (one, other) = (Bench::open().await, Bench::open().await);
    one.run("ClearDTC", json!({"ecuAddress": "0x10"})).await;
    let order = order(&other.address, "ReadDTC", json!({"ecuAddress": "0x10"}));
    assert_eq!(run(&one.sovd, order).await.parts.len(), 3);
}
