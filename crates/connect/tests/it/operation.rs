//! Operations, those that answer at once and those that go on.
//! The simulated sweep takes about a second.

use fleetwire_connect::End;
use model::command::Refusal;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, run_until};

const ENGINE: &str = "components/engine_ecu";

fn sweep() -> Value {
    json!({"entity": ENGINE, "id": "actuator_sweep", "params": {"from": 0, "to": 50}})
}

async fn kept(bench: &Bench) -> Value {
    bench.ask(&format!("{ENGINE}/operations/actuator_sweep/executions")).await
}

#[tokio::test]
async fn a_synchronous_operation_answers_with_its_result() {
    let bench = Bench::open().await;
    let outcome = bench.run("operation.run", json!({"entity": ENGINE, "id": "self_test"})).await;
    assert_eq!(outcome.only()["parameters"]["result"], "passed");
    assert_eq!(bench.counts(&outcome).await.executions, 1);
}

#[tokio::test]
async fn an_asynchronous_operation_tells_its_progress_and_is_forgotten_in_the_end() {
    let bench = Bench::open().await;
    let outcome = bench.run("operation.run", sweep()).await;
    assert_eq!(outcome.end, End::Answered);
    let payloads = outcome.payloads();
    assert!(payloads.len() >= 3, "{payloads:?}");
    assert_eq!(payloads[0]["status"], "running");
    let last = payloads.last().unwrap();
    assert_eq!(last["status"], "completed");
    assert_eq!(last["parameters"]["position"], 50);
    assert_eq!(outcome.parts.iter().filter(|part| part.is_final).count(), 1);
    assert!(outcome.parts.last().unwrap().is_final);
    assert_eq!(kept(&bench).await, json!({"items": []}));
    assert_eq!(bench.counts(&outcome).await.executions, 1);
}

#[tokio::test]
async fn a_cancelled_operation_is_stopped_at_the_vehicle() {
    let bench = Bench::open().await;
    let stop = CancellationToken::new();
    let order = bench.order("operation.run", sweep());
    let command_id = order.command_id;
    let cancel = async {
        bench.executed(command_id).await;
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(run_until(&bench.sovd, order, stop.clone()), cancel);
    assert_eq!(outcome.end, End::Stopped);
    assert!(outcome.parts.iter().all(|part| !part.is_final));
    assert_eq!(kept(&bench).await, json!({"items": []}));
}

#[tokio::test]
async fn a_cancel_before_the_start_starts_nothing() {
    let bench = Bench::open().await;
    let stop = CancellationToken::new();
    stop.cancel();
    let outcome = run_until(&bench.sovd, bench.order("operation.run", sweep()), stop).await;
    assert_eq!(outcome.end, End::Stopped);
    assert!(bench.all_counts().await.is_empty());
}

#[tokio::test]
async fn a_cancel_does_not_stop_a_write_that_is_under_way() {
    let bench = Bench::set_to(json!({"delay_ms": 300})).await;
    let stop = CancellationToken::new();
    let params = json!({"entity": ENGINE, "id": "idle_speed_target", "value": 900});
    let order = bench.order("data.write", params);
    let command_id = order.command_id;
    let cancel = async {
        bench.executed(command_id).await;
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(run_until(&bench.sovd, order, stop.clone()), cancel);
    assert_eq!(outcome.only()["data"], 900.0);
}

#[tokio::test]
async fn a_busy_vehicle_refuses_by_precondition() {
    let bench = Bench::open().await;
    let place = format!("{ENGINE}/operations/actuator_sweep/executions");
    let started = bench.post_as("workshop", &place, json!({"parameters": {}})).await;
    assert_eq!(started["status"], "running");
    let second = bench.run("operation.run", sweep()).await;
    assert_eq!(
        second.refused(Refusal::Precondition),
        "the operation is already running (precondition-not-fulfilled)"
    );
}

#[tokio::test]
async fn an_unknown_operation_is_refused_with_those_that_there_are() {
    let bench = Bench::open().await;
    let outcome = bench.run("operation.run", json!({"entity": ENGINE, "id": "fly"})).await;
    assert_eq!(
        outcome.refused(Refusal::Unsupported),
        "no operation fly; this entity has self_test, actuator_sweep"
    );
}

#[tokio::test]
async fn wrong_parameters_are_the_vehicles_failure() {
    let bench = Bench::open().await;
    let params = json!({"entity": ENGINE, "id": "actuator_sweep", "params": {"to": 101}});
    let outcome = bench.run("operation.run", params).await;
    assert!(outcome.vehicle_error().starts_with("invalid parameters:"));
}
