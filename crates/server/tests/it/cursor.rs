//! The cursor: whoever comes late, comes back or reads slowly sees every event once, in order.

use crate::on_both;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Backend, Client, Heard, Platform, sequences};

on_both! {
    a_late_watcher_sees_everything
    a_watcher_that_comes_back_goes_on_where_it_was
    a_slow_reader_gets_every_large_part
}

async fn submit(p: &Platform, engineer: &Client) -> String {
    let params = json!({ "ecuAddress": "0x10" });
    engineer.submit(p.vehicle().vehicle_id, "ReadDTC", params).await
}

async fn a_late_watcher_sees_everything(backend: Backend) {
    let p = Platform::start_on(backend).await;
    p.vehicle().set(json!({ "delay_ms": 0, "parts": 60, "part_interval_ms": 20 })).await;
    let engineer = p.engineer().await;
    let id = submit(&p, &engineer).await;
    let late = [0_u64, 50, 150, 400, 900, 1300, 2500].map(|delay_ms| {
        let (engineer, id) = (engineer.clone(), id.clone());
        async move {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            engineer.watch(&id).await.until_end().await
        }
    });
    let seen = futures_util::future::join_all(late).await;
    for events in &seen {
        assert_eq!(sequences(events), (1..=60).collect::<Vec<_>>());
        assert_eq!(events, &seen[0]);
    }
}

async fn a_watcher_that_comes_back_goes_on_where_it_was(backend: Backend) {
    let p = Platform::start_on(backend).await;
    p.vehicle().set(json!({ "delay_ms": 0, "parts": 100, "part_interval_ms": 5 })).await;
    let engineer = p.engineer().await;
    let id = submit(&p, &engineer).await;
    let mut events: Vec<Value> = Vec::new();
    // It leaves after 1, 2, 3, … events, without a goodbye.
    for stay in 1.. {
        let after = events.last().map_or(0, |event| event["offset"].as_u64().unwrap());
        let mut socket = engineer.watch_after(&id, after).await;
        for _ in 0..stay {
            match socket.heard().await {
                Heard::Event(event) => events.push(event),
                Heard::Closed(code, reason) => panic!("{code}: {reason}"),
            }
            if events.last().is_some_and(|event| event["event"] == "status") {
                break;
            }
        }
        if events.last().is_some_and(|event| event["event"] == "status") {
            break;
        }
    }
    assert_eq!(sequences(&events), (1..=100).collect::<Vec<_>>());
}

async fn a_slow_reader_gets_every_large_part(backend: Backend) {
    const PARTS: u64 = 3_000;
    let p = Platform::start_on(backend).await;
    p.vehicle().set(json!({ "delay_ms": 0, "parts": PARTS, "part_bytes": 100_000 })).await;
    let engineer = p.engineer().await;
    let body = json!({ "vehicle_id": p.vehicle().vehicle_id, "command_name": "ReadDTC",
        "command_params": { "ecuAddress": "0x10" }, "run_timeout_ms": 600_000 });
    let id = engineer.submit_body(body).await;
    let mut socket = engineer.watch(&id).await;
    let mut expected = 1;
    loop {
        let event = socket.next().await;
        if event["event"] == "status" {
            assert_eq!(event["state"], "completed");
            break;
        }
        assert_eq!(event["sequence_number"], expected);
        expected += 1;
        if expected % 500 == 0 {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    assert_eq!(expected, PARTS + 1);
}
