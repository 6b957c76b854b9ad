//! The full protocol `fleetwire.v1`, on both databases. Every event is checked against the document
//! by the client itself.

use crate::on_both;
use crate::websocket::read;
use model::user::Role;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use testkit::{Backend, Client, Platform, Watch, audit, contract};

const UNKNOWN: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

on_both! {
    every_event_is_shown_and_what_was_and_what_is_new_are_told_apart
    many_commands_go_on_where_they_were
    a_lost_right_ends_what_it_was_for_and_nothing_else
    a_vehicle_that_moves_out_of_sight_is_lost
}

/// A session that has been greeted.
async fn session(who: &Client) -> Watch {
    let mut session = who.session().await;
    let greeting = session.next().await;
    assert_eq!((&greeting["event"], &greeting["state"]), (&json!("auth"), &json!("ok")));
    session
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["event"].as_str()).collect()
}

/// Everything up to the word that a command is not followed any more.
async fn until_unsubscribed(session: &mut Watch) -> Vec<Value> {
    let mut events = vec![session.next().await];
    while events.last().is_some_and(|event| event["event"] != "unsubscribed") {
        events.push(session.next().await);
    }
    events
}

async fn every_event_is_shown_and_what_was_and_what_is_new_are_told_apart(backend: Backend) {
    let p = Platform::start_on(backend).await;
    p.vehicle().set(json!({ "delay_ms": 100, "parts": 3, "part_interval_ms": 20 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let mut live = session(&engineer).await;
    live.send(json!({ "action": "subscribe", "id": "a", "command_id": id })).await;
    let events = until_unsubscribed(&mut live).await;
    let first = &events[0];
    assert_eq!(
        (&first["event"], &first["id"], &first["from"]),
        (&json!("subscribed"), &json!("a"), &json!(0))
    );
    let offsets: Vec<_> = events.iter().filter_map(|event| event["offset"].as_u64()).collect();
    assert_eq!(offsets, (1..=offsets.len() as u64).collect::<Vec<_>>(), "nothing is left out");
    assert!(names(&events).contains(&"live"));
    assert_eq!(events.last().unwrap()["code"], "ended");

    // Whoever comes later is told everything before it is told that it is up to date.
    let mut late = session(&engineer).await;
    late.send(json!({ "action": "subscribe", "command_id": id })).await;
    let again = until_unsubscribed(&mut late).await;
    let logged = |events: &[Value]| -> Vec<Value> {
        events.iter().filter(|event| event["offset"].is_u64()).cloned().collect()
    };
    assert_eq!(logged(&events), logged(&again));
    assert_eq!(again[0]["state"], "completed");
    assert_eq!(names(&again[again.len() - 2..]), ["live", "unsubscribed"]);
    // The inherited path shows the same by the same subprotocol.
    let path = format!("/ws/responses/{id}?token={}", engineer.token());
    let mut path = engineer.connect_as(&path, "fleetwire.v1").await;
    assert_eq!(path.next().await["event"], "auth");
    assert_eq!(logged(&until_unsubscribed(&mut path).await), logged(&events));
}

async fn many_commands_go_on_where_they_were(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let engineer = p.engineer().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        let id = read(&p, &engineer).await;
        engineer.watch(&id).await.until_end().await;
        ids.push(id);
    }
    let last = engineer.command(&ids[0]).await["last_offset"].as_u64().unwrap();
    let mut commands: Vec<_> =
        ids.iter().map(|id| json!({ "command_id": id, "after": last - 1 })).collect();
    commands.insert(7, json!({ "command_id": UNKNOWN, "after": 0 }));
    let mut session = session(&engineer).await;
    session.send(json!({ "action": "subscribe", "id": "back", "commands": commands })).await;
    let (mut ended, mut unknown) = (BTreeSet::new(), 0);
    while ended.len() < ids.len() {
        let event = session.next().await;
        match event["event"].as_str().unwrap() {
            "status" => assert_eq!(event["offset"], last),
            "unsubscribed" => drop(ended.insert(event["command_id"].as_str().unwrap().to_owned())),
            "problem" => {
                assert_eq!(
                    (&event["id"], &event["code"]),
                    (&json!("back"), &json!("unknown-command"))
                );
                unknown += 1;
            }
            "subscribed" => assert_eq!(event["from"], last - 1),
            "live" => {}
            other => panic!("{other}: {event}"),
        }
    }
    assert_eq!((ended, unknown), (ids.into_iter().collect(), 1));
}

async fn a_lost_right_ends_what_it_was_for_and_nothing_else(backend: Backend) {
    let p = Platform::start_on(backend).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let guest = p.user("guest", Role::Viewer, &[p.fleet_id()]).await;
    let id = read(&p, &engineer).await;
    let mut session = session(&guest).await;
    session.send(json!({ "action": "subscribe", "command_id": id })).await;
    session.next_of("live").await;
    let guest_id = guest.get("/api/v1/auth/me").await.json["user_id"].as_str().unwrap().to_owned();
    let taken = p.store().revoke(guest_id.parse().unwrap(), p.fleet_id(), audit("authz_change"));
    assert!(taken.await.unwrap());
    let lost = tokio::time::timeout(Duration::from_secs(1), session.next_of("unsubscribed")).await;
    let lost = lost.expect("within a second");
    assert_eq!((&lost["command_id"], &lost["code"]), (&json!(id), &json!("forbidden")));
    session.send(json!({ "action": "ping", "id": "7" })).await;
    assert_eq!(session.next().await, json!({ "event": "pong", "id": "7" }));
    // A session that has ended is another thing.
    guest.post("/api/v1/auth/logout", json!({})).await;
    let closed = tokio::time::timeout(Duration::from_secs(1), session.closed()).await;
    assert_eq!(closed.expect("within a second"), (4401, "session ended".to_owned()));
}

async fn a_vehicle_that_moves_out_of_sight_is_lost(backend: Backend) {
    let p = Platform::start_on(backend).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let (engineer, admin) = (p.engineer().await, p.admin().await);
    let guest = p.user("guest", Role::Viewer, &[p.fleet_id()]).await;
    let id = read(&p, &engineer).await;
    let mut session = session(&guest).await;
    session.send(json!({ "action": "subscribe", "command_id": id })).await;
    session.next_of("live").await;
    let mut plain = guest.watch(&id).await;
    let away =
        admin.post("/api/v1/fleets", json!({ "name": "away" })).await.json["fleet_id"].clone();
    let path = format!("/api/v1/vehicles/{}", p.vehicle().vehicle_id);
    let etag = admin.get(&path).await.headers["etag"].to_str().unwrap().to_owned();
    let change = json!({ "fleet_id": away });
    let moved = admin.send(Method::PATCH, &path, Some(change), &[("if-match", &etag)]).await;
    assert_eq!(moved.status, 200, "{}", moved.json);
    let both =
        async { (session.next_of("unsubscribed").await["code"].clone(), plain.close_code().await) };
    let lost = tokio::time::timeout(Duration::from_secs(2), both).await;
    assert_eq!(lost.expect("within the interval of the detector"), (json!("forbidden"), 1008));
}

#[tokio::test]
async fn channels_begin_with_what_is_and_go_on_with_what_changes() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    p.connected(p.vehicle().vehicle_id).await;
    let mut session = session(&engineer).await;
    let channel = format!("fleet:{}", p.fleet_id());
    session.send(json!({ "action": "subscribe", "channel": channel })).await;
    assert_eq!(session.next().await, json!({ "event": "subscribed", "channel": channel }));
    let (mut vehicles, mut event) = (0, session.next().await);
    while event["event"] == "vehicle_status" {
        vehicles += 1;
        event = session.next().await;
    }
    assert_eq!((vehicles, &event), (2, &json!({ "event": "live", "channel": channel })));
    p.vehicle().set(json!({ "fault": "unreachable" })).await;
    let news = session.next_of("vehicle_status").await;
    assert_eq!(news["vehicle_id"], p.vehicle().vehicle_id.to_string());
    assert_eq!(news["connection_status"], "disconnected");
    session.send(json!({ "action": "unsubscribe", "channel": channel })).await;
    let end = json!({ "event": "unsubscribed", "channel": channel, "code": "requested" });
    assert_eq!(session.next_of("unsubscribed").await, end);
}

#[tokio::test]
async fn who_follows_a_fleet_is_told_that_commands_of_its_vehicles_have_moved() {
    let p = Platform::start().await;
    let (engineer, stranger) = (p.engineer().await, p.user("stranger", Role::Viewer, &[]).await);
    let channel = format!("vehicle:{}", p.vehicle().vehicle_id);
    let mut session = session(&engineer).await;
    session.send(json!({ "action": "subscribe", "channel": channel })).await;
    session.next_of("live").await;
    let mut outside = self::session(&stranger).await;
    outside.send(json!({ "action": "subscribe", "channel": channel })).await;
    outside.next_of("problem").await;
    read(&p, &engineer).await;
    let told = session.next_of("vehicle_runs").await;
    assert_eq!(told["vehicle_id"], p.vehicle().vehicle_id.to_string());
    outside.send(json!({ "action": "ping" })).await;
    assert_eq!(outside.next().await["event"], "pong");
}

#[tokio::test]
async fn a_socket_without_a_token_is_told_by_its_first_frame_who_it_is() {
    let p = Platform::start_with(Backend::Sqlite, &[("ws.auth_within", "300ms")]).await;
    let engineer = p.engineer().await;
    let mut named = p.nobody().connect_as("/ws", "fleetwire.v1").await;
    named.send(json!({ "action": "auth", "token": engineer.token() })).await;
    assert_eq!(named.next().await["state"], "ok");
    for first in [json!({ "action": "auth", "token": "nonsense" }), json!({ "action": "ping" })] {
        let mut stranger = p.nobody().connect("/ws").await;
        stranger.send(first).await;
        assert_eq!(stranger.close_code().await, 4401);
    }
    let mut silent = p.nobody().connect("/ws").await;
    assert_eq!(silent.closed().await, (4401, "token missing".to_owned()));
    let ticket = engineer.post("/api/v1/ws-tickets", json!({})).await.json["ticket"].clone();
    let path = format!("/ws?ticket={}", ticket.as_str().unwrap());
    assert_eq!(p.nobody().connect(&path).await.next().await["state"], "ok");
    assert_eq!(p.nobody().connect(&path).await.close_code().await, 4401, "it was used");
    let both = format!("/ws?token={0}&token={0}", engineer.token());
    assert_eq!(p.nobody().connect(&both).await.close_code().await, 4401);
    let unknown = format!("/ws/responses/{UNKNOWN}?token={}", engineer.token());
    assert_eq!(p.nobody().connect_as(&unknown, "fleetwire.v1").await.close_code().await, 4404);
}

#[tokio::test]
async fn a_ticket_for_one_command_opens_no_other() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let (id, other) = (read(&p, &engineer).await, read(&p, &engineer).await);
    let ticket = engineer.post("/api/v1/ws-tickets", json!({ "command_id": id })).await;
    let path = format!("/ws?ticket={}", ticket.json["ticket"].as_str().unwrap());
    let mut bound = p.nobody().connect(&path).await;
    let channel = format!("fleet:{}", p.fleet_id());
    for action in [
        json!({ "action": "subscribe", "command_id": other }),
        json!({ "action": "subscribe", "channel": channel }),
        json!({ "action": "cancel", "command_id": other }),
    ] {
        bound.send(action.clone()).await;
        let code = bound.next_of("problem").await["code"].clone();
        assert!(code.as_str().unwrap().starts_with("unknown-"), "{action}: {code}");
    }
    bound.send(json!({ "action": "subscribe", "command_id": id })).await;
    assert_eq!(bound.next_of("subscribed").await["command_id"], id);
}

#[tokio::test]
async fn a_token_that_ends_is_announced_renewed_or_over_after_a_grace() {
    let settings = [("auth.access_life", "2s"), ("ws.auth_grace", "6s")];
    let p = Platform::start_with(Backend::Sqlite, &settings).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let mut session = session(&engineer).await;
    session.send(json!({ "action": "subscribe", "command_id": id })).await;
    let warned = session.next_of("auth").await;
    assert_eq!(warned["state"], "expiring");
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    // In the grace: everything goes on, and the session can still be renewed.
    let refresh = json!({ "refresh_token": engineer.tokens["refresh_token"] });
    let renewed = engineer.post("/api/v1/auth/refresh", refresh).await.json;
    session.send(json!({ "action": "auth", "token": renewed["access_token"] })).await;
    assert_eq!(session.next_of("auth").await["state"], "ok");
    let wrong = p.user("other", Role::Viewer, &[]).await;
    session.send(json!({ "action": "auth", "id": "x", "token": wrong.token() })).await;
    assert_eq!(session.next_of("problem").await["code"], "wrong-subject");
    assert_eq!(session.closed().await, (4419, "token expired".to_owned()));
}

#[tokio::test]
async fn a_command_is_cancelled_from_a_socket() {
    let p = Platform::start().await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let viewer = p.user("viewer", Role::Viewer, &[p.fleet_id()]).await;
    let id = read(&p, &engineer).await;
    let cancel = json!({ "action": "cancel", "id": "stop", "command_id": id });
    let mut foreign = session(&viewer).await;
    foreign.send(cancel.clone()).await;
    let problem = foreign.next().await;
    assert_eq!((&problem["id"], &problem["code"]), (&json!("stop"), &json!("forbidden")));
    let mut own = session(&engineer).await;
    own.send(json!({ "action": "subscribe", "command_id": id })).await;
    own.next_of("live").await;
    own.send(cancel.clone()).await;
    // At once, though what ends it comes in several pieces.
    let ending = tokio::time::timeout(Duration::from_secs(10), until_unsubscribed(&mut own));
    let events = ending.await.expect("nobody has to ask");
    let states: Vec<_> = events.iter().filter_map(|event| event["state"].as_str()).collect();
    assert_eq!(states.last(), Some(&"cancelled"));
    own.send(cancel).await;
    assert_eq!(own.next().await["code"], "already-ended");
}

#[tokio::test]
async fn a_session_follows_so_much_and_no_more() {
    let p = Platform::start_with(Backend::Sqlite, &[("ws.max_subscriptions", "3")]).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let mut commands = Vec::new();
    for _ in 0..4 {
        commands.push(json!({ "command_id": read(&p, &engineer).await }));
    }
    let mut session = session(&engineer).await;
    session.send(json!({ "action": "subscribe", "commands": commands })).await;
    assert_eq!(session.next_of("problem").await["code"], "too-many-subscriptions");
    let first = commands[0]["command_id"].clone();
    session.send(json!({ "action": "unsubscribe", "command_id": first })).await;
    session.next_of("unsubscribed").await;
    session.send(json!({ "action": "subscribe", "commands": [commands[3]] })).await;
    assert_eq!(session.next_of("subscribed").await["command_id"], commands[3]["command_id"]);
}

#[tokio::test]
async fn every_event_of_the_document_is_sent() {
    let settings = [("ws.ping_interval", "300ms"), ("ws.peer_timeout", "5s")];
    let p = Platform::start_with(Backend::Sqlite, &settings).await;
    let engineer = p.engineer().await;
    let mut session = engineer.session().await;
    let mut missing: BTreeSet<_> = contract::event_names().map(ToOwned::to_owned).collect();
    p.vehicle().set(json!({ "delay_ms": 0, "fault": "malformed" })).await;
    let failing = read(&p, &engineer).await;
    engineer.watch(&failing).await.until_end().await;
    p.vehicle().set(json!({})).await;
    let id = read(&p, &engineer).await;
    for action in [
        json!({ "action": "subscribe", "commands": [{ "command_id": id }, { "command_id": failing }] }),
        json!({ "action": "subscribe", "channel": format!("vehicle:{}", p.vehicle().vehicle_id) }),
        json!({ "action": "dance" }),
        json!({ "action": "ping" }),
    ] {
        session.send(action).await;
    }
    while missing.len() > 1 {
        missing.remove(session.next().await["event"].as_str().unwrap());
    }
    assert_eq!(missing, BTreeSet::from(["drain".to_owned()]));
    let (drain, ()) = tokio::join!(
        async { (session.next_of("drain").await, session.close_code().await) },
        p.stop()
    );
    assert!(drain.0["reconnect_after_ms"].as_u64().unwrap() < 3_000);
    assert_eq!(drain.1, 1001);
}
