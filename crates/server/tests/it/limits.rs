//! Limits: what a client can do to a connection that no library of a client would do.

use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Backend, Client, Platform};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection on which a test writes bytes of its own.
struct Raw(TcpStream);

impl Raw {
    async fn open(p: &Platform) -> Self {
        let address = p.url().trim_start_matches("http://");
        Self(TcpStream::connect(address).await.unwrap())
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Writes while the server takes it: it may hang up in between.
    async fn pour(&mut self, bytes: &[u8]) {
        drop(self.0.write_all(bytes).await);
    }

    /// Upgrades to the stream of a command.
    async fn upgrade(p: &Platform, id: &str, token: &str) -> Self {
        let mut raw = Self::open(p).await;
        let request = format!(
            "GET /ws/responses/{id}?token={token} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        raw.write(request.as_bytes()).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        raw
    }

    /// The head of an answer.
    async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = tokio::time::timeout(PATIENCE, self.0.read_u8()).await;
            head.push(byte.expect("an answer comes").expect("the server has not hung up"));
        }
        String::from_utf8(head).unwrap()
    }

    /// The code of the close frame; 1006 if the connection ended without one.
    async fn close_code(&mut self) -> u16 {
        tokio::time::timeout(PATIENCE, self.read_close()).await.expect("it is closed in time")
    }

    async fn read_close(&mut self) -> u16 {
        while let Ok(opcode) = self.0.read_u8().await {
            let length = match self.0.read_u8().await.unwrap_or(0) {
                126 => self.0.read_u16().await.unwrap_or(0).into(),
                127 => self.0.read_u64().await.unwrap_or(0),
                short => short.into(),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            if self.0.read_exact(&mut payload).await.is_err() {
                break;
            }
            if opcode == 0x88 {
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
        1006
    }

    /// Waits until the server has hung up.
    async fn is_hung_up(&mut self) {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut rest)).await;
        drop(end.expect("the server hangs up in time"));
    }
}

/// A frame with a mask of zeros, which changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126);
    let mut bytes = vec![first, 0x80 | length, 0, 0, 0, 0];
    bytes.extend(payload);
    bytes
}

/// A platform with a command that says nothing for a minute, and who may watch it.
async fn silence(settings: &[(&str, &str)]) -> (Platform, Client, String) {
    let p = Platform::start_with(Backend::Sqlite, settings).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let engine = json!({ "ecuAddress": "0x10" });
    let id = engineer.submit(p.vehicle().vehicle_id, "ReadDTC", engine).await;
    (p, engineer, id)
}

/// What this process holds in memory.
pub(crate) fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[tokio::test]
async fn a_place_is_free_again_when_its_holder_vanishes() {
    let (p, engineer, id) = silence(&[("ws.max_sockets_per_user", "2")]).await;
    let held = [engineer.watch(&id).await, engineer.watch(&id).await];
    p.settles("fleetwire_websocket_connections_active", 2.0).await;
    assert_eq!(engineer.watch(&id).await.close_code().await, 4429);
    let admin = p.admin().await;
    let other = admin.watch(&id).await;
    p.settles("fleetwire_websocket_connections_active", 3.0).await;
    drop((held, other));
    p.settles("fleetwire_websocket_connections_active", 0.0).await;
    let again = [engineer.watch(&id).await, engineer.watch(&id).await];
    p.settles("fleetwire_websocket_connections_active", 2.0).await;
    drop(again);
}

#[tokio::test]
async fn the_server_has_so_many_places_and_no_more() {
    let (p, engineer, id) = silence(&[("ws.max_sockets", "2")]).await;
    let _held = [engineer.watch(&id).await, engineer.watch(&id).await];
    p.settles("fleetwire_websocket_connections_active", 2.0).await;
    let admin = p.admin().await;
    assert_eq!(admin.watch(&id).await.close_code().await, 4429);
}

#[tokio::test]
async fn a_socket_follows_so_much_and_no_more() {
    let (p, engineer, id) = silence(&[("ws.max_subscriptions", "2")]).await;
    let mut socket = engineer.watch(&id).await;
    let subscribe = |target: &Value| {
        let mut action = target.clone();
        action["action"] = json!("subscribe");
        action
    };
    let vehicle = json!({ "channel": format!("vehicle:{}", p.vehicle().vehicle_id) });
    let fleet = json!({ "channel": format!("fleet:{}", p.fleet_id()) });
    socket.send(subscribe(&vehicle)).await;
    assert_eq!(socket.next().await["event"], "vehicle_status");
    socket.send(subscribe(&fleet)).await;
    assert_eq!(socket.next().await["code"], "too-many-subscriptions");
    // What is followed already changes nothing, also when there is no room.
    for known in [json!({ "command_id": id }), vehicle.clone()] {
        socket.send(subscribe(&known)).await;
        socket.send(json!({ "action": "ping" })).await;
        assert_eq!(socket.next().await["event"], "pong", "{known}");
    }
    let mut leave = vehicle;
    leave["action"] = json!("unsubscribe");
    socket.send(leave).await;
    socket.send(subscribe(&fleet)).await;
    assert_eq!(socket.next().await["event"], "vehicle_status");
}

#[tokio::test]
async fn a_claimed_length_costs_nothing() {
    let (p, engineer, id) = silence(&[]).await;
    let before = resident_bytes();
    for claimed in [1_u64 << 62, u64::MAX >> 1, 1 << 30, 1 << 15] {
        let mut raw = Raw::upgrade(&p, &id, engineer.token()).await;
        let mut head = vec![0x81, 0x80 | 127];
        head.extend(claimed.to_be_bytes());
        head.extend([0; 4]);
        raw.write(&head).await;
        assert_eq!(raw.close_code().await, 4413, "{claimed}");
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 256 << 20, "{grown} bytes");
}

#[tokio::test]
async fn frames_that_break_the_protocol_close_with_its_code() {
    let (p, engineer, id) = silence(&[]).await;
    for (what, bytes, code) in [
        ("reserved bit 1: nobody agreed on compression", frame(0xC1, b"{}"), 1002),
        ("reserved bit 3", frame(0x91, b"{}"), 1002),
        ("unknown data frame", frame(0x83, b"{}"), 1002),
        ("unknown control frame", frame(0x8B, b""), 1002),
        ("without a mask", vec![0x81, 2, b'{', b'}'], 1002),
        ("a continuation of nothing", frame(0x80, b"{}"), 1002),
        ("text within text", [frame(0x01, b"{"), frame(0x81, b"}")].concat(), 1002),
        ("a ping in pieces", frame(0x09, b"x"), 1002),
        ("text that is not UTF-8", frame(0x81, &[0xFF, 0xFE]), 1007),
        ("pieces that are not UTF-8", [frame(0x01, b"{"), frame(0x80, &[0xC0])].concat(), 1007),
        ("binary", frame(0x82, b"{}"), 4400),
    ] {
        let mut raw = Raw::upgrade(&p, &id, engineer.token()).await;
        raw.write(&bytes).await;
        assert_eq!(raw.close_code().await, code, "{what}");
    }
}

#[tokio::test]
async fn a_message_in_pieces_has_the_limit_of_a_whole_one() {
    let (p, engineer, id) = silence(&[]).await;
    let mut raw = Raw::upgrade(&p, &id, engineer.token()).await;
    let mut pieces = frame(0x01, &[b' '; 100]);
    for _ in 0..200 {
        pieces.extend(frame(0x00, &[b' '; 100]));
    }
    raw.pour(&pieces).await;
    assert_eq!(raw.close_code().await, 4413);
}

#[tokio::test]
async fn a_message_that_never_ends_is_silence() {
    let settings = [("ws.ping_interval", "200ms"), ("ws.peer_timeout", "500ms")];
    let (p, engineer, id) = silence(&settings).await;
    let mut raw = Raw::upgrade(&p, &id, engineer.token()).await;
    raw.write(&frame(0x01, b"")).await;
    let empty = frame(0x00, b"").repeat(1000);
    let (mut reading, mut writing) = raw.0.split();
    let mut rest = Vec::new();
    let hung_up = tokio::select! {
        end = tokio::time::timeout(PATIENCE, reading.read_to_end(&mut rest)) => end.is_ok(),
        // Until the server does not take it any more.
        () = async { while writing.write_all(&empty).await.is_ok() {} } => true,
    };
    assert!(hung_up);
    p.settles("fleetwire_websocket_connections_active", 0.0).await;
}

#[tokio::test]
async fn pings_are_not_free() {
    let (_p, engineer, id) = silence(&[]).await;
    let mut socket = engineer.watch(&id).await;
    for _ in 0..60 {
        socket.send_message(Message::Ping("are you there?".into())).await;
    }
    assert_eq!(socket.close_code().await, 4429);
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let (p, _engineer, _id) = silence(&[]).await;
    let many = "x-many: 1\r\n".repeat(200);
    let large = format!("x-large: {}\r\n", "x".repeat(20_000));
    for headers in [many, large] {
        let mut raw = Raw::open(&p).await;
        raw.pour(format!("GET /livez HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes()).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 431"), "{head}");
    }
}

#[tokio::test]
async fn a_header_that_takes_its_time_ends_the_connection() {
    let (p, _engineer, _id) = silence(&[("http.header_timeout", "300ms")]).await;
    let mut raw = Raw::open(&p).await;
    raw.write(b"GET /livez HTTP/1.1\r\nHost:").await;
    raw.is_hung_up().await;
    // So does one that never comes.
    Raw::open(&p).await.is_hung_up().await;
}

#[tokio::test]
async fn connections_over_the_limit_wait_and_are_served_later() {
    let p = Platform::start_with(Backend::Sqlite, &[("http.max_connections", "3")]).await;
    let request = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(Raw::open(&p).await);
    }
    let mut waiting = Vec::new();
    for _ in 0..5 {
        let mut raw = Raw::open(&p).await;
        raw.write(request).await;
        waiting.push(raw);
    }
    drop(held);
    for raw in &mut waiting {
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    }
}
