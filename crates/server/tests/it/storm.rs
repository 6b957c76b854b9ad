//! Storms: many watchers that come and go, and watchers that stop reading in the middle.

use crate::limits::resident_bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use model::user::Role;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::{Backend, Client, Heard, Platform, audit, eventually, sequences};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const SOCKETS: &str = "fleetwire_websocket_connections_active";
const PATIENCE: Duration = Duration::from_mins(1);

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

/// A WebSocket that a test reads itself, or not at all; the window of its connection is small.
struct Reader(WebSocketStream<TcpStream>);

impl Reader {
    async fn open(p: &Platform, who: &Client, id: &str) -> Self {
        let address = p.url().trim_start_matches("http://").parse().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        let stream = socket.connect(address).await.unwrap();
        let url = format!("ws://{address}/ws/responses/{id}?token={}", who.token());
        Self(tokio_tungstenite::client_async(url, stream).await.unwrap().0)
    }

    /// How many events come up to the close, and its code; 1006 without one.
    async fn count_to_close(&mut self) -> (u64, u16) {
        let mut count = 0;
        loop {
            let next = tokio::time::timeout(PATIENCE, self.0.next()).await;
            match next.expect("something comes in time") {
                Some(Ok(Message::Text(_))) => count += 1,
                Some(Ok(Message::Close(Some(frame)))) => return (count, frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return (count, 1006),
            }
        }
    }

    /// How many events come up to the terminal status; their order is checked on the way.
    async fn count_all(&mut self) -> u64 {
        let mut count = 0;
        loop {
            let next = tokio::time::timeout(PATIENCE, self.0.next()).await;
            if let Message::Text(text) = next.expect("in time").expect("open").unwrap() {
                count += 1;
                if text.contains(r#""completed_at""#) {
                    return count;
                }
                assert!(text.contains(&format!(r#""sequence_number":{count},"#)), "{count}");
            }
        }
    }
}

async fn submit(p: &Platform, who: &Client, setting: Value) -> String {
    p.vehicle().set(setting).await;
    let body = json!({ "vehicle_id": p.vehicle().vehicle_id, "command_name": "ReadDTC",
        "command_params": { "ecuAddress": "0x10" }, "run_timeout_ms": 600_000 });
    who.submit_body(body).await
}

/// A command that has answered with so many parts, and is over.
async fn answered(p: &Platform, who: &Client, parts: u64, part_bytes: u64) -> String {
    let setting = json!({ "delay_ms": 0, "parts": parts, "part_bytes": part_bytes });
    let id = submit(p, who, setting).await;
    eventually("it ends", async || who.command(&id).await["completed_at"].is_string()).await;
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_commands_keep_their_order_while_watchers_come_and_go() {
    const PARTS: u64 = 30;
    let p = Platform::start_with(Backend::Sqlite, &[("live.ring_bytes", "4096")]).await;
    let engineer = p.engineer().await;
    let setting = json!({ "delay_ms": 0, "parts": PARTS, "part_interval_ms": 3 });
    p.other_vehicle().set(setting.clone()).await;
    p.vehicle().set(setting).await;
    let mut ids = Vec::new();
    for number in 0..40 {
        let vehicle = if number % 2 == 0 { p.vehicle() } else { p.other_vehicle() };
        let engine = json!({ "ecuAddress": "0x10" });
        ids.push(engineer.submit(vehicle.vehicle_id, "ReadDTC", engine).await);
    }
    let watching = (0..120).map(|seed| come_and_go(&engineer, &ids[seed % 40], Dice(seed as u64)));
    let seen = join_all(watching).await;
    for (number, events) in seen.iter().enumerate() {
        assert_eq!(sequences(events), (1..=PARTS).collect::<Vec<_>>(), "watcher {number}");
        let ends = events.iter().filter(|event| event["completed_at"].is_string());
        assert_eq!(ends.count(), 1, "watcher {number}");
        assert_eq!(events, &seen[number % 40], "all watchers of a command see the same");
    }
    p.settles(SOCKETS, 0.0).await;
    p.settles("fleetwire_topics_active", 0.0).await;
}

/// Watches a command to its end, in many short visits.
async fn come_and_go(engineer: &Client, id: &str, mut dice: Dice) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    loop {
        let after = events.last().map_or(0, |event| event["offset"].as_u64().unwrap());
        let mut socket = engineer.watch_after(id, after).await;
        for _ in 0..=dice.throw(12) {
            match socket.heard().await {
                Heard::Event(event) => events.push(event),
                Heard::Closed(code, reason) => panic!("{code}: {reason}"),
            }
            if events.last().is_some_and(|event| event["completed_at"].is_string()) {
                return events;
            }
        }
        if dice.throw(2) == 0 {
            socket.send_message(Message::Close(None)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_return_to_nearly_the_same_place_share_what_is_read() {
    const COMMANDS: u32 = 4;
    const BEHIND: u64 = 100;
    const PAGES: &str = r#"fleetwire_log_reads_total{what="page"}"#;
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let mut logs = Vec::new();
    for _ in 0..COMMANDS {
        let id = answered(&p, &engineer, 150, 100).await;
        let last = engineer.command(&id).await["last_offset"].as_u64().unwrap();
        logs.push((id, last));
    }
    // As after a restart: what nobody watches is in nobody's memory.
    p.settles("fleetwire_topics_active", 0.0).await;
    let before = p.metric(PAGES).await;
    // The first of each command are the furthest behind.
    let places = (0..50).flat_map(|number| logs.iter().map(move |log| (log, BEHIND - number % 20)));
    let returning = places.map(|((id, last), behind)| {
        let engineer = &engineer;
        async move {
            let mut watch = engineer.watch_after(id, last - behind).await;
            (watch.until_end().await.len() as u64, behind)
        }
    });
    let mut returning: Vec<_> = returning.collect();
    let late = returning.split_off(logs.len());
    let mut seen = join_all(returning).await;
    seen.extend(join_all(late).await);
    assert!(seen.iter().all(|(count, behind)| count == behind), "{seen:?}");
    let read = p.metric(PAGES).await - before;
    // One for each command, and one more whenever a topic was let go before others came, which a busy machine does
    // again and again. There are 20 places.
    assert!(read <= 10.0 * f64::from(COMMANDS), "{read} pages");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_that_stop_reading_cost_the_others_nothing() {
    const PARTS: u64 = 150;
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let before = resident_bytes();
    let setting = json!({ "delay_ms": 500, "parts": PARTS, "part_bytes": 50_000 });
    let id = submit(&p, &engineer, setting).await;
    let mut stalled = Vec::new();
    for _ in 0..20 {
        stalled.push(Reader::open(&p, &engineer, &id).await);
    }
    let healthy = (0..40).map(|_| async {
        let mut reader = Reader::open(&p, &engineer, &id).await;
        reader.count_all().await
    });
    let seen = join_all(healthy).await;
    assert!(seen.iter().all(|&count| count == PARTS + 1), "{seen:?}");
    p.settles(SOCKETS, 20.0).await;
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 128 << 20, "{grown} bytes");
    // Nothing is lost for them either.
    assert_eq!(stalled.pop().unwrap().count_all().await, PARTS + 1);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    let p = Platform::start_with(Backend::Sqlite, &[("ws.stuck_after", "500ms")]).await;
    let engineer = p.engineer().await;
    let id = answered(&p, &engineer, 200, 100_000).await;
    let stalled = Reader::open(&p, &engineer, &id).await;
    p.settles(SOCKETS, 1.0).await;
    p.settles(SOCKETS, 0.0).await;
    p.settles(r#"fleetwire_websocket_closes_total{reason="stuck"}"#, 1.0).await;
    drop(stalled);
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed_with_4408() {
    let settings = [("ws.ping_interval", "100ms"), ("ws.peer_timeout", "500ms")];
    let p = Platform::start_with(Backend::Sqlite, &settings).await;
    let engineer = p.engineer().await;
    let id = submit(&p, &engineer, json!({ "delay_ms": 60_000 })).await;
    let Reader(socket) = Reader::open(&p, &engineer, &id).await;
    // Below the library, so that nobody answers for the client.
    let mut stream = socket.into_inner();
    let mut bytes = Vec::new();
    let end = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut bytes);
    tokio::time::timeout(PATIENCE, end).await.expect("it is closed").unwrap();
    let code = 4408_u16.to_be_bytes();
    assert!(bytes.windows(4).any(|four| four[0] == 0x88 && four[2..] == code), "{bytes:?}");
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_not_taken_for_dead() {
    const PARTS: usize = 100;
    let settings = [("ws.ping_interval", "100ms"), ("ws.peer_timeout", "700ms")];
    let p = Platform::start_with(Backend::Sqlite, &settings).await;
    let engineer = p.engineer().await;
    let id = answered(&p, &engineer, PARTS as u64, 100_000).await;
    let mut slow = Reader::open(&p, &engineer, &id).await;
    let reading = async {
        let mut count = 0;
        while count <= PARTS {
            match slow.0.next().await {
                Some(Ok(Message::Text(_))) => count += 1,
                Some(Ok(Message::Close(frame))) => panic!("{frame:?} after {count} events"),
                Some(Ok(_)) => {}
                Some(Err(error)) => panic!("{error} after {count} events"),
                None => panic!("gone after {count} events"),
            }
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("it gets everything");
}

#[tokio::test]
async fn logout_cuts_a_client_that_has_stopped_reading() {
    const PARTS: u64 = 200;
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let id = answered(&p, &engineer, PARTS, 100_000).await;
    let mut stalled = Reader::open(&p, &engineer, &id).await;
    p.settles(SOCKETS, 1.0).await;
    assert_eq!(engineer.post("/api/v1/auth/logout", json!({})).await.status, 200);
    let logged_out = Instant::now();
    let (count, code) = stalled.count_to_close().await;
    assert_eq!(code, 1008);
    assert!(count < PARTS, "it saw everything");
    assert!(logged_out.elapsed() < Duration::from_secs(1), "{:?}", logged_out.elapsed());
    drop(stalled.0.close(None).await);
}

#[tokio::test]
async fn a_grant_that_ends_ends_the_watching() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let guest = p.user("guest", Role::Viewer, &[]).await;
    let until = p.store().now() + Duration::from_secs(2);
    let me = guest.get("/api/v1/auth/me").await.json;
    let guest_id = me["user_id"].as_str().unwrap().parse().unwrap();
    p.store().grant(guest_id, p.fleet_id(), Some(until), audit("authz_change")).await.unwrap();
    let id = submit(&p, &engineer, json!({ "delay_ms": 60_000 })).await;
    eventually("the grant counts", async || {
        guest.get(&format!("/api/v1/commands/{id}")).await.status == 200
    })
    .await;
    let mut socket = guest.watch(&id).await;
    let mut channel = guest.watch(&id).await;
    channel.send(json!({ "action": "unsubscribe", "command_id": id })).await;
    let name = format!("fleet:{}", p.fleet_id());
    channel.send(json!({ "action": "subscribe", "channel": name })).await;
    for socket in [&mut socket, &mut channel] {
        assert_eq!(socket.closed().await, (1008, "session ended".to_owned()));
    }
    let late = p.store().now().duration_since(until);
    assert!((0..1000).contains(&late.as_millis()), "{late:?} after its end");
}

#[tokio::test]
async fn a_grant_that_is_taken_back_ends_the_watching() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let guest = p.user("guest", Role::Viewer, &[p.fleet_id()]).await;
    let id = submit(&p, &engineer, json!({ "delay_ms": 60_000 })).await;
    let mut watch = guest.watch(&id).await;
    let mut idle = guest.watch(&id).await;
    idle.send(json!({ "action": "unsubscribe", "command_id": id })).await;
    idle.send(json!({ "action": "ping" })).await;
    assert_eq!(idle.next().await["event"], "pong");
    let me = guest.get("/api/v1/auth/me").await.json;
    let guest_id = me["user_id"].as_str().unwrap().parse().unwrap();
    let taken = p.store().revoke(guest_id, p.fleet_id(), audit("authz_change")).await;
    assert!(taken.unwrap());
    let closed = tokio::time::timeout(Duration::from_secs(1), watch.closed()).await;
    assert_eq!(closed.expect("within a second").0, 1008);
    // Who follows nothing has nothing to lose.
    idle.send(json!({ "action": "ping" })).await;
    assert_eq!(idle.next().await["event"], "pong");
}

#[tokio::test]
async fn what_waits_for_room_runs_as_soon_as_there_is_some() {
    let p = Platform::start_with(Backend::Sqlite, &[("commands.max_in_flight", "1")]).await;
    let engineer = p.engineer().await;
    let mut ids = Vec::new();
    for number in 0..60 {
        let vehicle = if number % 2 == 0 { p.vehicle() } else { p.other_vehicle() };
        let engine = json!({ "ecuAddress": "0x10" });
        ids.push(engineer.submit(vehicle.vehicle_id, "ReadDTC", engine).await);
    }
    let begun = Instant::now();
    for id in &ids {
        engineer.watch(id).await.until_end().await;
    }
    // Sixty waits for the next look at the whole queue would be a minute.
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_transition_is_logged_once_however_many_parts_come() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let setting = json!({ "delay_ms": 0, "parts": 30, "part_interval_ms": 10 });
    let id = submit(&p, &engineer, setting).await;
    engineer.watch(&id).await.until_end().await;
    let lines = p.log().lines_with("command_transition");
    let lines: Vec<_> = lines.iter().filter(|line| line.contains(&id)).collect();
    assert_eq!(lines.len(), 3, "queued, running, completed: {lines:#?}");
}

#[tokio::test]
async fn a_vehicle_that_never_answers_gives_its_place_back() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    p.vehicle().set(json!({ "delay_ms": 0, "fault": "timeout" })).await;
    let body = json!({ "vehicle_id": p.vehicle().vehicle_id, "command_name": "ReadDTC",
        "command_params": { "ecuAddress": "0x10" }, "run_timeout_ms": 500 });
    let id = engineer.submit_body(body).await;
    let events = engineer.watch(&id).await.until_end().await;
    assert_eq!(events[0]["error_code"], "timeout");
    p.settles("fleetwire_commands_in_flight", 0.0).await;
}
