//! Bulk data on its way from a vehicle, whole or not.
//! What is not what the vehicle described is never said to be complete.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fleetwire_connect::{End, Part};
use model::command::Refusal;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, Outcome, connector, order, run, run_within};
use crate::odd::{Reply, Server, plain};

const COMPUTER: &str = "components/hpc";
/// Of the four bytes `abcd`.
const SHA256: &str = "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589";

fn item(id: &str) -> Value {
    json!({"entity": COMPUTER, "category": "logs", "id": id})
}

/// A server with one item that is described so and answered so.
fn server(item: &'static str, content: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Server {
    let asked = AtomicU64::new(0);
    Server::beside(move |request| {
        let list = |items: &str| Reply::Answer(plain(200, &format!(r#"{{"items":[{items}]}}"#)));
        Some(match request.line.as_str() {
            "GET /v1/components/rich/bulk-data" => list(r#""maps""#),
            "GET /v1/components/rich/bulk-data/maps" => list(item),
            "GET /v1/components/rich/bulk-data/maps/m" => {
                content(usize::try_from(asked.fetch_add(1, Ordering::SeqCst)).unwrap())
            }
            _ => return None,
        })
    })
}

async fn download(server: &Server) -> Outcome {
    let params = json!({"entity": "components/rich", "category": "maps", "id": "m"});
    run(&connector(1 << 20), order(&server.address(), "bulk.download", params)).await
}

/// The bytes of all pieces, each of which begins where the last one ended.
fn length(outcome: &Outcome) -> u64 {
    let mut length = 0;
    for payload in outcome.payloads().iter().filter(|part| !part["data"].is_null()) {
        assert_eq!(payload["offset"], length);
        length += payload["size"].as_u64().unwrap();
    }
    length
}

#[tokio::test]
async fn fifty_megabytes_come_in_pieces_and_are_verified() {
    let bench = Bench::full().await;
    let order = bench.order("bulk.download", item("trace"));
    // It takes seconds on a machine that has nothing else to do.
    let patience = Duration::from_mins(2);
    let outcome = run_within(patience, &bench.sovd, order, CancellationToken::new()).await;
    assert_eq!(outcome.end, End::Answered);
    let payloads = outcome.payloads();
    assert_eq!(payloads[0]["item"]["id"], "trace");
    assert_eq!(payloads[0]["size"], 50_000_000);
    assert_eq!(length(&outcome), 50_000_000);
    // A first part, 191 pieces of 256 KiB at most, a last part.
    assert_eq!(outcome.parts.len(), 193);
    let last = payloads.last().unwrap();
    assert_eq!((&last["size"], &last["verified"]), (&json!(50_000_000), &json!(true)));
    assert_eq!(last["sha256"], payloads[0]["item"]["hash"]);
}

#[tokio::test]
async fn what_the_vehicle_has_to_prepare_is_waited_for() {
    let bench = Bench::full().await;
    let outcome = bench.run("bulk.download", item("crash_dump")).await;
    assert_eq!(outcome.end, End::Answered);
    let payloads = outcome.payloads();
    assert_eq!(payloads[0]["waiting"], "the vehicle prepares the content");
    assert!(payloads[0]["retry_after_ms"].as_u64().unwrap() >= 1000);
    assert_eq!(payloads.last().unwrap()["verified"], true);
}

#[tokio::test]
async fn what_has_moved_is_fetched_where_it_is() {
    let bench = Bench::full().await;
    let params = json!({"entity": COMPUTER, "category": "maps", "id": "eu"});
    let outcome = bench.run("bulk.download", params).await;
    assert_eq!(length(&outcome), 5_000_000);
    let there = bench.ask(&format!("{COMPUTER}/bulk-data/maps")).await;
    let items = there["items"].as_array().unwrap();
    let europe = items.iter().find(|item| item["id"] == "europe").unwrap();
    let last = outcome.payloads().pop().unwrap();
    assert_eq!((&last["sha256"], &last["verified"]), (&europe["hash"], &json!(true)));
}

#[tokio::test]
async fn whoever_takes_no_pieces_holds_the_vehicle_back() {
    let written = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&written);
    let server = server(r#"{"id":"m","size":100000000}"#, move |_| {
        let counted = Arc::clone(&counted);
        Reply::Writes(Box::new(move |stream| {
            let mut is_open =
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n").is_ok();
            let block = vec![7; 100_000];
            while is_open && counted.load(Ordering::SeqCst) < 100_000_000 {
                is_open = stream.write_all(&block).is_ok();
                counted.fetch_add(100_000, Ordering::SeqCst);
            }
        }))
    });
    let params = json!({"entity": "components/rich", "category": "maps", "id": "m"});
    let order = order(&server.address(), "bulk.download", params);
    let (sender, mut receiver) = mpsc::channel::<Part>(2);
    let sovd = connector(1 << 20);
    let mut execution = Box::pin(sovd.execute(order, sender, CancellationToken::new()));
    let patience = Duration::from_secs(1);
    assert!(tokio::time::timeout(patience, &mut execution).await.is_err());
    assert!(written.load(Ordering::SeqCst) < 50_000_000, "the sockets hold less");
    assert_eq!(receiver.len(), 2);
    drop(execution);
    assert_eq!(receiver.recv().await.unwrap().part, 1);
}

#[tokio::test]
async fn content_that_is_not_what_was_described_is_malformed() {
    let described = r#"{"id":"m","size":4,"hash_algorithm":"sha-256",
        "hash":"0000000000000000000000000000000000000000000000000000000000000000"}"#;
    let server = server(described, |_| Reply::Answer(plain(200, "abcd")));
    let outcome = download(&server).await;
    assert_eq!(outcome.end, End::Malformed);
    let payloads = outcome.payloads();
    let last = payloads.last().unwrap();
    assert_eq!((&last["verified"], &last["sha256"]), (&json!(false), &json!(SHA256)));
    assert_eq!(last["expected_sha256"], "0".repeat(64));
    assert!(outcome.parts.iter().all(|part| !part.is_final));
}

#[tokio::test]
async fn content_without_a_known_digest_is_complete_but_not_verified() {
    let described = r#"{"id":"m","size":4,"hash_algorithm":"md5","hash":"00"}"#;
    let server = server(described, |_| Reply::Answer(plain(200, "abcd")));
    let outcome = download(&server).await;
    assert_eq!(outcome.end, End::Answered);
    assert_eq!(outcome.payloads()[1], json!({"offset": 0, "size": 4, "data": "YWJjZA=="}));
    assert_eq!(outcome.payloads()[2], json!({"size": 4, "sha256": SHA256, "verified": null}));
}

#[tokio::test]
async fn content_that_breaks_off_is_truncated_even_if_the_connection_does_not_tell() {
    for head in ["content-length: 8\r\n", "connection: close\r\n"] {
        let server = server(r#"{"id":"m","size":8}"#, move |_| {
            Reply::Writes(Box::new(move |stream| {
                write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\nabcd").unwrap();
            }))
        });
        let outcome = download(&server).await;
        assert_eq!(outcome.end, End::Truncated, "{head}");
        assert!(outcome.parts.iter().all(|part| !part.is_final));
    }
}

#[tokio::test]
async fn content_beyond_the_described_size_is_malformed_and_not_waited_for() {
    let server = server(r#"{"id":"m","size":3}"#, |_| {
        Reply::Writes(Box::new(|stream| {
            write!(stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n")
                .unwrap();
            loop {
                std::thread::park();
            }
        }))
    });
    let outcome = download(&server).await;
    assert_eq!(outcome.end, End::Malformed);
    assert!(outcome.parts.iter().all(|part| !part.is_final));
}

#[tokio::test]
async fn content_elsewhere_is_fetched_there() {
    let server = server(r#"{"id":"m","size":4}"#, |asked| {
        Reply::Answer(match asked {
            0 => (307, "location: m\r\n".to_owned(), String::new()),
            1 => (202, "retry-after: 0\r\n".to_owned(), String::new()),
            _ => plain(200, "abcd"),
        })
    });
    let outcome = download(&server).await;
    assert_eq!(outcome.end, End::Answered);
    assert_eq!(length(&outcome), 4);
}

#[tokio::test]
async fn a_download_that_is_stopped_is_given_up() {
    let server = server(r#"{"id":"m"}"#, |_| {
        Reply::Answer((202, "retry-after: 60\r\n".to_owned(), String::new()))
    });
    let params = json!({"entity": "components/rich", "category": "maps", "id": "m"});
    let order = order(&server.address(), "bulk.download", params);
    let (sender, mut receiver) = mpsc::channel::<Part>(2);
    let (sovd, stop) = (connector(1 << 20), CancellationToken::new());
    let cancel = async {
        receiver.recv().await.unwrap();
        stop.cancel();
    };
    let (end, ()) = tokio::join!(sovd.execute(order, sender, stop.clone()), cancel);
    assert_eq!(end, End::Stopped);
}

#[tokio::test]
async fn categories_and_items_are_what_the_vehicle_lists() {
    let bench = Bench::full().await;
    let outcome = bench.run("bulk.list", json!({"entity": COMPUTER})).await;
    assert_eq!(outcome.only(), json!({"items": ["maps", "logs"]}));
    let outcome = bench.run("bulk.list", json!({"entity": COMPUTER, "category": "logs"})).await;
    assert_eq!(outcome.only(), bench.ask(&format!("{COMPUTER}/bulk-data/logs")).await);
    let outcome = bench.run("bulk.list", json!({"entity": COMPUTER, "category": "odd"})).await;
    assert_eq!(
        outcome.refused(Refusal::Unsupported),
        "no category odd; this entity has maps, logs"
    );
    let params = json!({"entity": COMPUTER, "category": "logs",
        "created_after": "2200-01-01T00:00:00Z"});
    assert_eq!(bench.run("bulk.list", params).await.only(), json!({"items": []}));
}

#[tokio::test]
async fn an_item_is_deleted_once_and_one_in_use_is_not() {
    let bench = Bench::full().await;
    let alps = json!({"entity": COMPUTER, "category": "maps", "id": "alps"});
    let outcome = bench.run("bulk.delete", alps.clone()).await;
    assert_eq!(outcome.only(), json!({"confirmed": true}));
    assert_eq!(bench.counts(&outcome).await.executions, 1);
    let again = bench.run("bulk.delete", alps).await;
    again.refused(Refusal::Unsupported);
    let outcome = bench.run("bulk.delete", json!({"entity": COMPUTER, "category": "maps"})).await;
    assert_eq!(outcome.only()["errors"][0]["id"], "europe");
    let outcome = bench.run("bulk.delete", json!({"entity": COMPUTER, "category": "maps"})).await;
    assert!(outcome.vehicle_error().starts_with("europe: "), "{outcome:?}");
}
