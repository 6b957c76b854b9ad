//! How commands end that run until their time is over: every way out, and what is left at the vehicle.
//! What they have made there is always taken away, and made once only.

use std::sync::atomic::Ordering;
use std::time::Duration;

use fleetwire_connect::{End, Part};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bench::{Outcome, PATIENCE, connector, order, run, run_until};
use crate::watched::{Script, Watchable};

const SUBSCRIBE: &str = "POST /v1/components/rich/cyclic-subscriptions";
const UNSUBSCRIBE: &str = "DELETE /v1/components/rich/cyclic-subscriptions/s1";
const STREAM: &str = "GET /v1/components/rich/cyclic-subscriptions/s1/events";

fn speed(duration: u32) -> Value {
    json!({"entity": "components/rich", "ids": ["speed"], "interval": "fast",
        "duration": duration})
}

async fn watch(vehicle: &Watchable, duration: u32) -> Outcome {
    run(&connector(1 << 20), order(&vehicle.address(), "data.watch", speed(duration))).await
}

/// Waits until somebody listens.
async fn opened(vehicle: &Watchable) {
    let opened = async {
        while vehicle.server.count(STREAM) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, opened).await.unwrap();
}

/// The data of the samples, whose numbers are counted without a hole.
fn samples(outcome: &Outcome) -> Vec<Value> {
    let payloads = outcome.payloads();
    let samples: Vec<&Value> = payloads.iter().filter(|part| !part["sample"].is_null()).collect();
    for (number, sample) in (1..).zip(&samples) {
        assert_eq!(sample["sample"], number, "{samples:?}");
        assert_eq!(sample["id"], "speed");
    }
    samples.iter().map(|sample| sample["payload"]["data"].clone()).collect()
}

#[tokio::test]
async fn a_watch_is_completed_when_its_time_is_over() {
    let vehicle = Watchable::start(&[Script::ENDLESS]);
    let outcome = watch(&vehicle, 1).await;
    assert_eq!(outcome.end, End::Answered);
    let payloads = outcome.payloads();
    assert_eq!(payloads[0]["mode"], "subscription");
    assert_eq!(payloads[0]["items"][0]["id"], "s1");
    assert_eq!(payloads[1]["timestamp"], "2026-01-01T00:00:00.001Z");
    let count = samples(&outcome).len();
    assert!(count > 5, "{count}");
    assert_eq!(
        payloads.last().unwrap(),
        &json!({"ended": "duration", "samples": count, "gaps": 0})
    );
    assert!(outcome.parts.last().unwrap().is_final);
    assert_eq!((vehicle.server.count(SUBSCRIBE), vehicle.server.count(UNSUBSCRIBE)), (1, 1));
    let asked = vehicle.server.seen().into_iter().find(|request| request.line == SUBSCRIBE);
    let asked: Value = serde_json::from_str(&asked.unwrap().body).unwrap();
    let expected =
        json!({"resource": "data/speed", "interval": "fast", "duration": 1, "protocol": "sse"});
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_stopped_watch_is_stopped_when_the_vehicle_has_confirmed() {
    let vehicle = Watchable::start(&[Script::ENDLESS]);
    let (sovd, stop) = (connector(1 << 20), CancellationToken::new());
    let (sender, mut receiver) = mpsc::channel::<Part>(4);
    let order = order(&vehicle.address(), "data.watch", speed(60));
    let watch = async {
        for _ in 0..3 {
            receiver.recv().await.unwrap();
        }
        stop.cancel();
        while let Some(part) = receiver.recv().await {
            assert!(!part.is_final);
        }
    };
    let (end, ()) = tokio::join!(sovd.execute(order, sender, stop.clone()), watch);
    assert_eq!(end, End::Stopped);
    assert_eq!(vehicle.server.count(UNSUBSCRIBE), 1);
}

#[tokio::test]
async fn a_stop_that_the_vehicle_does_not_confirm_leaves_the_outcome_open() {
    let vehicle = Watchable::start(&[Script::ENDLESS]);
    vehicle.state.refuses_deletion.store(true, Ordering::SeqCst);
    let stop = CancellationToken::new();
    let order = order(&vehicle.address(), "data.watch", speed(60));
    let cancel = async {
        opened(&vehicle).await;
        stop.cancel();
    };
    let sovd = connector(1 << 20);
    let (outcome, ()) = tokio::join!(run_until(&sovd, order, stop.clone()), cancel);
    assert_eq!(outcome.end, End::Lost);
    assert_eq!(vehicle.server.count(UNSUBSCRIBE), 1);
}

#[tokio::test]
async fn a_stop_before_the_beginning_makes_nothing_at_the_vehicle() {
    let vehicle = Watchable::start(&[Script::ENDLESS]);
    let stop = CancellationToken::new();
    stop.cancel();
    let order = order(&vehicle.address(), "data.watch", speed(60));
    assert_eq!(run_until(&connector(1 << 20), order, stop).await.end, End::Stopped);
    assert_eq!(vehicle.server.count(SUBSCRIBE), 0);
}

#[tokio::test]
async fn a_dropped_watch_leaves_nothing_at_the_vehicle() {
    let vehicle = Watchable::start(&[Script::ENDLESS]);
    let sovd = connector(1 << 20);
    let (sender, mut receiver) = mpsc::channel::<Part>(1);
    let order = order(&vehicle.address(), "data.watch", speed(60));
    let execution = Box::pin(sovd.execute(order, sender, CancellationToken::new()));
    let three = async {
        for _ in 0..3 {
            receiver.recv().await.unwrap();
        }
    };
    tokio::select! {
        end = execution => panic!("it ended: {end:?}"),
        () = three => {}
    }
    sovd.settle().await;
    assert_eq!((vehicle.server.count(SUBSCRIBE), vehicle.server.count(UNSUBSCRIBE)), (1, 1));
}

#[tokio::test]
async fn a_stream_that_is_cut_is_opened_again_and_the_gap_is_told() {
    let vehicle = Watchable::start(&[Script::of(3), Script::of(2), Script::ENDLESS]);
    let outcome = watch(&vehicle, 3).await;
    assert_eq!(outcome.end, End::Answered);
    let payloads = outcome.payloads();
    let gaps: Vec<usize> =
        (0..payloads.len()).filter(|index| !payloads[*index]["gap"].is_null()).collect();
    assert_eq!(gaps, [4, 7]);
    assert_eq!(payloads[4]["gap"]["id"], "speed");
    assert!(payloads[4]["gap"]["from"].as_str() < payloads[4]["gap"]["until"].as_str());
    assert!(samples(&outcome).len() > 5);
    assert_eq!(payloads.last().unwrap()["gaps"], 2);
    assert_eq!((vehicle.server.count(SUBSCRIBE), vehicle.server.count(UNSUBSCRIBE)), (1, 1));
}

#[tokio::test]
async fn a_server_that_dies_leaves_the_outcome_open() {
    let vehicle = Watchable::start(&[Script::ENDLESS]);
    let sovd = connector(1 << 20);
    let (sender, mut receiver) = mpsc::channel::<Part>(4);
    let order = order(&vehicle.address(), "data.watch", speed(60));
    let kill = async {
        for _ in 0..3 {
            receiver.recv().await.unwrap();
        }
        vehicle.state.is_dead.store(true, Ordering::SeqCst);
        while let Some(part) = receiver.recv().await {
            assert!(!part.is_final);
        }
    };
    let execution = Box::pin(sovd.execute(order, sender, CancellationToken::new()));
    let both = async { tokio::join!(execution, kill) };
    let (end, ()) = tokio::time::timeout(PATIENCE, both).await.unwrap();
    assert_eq!(end, End::Lost);
    sovd.settle().await;
    assert_eq!((vehicle.server.count(SUBSCRIBE), vehicle.server.count(UNSUBSCRIBE)), (1, 1));
}

#[tokio::test]
async fn a_server_that_dies_before_the_end_has_completed_nothing() {
    let vehicle = Watchable::start(&[Script::ENDLESS]);
    let sovd = connector(1 << 20);
    let (sender, mut receiver) = mpsc::channel::<Part>(4);
    let order = order(&vehicle.address(), "data.watch", speed(1));
    let kill = async {
        receiver.recv().await.unwrap();
        vehicle.state.is_dead.store(true, Ordering::SeqCst);
        while receiver.recv().await.is_some() {}
    };
    let execution = sovd.execute(order, sender, CancellationToken::new());
    let (end, ()) = tokio::join!(execution, kill);
    assert_eq!(end, End::Lost);
}

#[tokio::test]
async fn a_subscription_that_the_vehicle_ends_early_is_its_failure() {
    let vehicle = Watchable::start(&[Script::of(2)]);
    let order = order(&vehicle.address(), "data.watch", speed(60));
    let sovd = connector(1 << 20);
    let end_it = async {
        opened(&vehicle).await;
        vehicle.state.is_deleted.store(true, Ordering::SeqCst);
    };
    let (outcome, ()) = tokio::join!(run(&sovd, order), end_it);
    assert_eq!(outcome.vehicle_error(), "the vehicle ended it before its time");
    sovd.settle().await;
    assert_eq!(vehicle.server.count(SUBSCRIBE), 1);
}

#[tokio::test]
async fn whoever_takes_no_samples_holds_the_vehicle_back() {
    let script = Script { events: None, pace: Duration::from_micros(1), padding: 200_000 };
    let vehicle = Watchable::start(&[script]);
    let sovd = connector(1 << 20);
    let (sender, mut receiver) = mpsc::channel::<Part>(1);
    let order = order(&vehicle.address(), "data.watch", speed(60));
    let mut execution = Box::pin(sovd.execute(order, sender, CancellationToken::new()));
    let step = Duration::from_millis(300);
    let mut written = Vec::new();
    // Until nothing more is written for a while; were it read ahead, it would go on for ever.
    while written.last().is_none_or(|last| *last == 0 || !written.ends_with(&[*last; 4])) {
        assert!(tokio::time::timeout(step, &mut execution).await.is_err());
        written.push(vehicle.state.written.load(Ordering::SeqCst));
        assert!(*written.last().unwrap() < 100_000_000, "the server goes on: {written:?}");
    }
    // What the sockets hold is all that is ahead; nothing of it is a part yet.
    assert_eq!(receiver.len(), 1);
    drop(execution);
    assert_eq!(receiver.recv().await.unwrap().part, 1);
    sovd.settle().await;
    assert_eq!(vehicle.server.count(UNSUBSCRIBE), 1);
}

#[tokio::test]
async fn whoever_takes_no_samples_can_still_stop() {
    let vehicle = Watchable::start(&[Script::ENDLESS]);
    let (sovd, stop) = (connector(1 << 20), CancellationToken::new());
    let (sender, receiver) = mpsc::channel::<Part>(1);
    let order = order(&vehicle.address(), "data.watch", speed(60));
    let cancel = async {
        opened(&vehicle).await;
        stop.cancel();
    };
    let (end, ()) = tokio::join!(sovd.execute(order, sender, stop.clone()), cancel);
    assert_eq!(end, End::Stopped);
    assert_eq!(receiver.len(), 1);
}

#[tokio::test]
async fn several_values_are_several_subscriptions_and_all_are_taken_away() {
    let vehicle = Watchable::start(&[Script::ENDLESS]);
    let params = json!({"entity": "components/rich", "ids": ["speed", "torque"], "duration": 1});
    let sovd = connector(1 << 20);
    let outcome = run(&sovd, order(&vehicle.address(), "data.watch", params)).await;
    assert_eq!(outcome.end, End::Answered);
    let ids: Vec<Value> = outcome.payloads().iter().map(|part| part["id"].clone()).collect();
    assert!(ids.contains(&json!("speed")) && ids.contains(&json!("torque")), "{ids:?}");
    assert_eq!((vehicle.server.count(SUBSCRIBE), vehicle.starting("DELETE")), (2, 2));
}
