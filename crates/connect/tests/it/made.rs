//! What commands make at a vehicle, and what happens while it is being made.
//! None of it stays, whoever has stopped waiting for it.

use std::sync::{Arc, Barrier};

use fleetwire_connect::{End, Part};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bench::{connector, order, run_until};
use crate::odd::{Reply, Server, plain};

const RICH: &str = r#"{"id":"rich","name":"Rich","data":"/v1/components/rich/data",
    "faults":"/v1/components/rich/faults","data-lists":"/v1/components/rich/data-lists",
    "cyclic-subscriptions":"/v1/components/rich/cyclic-subscriptions",
    "triggers":"/v1/components/rich/triggers",
    "communication-logs":"/v1/components/rich/communication-logs"}"#;
const ITEMS: &str = r#"{"items":[{"id":"a"},{"id":"b"},{"id":"c"},{"id":"d"}]}"#;

/// Commands, and the collection in which each of them makes something.
fn making() -> [(&'static str, Value, &'static str); 5] {
    let change = json!({"condition_type": "OnChange"});
    [
        ("data.watch", json!({"ids": ["a"], "duration": 60}), "cyclic-subscriptions"),
        ("faults.watch", json!({"duration": 60}), "triggers"),
        (
            "trigger.create",
            json!({"resource": "faults", "condition": change, "lifetime": 60}),
            "triggers",
        ),
        ("commlog.start", json!({"config": {}, "duration": 60}), "communication-logs"),
        ("data.read", json!({"ids": ["a", "b", "c", "d"]}), "data-lists"),
    ]
    .map(|(name, mut params, collection)| {
        params["entity"] = json!("components/rich");
        (name, params, collection)
    })
}

/// A vehicle that answers a POST as `post` has it.
fn vehicle(post: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Server {
    Server::beside(move |request| {
        let (method, path) = request.line.split_once(' ')?;
        match (method, path) {
            ("GET", "/v1/components/rich") => Some(Reply::Answer(plain(200, RICH))),
            ("GET", "/v1/components/rich/data") => Some(Reply::Answer(plain(200, ITEMS))),
            ("POST", path) => Some(post(path)),
            ("DELETE", _) => Some(Reply::Answer(plain(204, ""))),
            _ => None,
        }
    })
}

#[tokio::test]
async fn what_is_being_made_when_its_command_is_dropped_is_taken_away() {
    for (name, params, collection) in making() {
        let gate = Arc::new(Barrier::new(2));
        let closed = Arc::clone(&gate);
        let server = vehicle(move |path| {
            closed.wait();
            Reply::Answer((201, format!("location: {path}/1\r\n"), r#"{"id":"1"}"#.to_owned()))
        });
        let sovd = connector(1 << 20);
        let (sender, _receiver) = mpsc::channel::<Part>(4);
        let order = order(&server.address(), name, params);
        let execution = Box::pin(sovd.execute(order, sender, CancellationToken::new()));
        let place = format!("/v1/components/rich/{collection}");
        let request = format!("POST {place}");
        tokio::select! {
            end = execution => panic!("{name} ended: {end:?}"),
            () = server.has_seen(&request) => {}
        }
        tokio::task::spawn_blocking(move || gate.wait()).await.unwrap();
        sovd.settle().await;
        let removal = format!("DELETE {place}/1");
        let removed = server.seen().iter().filter(|it| it.line.starts_with(&removal)).count();
        assert_eq!(removed, 1, "{name}");
    }
}

#[tokio::test]
async fn a_vehicle_that_never_says_what_it_has_made_does_not_hold_a_stop_up() {
    let watching = making().into_iter().take(4);
    join_all(watching.map(|(name, params, collection)| async move {
        let server = vehicle(|_| Reply::Answer(plain(1, "")));
        let (sovd, stop) = (connector(1 << 20), CancellationToken::new());
        let order = order(&server.address(), name, params);
        let cancel = async {
            server.has_seen(&format!("POST /v1/components/rich/{collection}")).await;
            stop.cancel();
        };
        let (outcome, ()) = tokio::join!(run_until(&sovd, order, stop.clone()), cancel);
        assert_eq!(outcome.end, End::Lost, "{name}");
    }))
    .await;
}
