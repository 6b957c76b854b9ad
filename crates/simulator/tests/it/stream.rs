//! Streamed answers: parts, padding, faults of lines, back-pressure.
//!
//! Reads the event stream by hand, line by line.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::garage::{Garage, answer};

const FAULTS: &str = "/sovd/v1/components/engine_ecu/faults";

fn streaming(garage: &Garage, method: Method) -> RequestBuilder {
    let accepted = "text/event-stream, application/json";
    garage.command("a", method, FAULTS).header("accept", accepted)
}

async fn lines(request: RequestBuilder) -> Vec<Value> {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    let events = text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
    events.map(|event| serde_json::from_str(event).unwrap()).collect()
}

async fn parts(setting: Value) -> Vec<(u64, bool)> {
    let garage = Garage::open().await;
    garage.set(setting).await;
    let lines = lines(streaming(&garage, Method::GET)).await;
    let part = |line: &Value| (line["part"].as_u64().unwrap(), line["is_final"].as_bool().unwrap());
    lines.iter().map(part).collect()
}

#[tokio::test]
async fn parts_are_numbered_and_the_last_is_final() {
    let setting = json!({"delay_ms": 0, "parts": 3});
    assert_eq!(parts(setting).await, [(1, false), (2, false), (3, true)]);
}

#[tokio::test]
async fn one_part_is_the_shortest_stream() {
    assert_eq!(parts(json!({"delay_ms": 0, "parts": 1})).await, [(1, true)]);
}

#[tokio::test]
async fn duplicate_sends_each_line_twice() {
    let setting = json!({"delay_ms": 0, "parts": 2, "fault": "duplicate"});
    assert_eq!(parts(setting).await, [(1, false), (1, false), (2, true), (2, true)]);
}

#[tokio::test]
async fn reorder_swaps_neighbours() {
    let setting = json!({"delay_ms": 0, "parts": 3, "fault": "reorder"});
    assert_eq!(parts(setting).await, [(2, false), (1, false), (3, true)]);
}

#[tokio::test]
async fn truncated_leaves_out_the_final_part() {
    let setting = json!({"delay_ms": 0, "parts": 2, "fault": "truncated"});
    assert_eq!(parts(setting).await, [(1, false)]);
}

#[tokio::test]
async fn a_payload_is_padded_to_its_size() {
    let garage = Garage::open().await;
    garage.set(json!({"delay_ms": 0, "parts": 12, "part_bytes": 100_000})).await;
    for line in lines(streaming(&garage, Method::GET)).await {
        let payload = &line["payload"];
        assert_eq!((&payload["part"], &payload["of"]), (&line["part"], &json!(12)));
        assert!((99_990..=100_010).contains(&payload.to_string().len()));
    }
}

#[tokio::test]
async fn a_streamed_change_is_counted_and_takes_effect() {
    let garage = Garage::open().await;
    garage.set(json!({"delay_ms": 0, "parts": 2})).await;
    assert_eq!(lines(streaming(&garage, Method::DELETE)).await.len(), 2);
    assert!(garage.codes("engine_ecu/faults").await.is_empty());
    assert_eq!(garage.counts().await, json!({"a": {"executions": 1, "reads": 0}}));
}

#[tokio::test]
async fn who_does_not_accept_a_stream_gets_the_usual_answer() {
    let garage = Garage::open().await;
    garage.set(json!({"delay_ms": 0, "parts": 2})).await;
    let usual = answer(garage.command("a", Method::GET, FAULTS)).await;
    assert_eq!(usual.body["items"][0]["code"], "P0420");
    let probe = garage.request(Method::GET, FAULTS).header("accept", "text/event-stream");
    assert_eq!(answer(probe).await.body, usual.body);
}

#[tokio::test]
async fn parts_keep_their_interval() {
    let begun = Instant::now();
    let setting = json!({"delay_ms": 0, "parts": 4, "part_interval_ms": 50});
    assert_eq!(parts(setting).await.len(), 4);
    assert!(begun.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_stream_is_made_only_as_fast_as_it_is_taken() {
    let garage = Garage::open().await;
    garage.set(json!({"delay_ms": 0, "parts": 10_000_000, "part_bytes": 1_000_000})).await;
    // Ten terabytes: nobody could answer the next question after making them.
    let mut response = streaming(&garage, Method::GET).send().await.unwrap();
    assert!(response.chunk().await.unwrap().unwrap().starts_with(b"data: {\"part\":1,"));
    assert_eq!(garage.codes("engine_ecu/faults").await.len(), 2);
}
