//! Streams of events that say nothing, too much, or something while they are opened.
//! What is shown is what the vehicle is like, however it rings.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetwire_connect::End;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::bench::{connector, order, run, run_within};
use crate::odd::{Reply, Server, plain};
use crate::watched::{Script, Watchable};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const EVENT: &str = "data: {\"payload\":{\"id\":\"speed\",\"data\":7}}\n\n";

/// A stream that begins with `first` and then stays open without a word.
fn silent(first: &'static str) -> Reply {
    Reply::Writes(Box::new(move |stream| {
        stream.write_all(HEAD.as_bytes()).unwrap();
        stream.write_all(first.as_bytes()).unwrap();
        loop {
            std::thread::park();
        }
    }))
}

fn made(place: &str) -> Reply {
    let body = format!(r#"{{"id":"1","event_source":"{place}/events"}}"#);
    Reply::Answer((201, format!("location: {place}\r\n"), body))
}

#[tokio::test]
async fn a_fault_that_appears_before_the_bell_is_heard_is_shown() {
    let is_open = Arc::new(AtomicBool::new(false));
    let server = Server::beside(move |request| {
        let (method, path) = request.line.split_once(' ')?;
        match (method, path.strip_prefix("/v1/components/rich/")?) {
            ("POST", "triggers") => Some(made("/v1/components/rich/triggers/1")),
            ("GET", "triggers/1/events") => {
                is_open.store(true, Ordering::SeqCst);
                Some(silent(""))
            }
            ("GET", "faults") => {
                let code = if is_open.load(Ordering::SeqCst) { r#"{"code":"A"}"# } else { "" };
                Some(Reply::Answer(plain(200, &format!(r#"{{"items":[{code}]}}"#))))
            }
            ("DELETE", _) => Some(Reply::Answer(plain(204, ""))),
            _ => None,
        }
    });
    let params = json!({"entity": "components/rich", "duration": 2});
    let outcome = run(&connector(1 << 20), order(&server.address(), "faults.watch", params)).await;
    assert_eq!(outcome.end, End::Answered);
    let payloads = outcome.payloads();
    assert_eq!((&payloads[1]["change"], &payloads[1]["id"]), (&json!("present"), &json!("A")));
}

#[tokio::test]
async fn faults_are_read_a_few_times_a_second_however_often_the_vehicle_rings() {
    let script = Script { pace: Duration::from_millis(1), ..Script::ENDLESS };
    let vehicle = Watchable::start(&[script]);
    let params = json!({"entity": "components/rich", "duration": 2});
    let outcome = run(&connector(1 << 20), order(&vehicle.address(), "faults.watch", params)).await;
    assert_eq!(outcome.end, End::Answered);
    let looks = vehicle.server.count("GET /v1/components/rich/faults");
    assert!((3..=9).contains(&looks), "{looks}");
}

#[tokio::test]
async fn a_cyclic_subscription_that_falls_silent_is_opened_again_and_the_gap_is_told() {
    let opened = Mutex::new(0);
    let server = Server::beside(move |request| {
        let (method, path) = request.line.split_once(' ')?;
        let items = r#"{"items":[{"id":"speed"}]}"#;
        match (method, path.strip_prefix("/v1/components/rich/")?) {
            ("GET", "data") => Some(Reply::Answer(plain(200, items))),
            ("POST", _) => Some(made("/v1/components/rich/cyclic-subscriptions/1")),
            ("GET", "cyclic-subscriptions/1/events") => {
                *opened.lock().unwrap() += 1;
                Some(silent(EVENT))
            }
            ("GET", _) => Some(Reply::Answer(plain(200, "{}"))),
            ("DELETE", _) => Some(Reply::Answer(plain(204, ""))),
            _ => None,
        }
    });
    let params = json!({"entity": "components/rich", "ids": ["speed"], "duration": 18});
    let order = order(&server.address(), "data.watch", params);
    let (sovd, stop) = (connector(1 << 20), CancellationToken::new());
    let outcome = run_within(Duration::from_secs(40), &sovd, order, stop).await;
    assert_eq!(outcome.end, End::Answered);
    let payloads = outcome.payloads();
    let gap = |name| payloads[2]["gap"][name].as_str().unwrap().parse::<model::Timestamp>();
    let (from, until) = (gap("from").unwrap(), gap("until").unwrap());
    assert!(from < until, "{payloads:?}");
    let ended = payloads.last().unwrap();
    assert_eq!((&ended["samples"], &ended["gaps"]), (&json!(2), &Value::from(1)));
}
