//! The cursor: whoever comes late, comes back or reads slowly sees every event once, in order.

use crate::limits::resident_bytes;
use crate::on_both;
use crate::websocket::read;
use model::user::Role;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Backend, Client, Heard, Platform, audit, sequences};

on_both! {
    a_late_watcher_sees_everything
    a_watcher_that_comes_back_goes_on_where_it_was
    a_slow_reader_gets_every_large_part
    readers_that_stop_and_go_get_every_small_part
}

async fn a_late_watcher_sees_everything(backend: Backend) {
    let p = Platform::start_on(backend).await;
    p.vehicle().set(json!({ "delay_ms": 0, "parts": 110, "part_interval_ms": 50 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let late = [0_u64, 50, 400, 1300, 2500, 4000, 5400, 6000].map(|delay_ms| {
        let (engineer, id) = (engineer.clone(), id.clone());
        async move {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            engineer.watch(&id).await.until_end().await
        }
    });
    let seen = futures_util::future::join_all(late).await;
    for events in &seen {
        assert_eq!(sequences(events), (1..=110).collect::<Vec<_>>());
        assert_eq!(events, &seen[0]);
    }
}

async fn a_watcher_that_comes_back_goes_on_where_it_was(backend: Backend) {
    let p = Platform::start_on(backend).await;
    p.vehicle().set(json!({ "delay_ms": 0, "parts": 100, "part_interval_ms": 5 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
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

async fn readers_that_stop_and_go_get_every_small_part(backend: Backend) {
    readers_stop_and_go(Platform::start_on(backend).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_stop_and_go_get_every_small_part_over_tls() {
    readers_stop_and_go(Platform::start_tls(&[]).await).await;
}

/// Each takes some at once and then nothing for a while, which fills what lies between; and asks
/// something in the middle of it all.
async fn readers_stop_and_go(p: Platform) {
    const PARTS: u64 = 3_000;
    p.vehicle().set(json!({ "delay_ms": 0, "parts": PARTS, "part_bytes": 1_000 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let path = format!("/ws/responses/{id}?token={}", engineer.token());
    let readers = (1..=4_u64).map(|reader| {
        let (engineer, path) = (engineer.clone(), path.clone());
        async move {
            let mut socket = engineer.connect_narrow(&path).await;
            let (mut expected, mut answers) = (1, 0);
            while expected <= PARTS {
                let event = socket.next().await;
                answers += u64::from(event["event"] == "pong");
                if event["event"] != "response" {
                    continue;
                }
                assert_eq!(event["sequence_number"], expected);
                expected += 1;
                if expected % (50 * reader) == 0 {
                    socket.send(json!({ "action": "ping" })).await;
                    tokio::time::sleep(Duration::from_millis(50 * reader)).await;
                }
            }
            answers
        }
    });
    let answers = futures_util::future::join_all(readers).await;
    assert!(answers.iter().all(|count| *count > 1), "{answers:?}");
}

/// What an SSE stream says until it ends, and whether it ended by itself.
struct Lines(reqwest::Response);

impl Lines {
    async fn open(p: &Platform, who: &Client, path: &str, last_event_id: Option<u64>) -> Self {
        let mut request = reqwest::Client::new().get(format!("{}{path}", p.url()));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let answer = request.bearer_auth(who.token()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        Self(answer)
    }

    /// The events until the stream ends.
    async fn until_end(self) -> Vec<Value> {
        let text = tokio::time::timeout(PATIENCE, self.0.text()).await.expect("it ends in time");
        let text = text.unwrap();
        assert!(text.starts_with("retry: 2000\n\n"), "{text}");
        let events = text.split("\n\n").filter_map(|event| event.split_once("data: "));
        let events = events.map(|(head, data)| {
            let event: Value = serde_json::from_str(data).unwrap();
            assert_eq!(head, format!("id: {}\n", event["offset"]));
            event
        });
        events.collect()
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn server_sent_events_tell_the_same_as_a_socket() {
    let p = Platform::start().await;
    p.vehicle().set(json!({ "delay_ms": 0, "parts": 40, "part_interval_ms": 10 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let path = format!("/api/v1/commands/{id}/events");
    let live = Lines::open(&p, &engineer, &path, None).await;
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("x-accel-buffering", "no"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(live.0.headers()[name], value);
    }
    let live = live.until_end().await;
    let late = Lines::open(&p, &engineer, &path, None).await.until_end().await;
    assert_eq!(live, late);
    assert_eq!(sequences(&live), (1..=40).collect::<Vec<_>>());
    let offsets: Vec<u64> = live.iter().map(|event| event["offset"].as_u64().unwrap()).collect();
    assert_eq!(offsets, (1..=offsets.len() as u64).collect::<Vec<_>>());
    let resumed = Lines::open(&p, &engineer, &path, Some(10)).await.until_end().await;
    assert_eq!(resumed, live[10..]);
    let path = format!("{path}?after=12");
    let resumed = Lines::open(&p, &engineer, &path, Some(10)).await.until_end().await;
    assert_eq!(resumed, live[12..], "the address beats the header");
    let socket = engineer.watch(&id).await.until_end().await;
    let plain = |event: &&Value| event["event"] != "status" || event["completed_at"].is_string();
    assert_eq!(socket, live.iter().filter(plain).cloned().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_long_poll_goes_on_to_the_end() {
    let p = Platform::start().await;
    p.vehicle().set(json!({ "delay_ms": 100, "parts": 40, "part_interval_ms": 10 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let (mut after, mut events) = (0, Vec::new());
    loop {
        let page = poll(&engineer, &id, after, 20).await;
        let found = page["events"].as_array().unwrap();
        assert!(!found.is_empty(), "it waits until there is something: {page}");
        events.extend(found.iter().cloned());
        after = page["next_after"].as_u64().unwrap();
        assert_eq!(events.last().unwrap()["offset"], after);
        if page["terminal"] == true {
            break;
        }
    }
    assert_eq!(sequences(&events), (1..=40).collect::<Vec<_>>());
    assert!(events.last().unwrap()["completed_at"].is_string());
    let over = json!({ "events": [], "next_after": after, "terminal": true });
    assert_eq!(poll(&engineer, &id, after, 20).await, over);
}

async fn poll(who: &Client, id: &str, after: u64, wait: u64) -> Value {
    let path = format!("/api/v1/commands/{id}/events?after={after}&wait={wait}");
    let accept = [("accept", "application/json")];
    let reply = who.send(reqwest::Method::GET, &path, None, &accept).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
    reply.json
}

#[tokio::test]
async fn a_poll_that_does_not_wait_says_what_is_there() {
    let p = Platform::start().await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let first = poll(&engineer, &id, 0, 0).await;
    assert!(!first["events"].as_array().unwrap().is_empty(), "{first}");
    let page = poll(&engineer, &id, u64::MAX, 0).await;
    assert_eq!((&page["events"], &page["terminal"]), (&json!([]), &json!(false)));
}

#[tokio::test]
async fn streams_and_polls_take_places_and_give_them_back() {
    let settings = [("ws.max_sockets_per_user", "2")];
    let p = Platform::start_with(Backend::Sqlite, &settings).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let path = format!("/api/v1/commands/{id}/events");
    let stream = Lines::open(&p, &engineer, &path, None).await;
    poll(&engineer, &id, 0, 0).await;
    let socket = engineer.watch(&id).await;
    p.settles("fleetwire_websocket_connections_active", 1.0).await;
    for accepted in ["text/event-stream", "application/json"] {
        let accept = [("accept", accepted)];
        let reply = engineer.send(reqwest::Method::GET, &path, None, &accept).await;
        assert_eq!(reply.status, 429, "{}", reply.json);
        assert_eq!(reply.json["type"], "/problems/too-many-streams");
    }
    poll(&p.admin().await, &id, 0, 0).await;
    drop(stream);
    p.settles("fleetwire_event_streams_active", 0.0).await;
    poll(&engineer, &id, 0, 0).await;
    drop(socket);
}

#[tokio::test]
async fn streams_and_polls_end_with_the_right_to_them() {
    let p = Platform::start().await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let path = format!("/api/v1/commands/{id}/events");
    for is_logout in [true, false] {
        let name = if is_logout { "leaver" } else { "loser" };
        let guest = p.user(name, Role::Viewer, &[p.fleet_id()]).await;
        let known = engineer.command(&id).await["last_offset"].as_u64().unwrap();
        let stream = Lines::open(&p, &guest, &path, None).await;
        let polling = poll(&guest, &id, known, 20);
        let ending = async {
            p.settles("fleetwire_event_streams_active", 2.0).await;
            if is_logout {
                guest.post("/api/v1/auth/logout", json!({})).await;
            } else {
                let me = guest.get("/api/v1/auth/me").await.json;
                let user_id = me["user_id"].as_str().unwrap().parse().unwrap();
                p.store().revoke(user_id, p.fleet_id(), audit("authz_change")).await.unwrap();
            }
            std::time::Instant::now()
        };
        let (events, page, since) = tokio::join!(stream.until_end(), polling, ending);
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
        assert!(events.iter().all(|event| event["completed_at"].is_null()));
        assert_eq!((&page["events"], &page["terminal"]), (&json!([]), &json!(false)), "{name}");
    }
}

#[tokio::test]
async fn going_down_ends_streams_and_polls() {
    let p = Platform::start().await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let body = json!({ "vehicle_id": p.vehicle().vehicle_id, "command_name": "ReadDTC",
        "command_params": { "ecuAddress": "0x10" }, "run_timeout_ms": 2_000 });
    let id = engineer.submit_body(body).await;
    testkit::eventually("it runs", async || engineer.command(&id).await["state"] == "running")
        .await;
    let known = engineer.command(&id).await["last_offset"].as_u64().unwrap();
    let path = format!("/api/v1/commands/{id}/events");
    let stream = Lines::open(&p, &engineer, &path, None).await;
    let polling = poll(&engineer, &id, known, 20);
    let stopping = async {
        p.settles("fleetwire_event_streams_active", 2.0).await;
        p.stop().await;
    };
    let (events, page, ()) = tokio::join!(stream.until_end(), polling, stopping);
    assert!(events.iter().all(|event| event["completed_at"].is_null()));
    assert_eq!(page["terminal"], false);
}

#[tokio::test]
async fn a_long_list_of_answers_is_never_in_memory_as_a_whole() {
    const PARTS: u64 = 800;
    let p = Platform::start().await;
    p.vehicle().set(json!({ "delay_ms": 0, "parts": PARTS, "part_bytes": 100_000 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    for parts in [PARTS / 4, PARTS / 2, 3 * PARTS / 4] {
        let has = async || engineer.command(&id).await["last_offset"].as_u64() > Some(parts);
        testkit::eventually("more comes", has).await;
    }
    testkit::eventually("it ends", async || {
        engineer.command(&id).await["completed_at"].is_string()
    })
    .await;
    let before = resident_bytes();
    let url = format!("{}/api/v1/commands/{id}/responses", p.url());
    let request = reqwest::Client::new().get(url).bearer_auth(engineer.token());
    let mut answer = request.send().await.unwrap();
    let (mut length, mut most) = (0, before);
    while let Some(chunk) = answer.chunk().await.unwrap() {
        length += chunk.len() as u64;
        most = most.max(resident_bytes());
    }
    assert!(length > PARTS * 100_000, "{length} bytes");
    assert!(most - before < length / 2, "{} bytes in memory of {length}", most - before);
}
