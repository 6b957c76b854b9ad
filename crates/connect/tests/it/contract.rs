//! The story that every connector has to pass.
//! It speaks of orders, parts and ends only, never of how a vehicle is asked.

use std::time::{Duration, Instant};

use fleetwire_connect::{End, Order, Part, Sovd};
use model::parts::InOrder;
use model::vehicle::ConnectionStatus;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bench::{Bench, Outcome, PATIENCE, run_until};

/// One order of each command that changes something.
fn changes() -> [(&'static str, Value); 4] {
    let entity = "components/engine_ecu";
    [
        ("ClearDTC", json!({"ecuAddress": "0x10"})),
        ("faults.clear", json!({"entity": entity})),
        ("data.write", json!({"entity": entity, "id": "idle_speed_target", "value": 800})),
        ("operation.run", json!({"entity": entity, "id": "self_test"})),
    ]
}

/// One order of each command that only reads.
fn reads() -> [(&'static str, Value); 7] {
    let entity = "components/engine_ecu";
    [
        ("ReadDTC", json!({"ecuAddress": "0x10"})),
        ("ReadDataByID", json!({"ecuAddress": "0x10", "dataId": "0xF190"})),
        ("vehicle.discover", json!({})),
        ("data.list", json!({"entity": entity})),
        ("data.read", json!({"entity": entity, "ids": ["vin"]})),
        ("faults.list", json!({"entity": entity})),
        ("operations.list", json!({"entity": entity})),
    ]
}

fn in_order(outcome: &Outcome) -> Vec<u32> {
    let mut parts = InOrder::default();
    for part in &outcome.parts {
        parts.push(part.part, ()).unwrap();
    }
    std::iter::from_fn(|| parts.pop()).map(|(part, ())| part).collect()
}

/// Whoever gave the order may have lost the vehicle to somebody else meanwhile.
#[tokio::test]
async fn a_change_that_comes_too_late_is_not_sent() {
    let bench = Bench::open().await;
    let late = |name, params| {
        let order = bench.order(name, params);
        order.send_by.extend(Instant::now());
        run_until(&bench.sovd, order, CancellationToken::new())
    };
    for (name, params) in changes() {
        let outcome = late(name, params).await;
        assert_eq!(outcome.end, End::NotSent, "{name}");
        assert_eq!(bench.counts(&outcome).await.executions, 0, "{name}");
    }
    for (name, params) in reads() {
        assert_eq!(late(name, params).await.end, End::Answered, "{name}");
    }
}

#[tokio::test]
async fn every_answer_ends_with_one_final_part() {
    let bench = Bench::open().await;
    for (name, params) in reads().into_iter().chain(changes()) {
        let outcome = bench.run(name, params).await;
        assert_eq!(outcome.end, End::Answered, "{name}");
        let finals: Vec<u32> =
            outcome.parts.iter().filter(|part| part.is_final).map(|part| part.part).collect();
        assert_eq!(finals, [u32::try_from(outcome.parts.len()).unwrap()], "{name}");
    }
}

#[tokio::test]
async fn a_change_is_executed_once_and_a_read_never() {
    let bench = Bench::open().await;
    for (name, params) in changes() {
        let outcome = bench.run(name, params).await;
        assert_eq!(bench.counts(&outcome).await.executions, 1, "{name}");
    }
    for (name, params) in reads() {
        let outcome = bench.run(name, params).await;
        assert_eq!(bench.counts(&outcome).await.executions, 0, "{name}");
    }
}

#[tokio::test]
async fn a_vehicle_that_is_away_has_been_sent_nothing() {
    let bench = Bench::set_to(json!({"fault": "unreachable"})).await;
    for (name, params) in reads().into_iter().chain(changes()) {
        let outcome = bench.run(name, params).await;
        assert_eq!(outcome.end, End::NotSent, "{name}");
    }
    assert!(bench.all_counts().await.is_empty());
}

#[tokio::test]
async fn parts_of_the_vehicles_own_count_pass_unchanged() {
    let bench = Bench::set_to(json!({"parts": 50, "part_bytes": 2000})).await;
    for (name, params) in reads().into_iter().chain(changes()) {
        if name == "vehicle.discover" {
            continue;
        }
        let outcome = bench.run(name, params).await;
        assert_eq!(outcome.end, End::Answered, "{name}");
        assert_eq!(outcome.numbers(), (1..=50).collect::<Vec<u32>>(), "{name}");
        assert_eq!(outcome.payloads()[49]["of"], 50);
        assert!(outcome.parts.last().unwrap().is_final);
    }
}

#[tokio::test]
async fn parts_that_come_twice_or_swapped_can_be_put_in_order() {
    for fault in ["duplicate", "reorder"] {
        let bench = Bench::set_to(json!({"parts": 9, "fault": fault})).await;
        let outcome = bench.run("ReadDTC", json!({"ecuAddress": "0x10"})).await;
        assert_eq!(outcome.end, End::Answered);
        assert_ne!(outcome.numbers(), (1..=9).collect::<Vec<u32>>());
        assert_eq!(in_order(&outcome), (1..=9).collect::<Vec<u32>>());
    }
}

#[tokio::test]
async fn a_stream_without_its_final_part_has_none() {
    let bench = Bench::set_to(json!({"parts": 5, "fault": "truncated"})).await;
    let outcome = bench.run("ReadDTC", json!({"ecuAddress": "0x10"})).await;
    assert!(matches!(outcome.end, End::Answered | End::Truncated));
    assert_eq!(outcome.numbers(), [1, 2, 3, 4]);
    assert!(outcome.parts.iter().all(|part| !part.is_final));
}

#[tokio::test]
async fn whoever_takes_no_parts_holds_the_vehicle_back() {
    let bench = Bench::set_to(json!({"parts": 10_000, "part_bytes": 100_000})).await;
    let (sender, mut receiver) = mpsc::channel(1);
    let order = bench.order("ReadDTC", json!({"ecuAddress": "0x10"}));
    let mut execution = Box::pin(bench.sovd.execute(order, sender, CancellationToken::new()));
    let patience = Duration::from_millis(300);
    assert!(tokio::time::timeout(patience, &mut execution).await.is_err());
    // One in the channel, one in hand: nothing else has been read ahead into parts.
    assert_eq!(receiver.len(), 1);
    drop(execution);
    let part: Part = receiver.recv().await.unwrap();
    assert_eq!(part.part, 1);
    assert!(receiver.recv().await.is_none());
}

#[tokio::test]
async fn a_cancelled_read_is_given_up() {
    let bench = Bench::set_to(json!({"fault": "timeout"})).await;
    for (name, params) in reads() {
        let stop = CancellationToken::new();
        let order = bench.order(name, params);
        let reached = order.command_id.to_string();
        let cancel = async {
            let asked = async { while !bench.all_counts().await.contains_key(&reached) {} };
            tokio::time::timeout(PATIENCE, asked).await.unwrap();
            stop.cancel();
        };
        let (outcome, ()) = tokio::join!(run_until(&bench.sovd, order, stop.clone()), cancel);
        assert_eq!(outcome.end, End::Stopped, "{name}");
    }
}

#[tokio::test]
async fn a_part_over_the_limit_is_too_large() {
    let bench = Bench::set_to(json!({"parts": 2, "part_bytes": 2_000_000})).await;
    let outcome = bench.run("ReadDTC", json!({"ecuAddress": "0x10"})).await;
    assert_eq!(outcome.end, End::TooLarge);
    assert!(outcome.parts.is_empty());
}

async fn lent(sovd: &Sovd, order: Order, parts: mpsc::Sender<Part>) -> End {
    sovd.execute(order, parts, CancellationToken::new()).await
}

#[tokio::test]
async fn orders_can_be_carried_out_by_tasks() {
    let bench = Bench::open().await;
    let tasks = TaskTracker::new();
    let (sender, mut receiver) = mpsc::channel(1);
    let (sovd, order) = (bench.sovd.clone(), bench.order("faults.list", reads()[5].1.clone()));
    let address = bench.address.clone();
    let task = tasks.spawn(async move {
        let end = lent(&sovd, order, sender).await;
        (end, sovd.probe(&address).await.status)
    });
    assert!(receiver.recv().await.unwrap().is_final);
    assert_eq!(task.await.unwrap(), (End::Answered, ConnectionStatus::Connected));
}

#[tokio::test]
async fn a_probe_tells_whether_the_vehicle_is_there() {
    let bench = Bench::open().await;
    assert_eq!(bench.sovd.probe(&bench.address).await.status, ConnectionStatus::Connected);
    bench.set(json!({"fault": "unreachable"})).await;
    assert_eq!(bench.sovd.probe(&bench.address).await.status, ConnectionStatus::Disconnected);
    bench.set(json!({})).await;
    assert_eq!(bench.sovd.probe(&bench.address).await.status, ConnectionStatus::Connected);
}
