//! What is said of an order when the vehicle fails in the middle of it.
//! A change that may have been carried out is never said to have been refused.

use model::command::Refusal;
use std::time::Duration;

use fleetwire_connect::End;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, Counts};

fn write() -> Value {
    json!({"entity": "components/engine_ecu", "id": "idle_speed_target", "value": 800})
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_malformed() {
    let bench = Bench::set_to(json!({"fault": "malformed"})).await;
    let read = bench.run("ReadDTC", json!({"ecuAddress": "0x10"})).await;
    assert_eq!(read.end, End::Malformed);
    let change = bench.run("data.write", write()).await;
    assert_eq!(change.end, End::Malformed);
    assert_eq!(bench.counts(&change).await, Counts { executions: 1, reads: 0 });
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_truncated() {
    let bench = Bench::set_to(json!({"fault": "truncated"})).await;
    let read = bench.run("ReadDTC", json!({"ecuAddress": "0x10"})).await;
    assert_eq!(read.end, End::Truncated);
    let change = bench.run("data.write", write()).await;
    assert_eq!(change.end, End::Truncated);
    assert_eq!(bench.counts(&change).await.executions, 1);
}

#[tokio::test]
async fn what_fails_before_the_change_has_changed_nothing() {
    for fault in ["malformed", "truncated"] {
        let bench = Bench::set_to(json!({"fault": fault})).await;
        let params = json!({"ecuAddress": "0x10", "dtcCode": "P0420"});
        let outcome = bench.run("ClearDTC", params).await;
        assert!(matches!(outcome.end, End::Refused(Refusal::Precondition, _)), "{outcome:?}");
        assert_eq!(bench.counts(&outcome).await, Counts { executions: 0, reads: 1 });
        let left = bench.ask("components/engine_ecu/faults").await;
        assert_eq!(left["items"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn clearing_all_does_not_depend_on_what_is_stored() {
    for (fault, end) in [("malformed", End::Malformed), ("truncated", End::Truncated)] {
        let bench = Bench::set_to(json!({"fault": fault})).await;
        let outcome = bench.run("ClearDTC", json!({"ecuAddress": "0x10"})).await;
        assert_eq!(outcome.end, end, "the answer to the DELETE is no use");
        assert_eq!(bench.counts(&outcome).await, Counts { executions: 1, reads: 1 });
    }
}

#[tokio::test]
async fn a_vehicle_that_never_answers_is_waited_for() {
    let bench = Bench::set_to(json!({"fault": "timeout"})).await;
    let (sender, _receiver) = mpsc::channel(1);
    let order = bench.order("data.write", write());
    let command_id = order.command_id;
    let execution = bench.sovd.execute(order, sender, CancellationToken::new());
    let limit = Duration::from_millis(500);
    assert!(tokio::time::timeout(limit, execution).await.is_err());
    bench.executed(command_id).await;
    // It took effect all the same.
    let written = bench.ask("components/engine_ecu/data/idle_speed_target").await;
    assert_eq!(written["data"], 800.0);
}

#[tokio::test]
async fn a_connection_lost_after_sending_leaves_the_outcome_open() {
    let bench = Bench::set_to(json!({"delay_ms": 5000})).await;
    for (name, params) in [
        ("data.write", write()),
        ("operation.run", json!({"entity": "components/engine_ecu", "id": "self_test"})),
        (
            "mode.set",
            json!({"entity": "components/engine_ecu", "id": "dtcsetting", "value": "off"}),
        ),
    ] {
        let order = bench.order(name, params);
        let command_id = order.command_id;
        let cut = async {
            bench.executed(command_id).await;
            bench.set(json!({"fault": "unreachable"})).await;
        };
        let stop = CancellationToken::new();
        let (outcome, ()) = tokio::join!(crate::bench::run_until(&bench.sovd, order, stop), cut);
        assert_eq!(outcome.end, End::Lost, "{name}");
        assert_eq!(bench.counts(&outcome).await.executions, 1);
        bench.set(json!({"delay_ms": 5000})).await;
    }
}
