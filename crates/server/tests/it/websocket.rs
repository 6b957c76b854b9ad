//! The inherited WebSocket contract, on both databases.

use model::user::Role;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Backend, Client, Heard, Platform, sequences};
use tokio_tungstenite::tungstenite::Message;

const READ: &str = "ReadDTC";

fn engine() -> Value {
    json!({ "ecuAddress": "0x10" })
}

/// Has somebody read the faults of the vehicle; answers the command.
pub(crate) async fn read(p: &Platform, who: &Client) -> String {
    who.submit(p.vehicle().vehicle_id, READ, engine()).await
}

/// Runs a test on SQLite and on PostgreSQL.
#[macro_export]
macro_rules! on_both {
    ($($name:ident)+) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name(testkit::Backend::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::$name(testkit::Backend::Postgres).await;
            }
        }
    )+};
}

on_both! {
    a_valid_token_sees_the_whole_stream
    two_clients_see_the_same_stream
    whoever_may_not_watch_is_closed_with_1008
    a_failed_run_ends_with_error_and_status
    leaving_frees_everything
    logout_closes_open_sockets
}

async fn a_valid_token_sees_the_whole_stream(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let events = engineer.watch(&id).await.until_end().await;

    let numbers = sequences(&events);
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert!(numbers.len() >= 2, "one part per fault and a summary: {events:#?}");
    let (status, responses) = events.split_last().unwrap();
    for event in responses {
        assert_eq!(event["event"], "response");
        assert_eq!(event["command_id"], id);
        for copy in ["response_id", "response_payload", "is_final", "sequence_number"] {
            assert_eq!(event[copy], event["response"][copy], "{copy}");
        }
    }
    assert_eq!(responses.last().unwrap()["is_final"], true);
    assert_eq!(status["event"], "status");
    assert_eq!((&status["status"], &status["state"]), (&json!("completed"), &json!("completed")));
    let shown = engineer.command(&id).await;
    assert_eq!(shown["completed_at"], status["completed_at"]);
    assert_eq!(shown["last_offset"], status["offset"]);
    for name in ["websocket_connection_established", "websocket_closed", "command_transition"] {
        assert!(!p.log().lines_with(name).is_empty(), "{name}");
    }
    assert!(p.log().lines_with(engineer.token()).is_empty(), "the token is in the log");
}

async fn two_clients_see_the_same_stream(backend: Backend) {
    let p = Platform::start_on(backend).await;
    p.vehicle().set(json!({ "delay_ms": 200, "parts": 20, "part_interval_ms": 5 })).await;
    let engineer = p.engineer().await;
    let viewer = p.user("viewer", Role::Viewer, &[p.fleet_id()]).await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let (mut one, mut other) = (engineer.watch(&id).await, viewer.watch(&id).await);
    let (one, other) = tokio::join!(one.until_end(), other.until_end());
    assert_eq!(one, other);
    assert_eq!(sequences(&one), (1..=20).collect::<Vec<_>>());
}

async fn whoever_may_not_watch_is_closed_with_1008(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    let stranger = p.user("stranger", Role::Engineer, &[]).await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let token = engineer.token();
    let refresh = engineer.tokens["refresh_token"].as_str().unwrap();
    let cut: String = token.chars().take(token.len() - 4).collect();
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    for path in [
        format!("/ws/responses/{id}"),
        format!("/ws/responses/{id}?token="),
        format!("/ws/responses/{id}?token=nonsense"),
        format!("/ws/responses/{id}?token={cut}"),
        format!("/ws/responses/{id}?token={refresh}"),
        format!("/ws/responses/{id}?token={token}&token={token}"),
        format!("/ws/responses/{id}?ticket=nonsense"),
        format!("/ws/responses/{id}?token={token}&after=x"),
        format!("/ws/responses/not-an-id?token={token}"),
        format!("/ws/responses/{unknown}?token={token}"),
        format!("/ws/responses/{id}?token={}", stranger.token()),
    ] {
        assert_eq!(p.nobody().connect(&path).await.close_code().await, 1008, "{path}");
    }
    let foreign = stranger.watch(&id).await.closed().await;
    assert_eq!(foreign, stranger.watch(unknown).await.closed().await, "indistinguishable");
}

async fn a_failed_run_ends_with_error_and_status(backend: Backend) {
    let p = Platform::start_on(backend).await;
    p.vehicle().set(json!({ "delay_ms": 0, "fault": "malformed" })).await;
    let engineer = p.engineer().await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let events = engineer.watch(&id).await.until_end().await;
    let [error, status] = &events[..] else { panic!("{events:#?}") };
    assert_eq!(error["event"], "error");
    assert_eq!(error["error_message"], "Vehicle response malformed");
    assert_eq!(error["error_code"], "malformed");
    assert_eq!((&status["status"], &status["state"]), (&json!("failed"), &json!("failed")));
}

async fn leaving_frees_everything(backend: Backend) {
    let p = Platform::start_on(backend).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(engineer.watch(&id).await);
    }
    p.settles("fleetwire_websocket_connections_active", 10.0).await;
    p.settles("fleetwire_topics_active", 1.0).await;
    // Half of them say goodbye, half of them vanish.
    for mut socket in sockets.drain(..5) {
        socket.send_message(Message::Close(None)).await;
    }
    drop(sockets);
    for gauge in ["websocket_connections_active", "topics_active", "bus_subscriptions_active"] {
        p.settles(&format!("fleetwire_{gauge}"), 0.0).await;
    }
}

async fn logout_closes_open_sockets(backend: Backend) {
    let p = Platform::start_on(backend).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let mut socket = engineer.watch(&id).await;
    let reply = engineer.post("/api/v1/auth/logout", json!({})).await;
    assert_eq!(reply.status, 200);
    let closed = tokio::time::timeout(Duration::from_secs(1), socket.closed()).await;
    assert_eq!(closed.expect("within a second").0, 1008);
    assert_eq!(engineer.get("/api/v1/auth/me").await.status, 401);
}

#[tokio::test]
async fn a_token_that_runs_out_closes_the_socket() {
    let p = Platform::start_with(Backend::Sqlite, &[("auth.access_life", "1s")]).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let mut socket = engineer.watch(&id).await;
    assert_eq!(socket.closed().await, (1008, "token expired".to_owned()));
}

#[tokio::test]
async fn a_ticket_is_good_once_and_for_its_command_only() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let other = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let ticket = async || {
        let reply = engineer.post("/api/v1/ws-tickets", json!({ "command_id": id })).await;
        reply.json["ticket"].as_str().unwrap().to_owned()
    };
    let used = ticket().await;
    let path = format!("/ws/responses/{id}?ticket={used}");
    let events = p.nobody().connect(&path).await.until_end().await;
    assert!(events.len() > 1);
    assert_eq!(p.nobody().connect(&path).await.close_code().await, 1008);
    let path = format!("/ws/responses/{other}?ticket={}", ticket().await);
    assert_eq!(p.nobody().connect(&path).await.close_code().await, 1008);
}

#[tokio::test]
async fn one_socket_follows_many_commands() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let second = engineer.submit(p.other_vehicle().vehicle_id, READ, engine()).await;
    let mut socket = engineer.watch(&id).await;
    let first = socket.until_end().await;
    socket.send(json!({ "action": "subscribe", "command_id": second })).await;
    let events = socket.until_end().await;
    assert!(events.iter().all(|event| event["command_id"] == second));
    assert!(first.iter().all(|event| event["command_id"] == id));
}

#[tokio::test]
async fn what_cannot_be_done_is_a_problem_and_never_a_close() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let mut socket = engineer.watch(&id).await;
    socket.until_end().await;
    for (action, code) in [
        (json!("text"), "bad-frame"),
        (json!({ "action": "dance" }), "unknown-action"),
        (json!({ "action": "subscribe" }), "bad-frame"),
        (json!({ "action": "subscribe", "command_id": "x" }), "bad-frame"),
        (json!({ "action": "subscribe", "command_id": id, "channel": "fleet:x" }), "bad-frame"),
        (json!({ "action": "subscribe", "channel": "fleet:x" }), "bad-frame"),
        (json!({ "action": "auth", "token": "nonsense" }), "bad-token"),
        (
            json!({ "action": "subscribe", "command_id": "01890a5d-ac96-774b-bcce-b302099a8057" }),
            "unknown-command",
        ),
    ] {
        socket.send(action.clone()).await;
        let answer = socket.next().await;
        assert_eq!(
            (&answer["event"], &answer["code"]),
            (&json!("problem"), &json!(code)),
            "{action}"
        );
    }
}

#[tokio::test]
async fn bad_frames_have_their_close_codes() {
    let p = Platform::start().await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let mut socket = engineer.watch(&id).await;
    socket.send_message(Message::Binary(vec![1, 2, 3].into())).await;
    assert_eq!(socket.close_code().await, 4400);
    let mut socket = engineer.watch(&id).await;
    socket.send_message(Message::Text("x".repeat(20_000).into())).await;
    assert_eq!(socket.close_code().await, 4413);
    let mut socket = engineer.watch(&id).await;
    for _ in 0..60 {
        socket.send(json!({ "action": "ping" })).await;
    }
    assert_eq!(socket.close_code().await, 4429);
}

#[tokio::test]
async fn a_session_is_renewed_in_band() {
    let p = Platform::start_with(Backend::Sqlite, &[("auth.access_life", "5s")]).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let mut socket = engineer.watch(&id).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let refresh = json!({ "refresh_token": engineer.tokens["refresh_token"] });
    let reply = engineer.post("/api/v1/auth/refresh", refresh).await;
    socket.send(json!({ "action": "auth", "token": reply.json["access_token"] })).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    socket.send(json!({ "action": "ping" })).await;
    assert_eq!(socket.next().await["event"], "pong", "it outlived its first token");
}

#[tokio::test]
async fn a_client_that_asks_for_nothing_more_is_let_go() {
    let p = Platform::start_with(Backend::Sqlite, &[("ws.idle_close", "200ms")]).await;
    let engineer = p.engineer().await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let mut socket = engineer.watch(&id).await;
    socket.until_end().await;
    assert_eq!(socket.close_code().await, 1000);
    // Also one that comes when everything is over and wants nothing of it.
    let last = engineer.command(&id).await["last_offset"].as_u64().unwrap();
    assert_eq!(
        engineer.watch_after(&id, last).await.heard().await,
        Heard::Closed(1000, "done".into())
    );
}

#[tokio::test]
async fn a_foreign_origin_is_refused_before_the_upgrade() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let p = Platform::start().await;
    let url = format!("{}/ws/responses/x", p.url().replacen("http", "ws", 1));
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    let refused = tokio_tungstenite::connect_async(request).await.unwrap_err();
    assert!(refused.to_string().contains("403"), "{refused}");
}

#[tokio::test]
async fn channels_tell_who_is_connected() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    let mut socket = engineer.watch(&id).await;
    socket.until_end().await;
    let channel = format!("fleet:{}", p.fleet_id());
    socket.send(json!({ "action": "subscribe", "channel": channel })).await;
    for _ in 0..2 {
        let news = socket.next().await;
        assert_eq!(
            (&news["event"], &news["connection_status"]),
            (&json!("vehicle_status"), &json!("connected"))
        );
    }
    p.vehicle().set(json!({ "fault": "unreachable" })).await;
    let news = socket.next().await;
    assert_eq!(news["vehicle_id"], p.vehicle().vehicle_id.to_string());
    assert_eq!(news["connection_status"], "disconnected");
    p.vehicle().set(json!({})).await;
    assert_eq!(socket.next().await["connection_status"], "connected");
}

#[tokio::test]
async fn going_down_closes_with_1001() {
    let p = Platform::start().await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let body = json!({ "vehicle_id": p.vehicle().vehicle_id, "command_name": READ,
        "command_params": engine(), "run_timeout_ms": 2_000 });
    let id = engineer.submit_body(body).await;
    let mut socket = engineer.watch(&id).await;
    let ((), code) = tokio::join!(p.stop(), socket.close_code());
    assert_eq!(code, 1001);
}

#[tokio::test]
async fn a_peer_that_is_silent_is_given_up() {
    let settings = [("ws.ping_interval", "100ms"), ("ws.peer_timeout", "300ms")];
    let p = Platform::start_with(Backend::Sqlite, &settings).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let id = engineer.submit(p.vehicle().vehicle_id, READ, engine()).await;
    // A client that never reads answers no ping either.
    let url = format!(
        "{}/ws/responses/{id}?token={}",
        p.url().replacen("http", "ws", 1),
        engineer.token()
    );
    let (deaf, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    p.settles("fleetwire_websocket_connections_active", 1.0).await;
    p.settles("fleetwire_websocket_connections_active", 0.0).await;
    drop(deaf);
}
