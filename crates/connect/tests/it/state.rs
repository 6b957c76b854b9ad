//! What a vehicle has to be like for an order: seen before anything is changed, and refused in doubt.

use fleetwire_connect::{End, Order};
use model::command::Refusal;
use serde_json::json;

use crate::bench::{Bench, run};

/// A write to the engine that needs this of the vehicle.
fn write(bench: &Bench, need: &str) -> Order {
    let params =
        json!({"entity": "components/engine_ecu", "id": "idle_speed_target", "value": 850});
    Order { needs: vec![need.parse().unwrap()], ..bench.order("data.write", params) }
}

#[tokio::test]
async fn a_vehicle_that_is_as_it_has_to_be_is_changed() {
    let bench = Bench::open().await;
    let outcome =
        run(&bench.sovd, write(&bench, "components/engine_ecu/data/idle_speed_target = 780")).await;
    assert_eq!(outcome.end, End::Answered);
    assert_eq!(bench.counts(&outcome).await.executions, 1);
}

#[tokio::test]
async fn a_vehicle_that_is_otherwise_or_does_not_say_is_not() {
    let bench = Bench::open().await;
    for (need, found) in [
        ("components/engine_ecu/data/idle_speed_target < 780", "it is 780.0"),
        ("components/engine_ecu/data/vin = 0", "it is \""),
        ("components/engine_ecu/data/mood = calm", "no data item mood"),
        ("components/chauffeur/data/mood = calm", "no entity components/chauffeur"),
    ] {
        let outcome = run(&bench.sovd, write(&bench, need)).await;
        let words = outcome.refused(Refusal::Precondition);
        let wanted = format!("policy.conditions wants {need}, but: {found}");
        assert!(words.starts_with(&wanted), "{words}");
        assert!(outcome.parts.is_empty());
        assert_eq!(bench.counts(&outcome).await.executions, 0);
    }
}

#[tokio::test]
async fn a_vehicle_that_is_not_there_may_be_asked_again() {
    let bench = Bench::open().await;
    bench.set(json!({"online": false})).await;
    let outcome =
        run(&bench.sovd, write(&bench, "components/engine_ecu/data/idle_speed_target = 780")).await;
    assert_eq!(outcome.end, End::NotSent);
}
