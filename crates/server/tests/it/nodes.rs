//! Several servers on one PostgreSQL: any of them serves any request, with a bus and without.

use crate::websocket::read;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::{Backend, Client, Heard, Platform, Redis, RedisCluster, eventually, sequences};

/// How soon after a logout every socket of the session is closed.
const REVOKED: Duration = Duration::from_secs(1);

async fn platform(redis_url: &str) -> Platform {
    // What comes in time can only come over the bus.
    let settings = [("redis_url", redis_url), ("live.detector_interval", "60s")];
    let p = Platform::start_with(Backend::Postgres, &settings).await;
    is_ready(&p.nobody()).await;
    p
}

async fn is_ready(client: &Client) {
    eventually("the bus", async || client.get("/readyz").await.json["status"] == "ready").await;
}

/// Submits through one node and watches through two others; every node sees the same.
async fn three_nodes_show_the_same(p: &Platform) {
    let (second, third) = (p.another().await, p.another().await);
    p.vehicle().set(json!({ "delay_ms": 0, "parts": 100, "part_interval_ms": 10 })).await;
    let engineer = p.engineer().await;
    let (there, elsewhere) = (engineer.at(second.url()), engineer.at(third.url()));
    for client in [&engineer, &there, &elsewhere] {
        is_ready(client).await;
    }
    let id = read(p, &engineer).await;
    let mut watches = Vec::new();
    for client in [&engineer, &there, &elsewhere, &there] {
        watches.push(client.watch(&id).await);
    }
    let watching = watches.iter_mut().map(testkit::Watch::until_end);
    let seen = futures_util::future::join_all(watching).await;
    for events in &seen {
        assert_eq!(sequences(events), (1..=100).collect::<Vec<_>>());
        assert_eq!(events, &seen[0]);
    }
    assert_eq!(elsewhere.command(&id).await, engineer.command(&id).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_shows_the_same_stream() {
    let redis = Redis::start();
    three_nodes_show_the_same(&platform(&redis.url()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_shows_the_same_stream_over_a_cluster() {
    let cluster = RedisCluster::start();
    let p = platform(&cluster.url()).await;
    three_nodes_show_the_same(&p).await;
    let engineer = p.engineer().await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let id = read(&p, &engineer).await;
    let channel = format!("response:{id}");
    let watch = engineer.watch(&id).await;
    eventually("a subscription", async || cluster.shard_subscribers(&channel) == 1).await;
    drop(watch);
    eventually("no subscription", async || cluster.shard_subscribers(&channel) == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_shows_the_same_stream_without_a_bus() {
    let p = Platform::start_on(Backend::Postgres).await;
    let second = p.another().await;
    p.vehicle().set(json!({ "delay_ms": 0, "parts": 100, "part_interval_ms": 10 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let (mut here, mut there) =
        (engineer.watch(&id).await, engineer.at(second.url()).watch(&id).await);
    let seen = here.until_end().await;
    let ended = Instant::now();
    assert_eq!(there.until_end().await, seen);
    assert!(ended.elapsed() < Duration::from_secs(2), "{:?} late", ended.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_reaches_the_sockets_of_every_node() {
    let redis = Redis::start();
    let p = platform(&redis.url()).await;
    let second = p.another().await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let there = engineer.at(second.url());
    let id = read(&p, &engineer).await;
    let mut watch = there.watch(&id).await;
    assert_eq!(there.get("/api/v1/vehicles").await.status, 200);
    assert!(engineer.post("/api/v1/auth/logout", Value::Null).await.status.is_success());
    let ended = Instant::now();
    assert_eq!(watch.close_code().await, 1008);
    assert!(ended.elapsed() <= REVOKED, "closed after {:?}", ended.elapsed());
    assert_eq!(there.get("/api/v1/vehicles").await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_cancelled_through_any_node() {
    let redis = Redis::start();
    let p = platform(&redis.url()).await;
    let second = p.another().await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let there = engineer.at(second.url());
    is_ready(&there).await;
    let id = read(&p, &engineer).await;
    eventually("the start", async || engineer.command(&id).await["state"] == "running").await;
    let asked = Instant::now();
    let reply = there.post(&format!("/api/v1/commands/{id}/cancel"), Value::Null).await;
    assert!(reply.status.is_success(), "{}", reply.json);
    let events = there.watch(&id).await.until_end().await;
    assert_eq!(events.last().unwrap()["state"], "cancelled");
    assert!(asked.elapsed() < Duration::from_secs(1), "after {:?}", asked.elapsed());
}

/// With a bus at once, without one after the next look at the registry.
async fn presence_reaches_every_node(p: &Platform) {
    let second = p.another().await;
    let engineer = p.engineer().await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let id = read(p, &engineer).await;
    let vehicle_id = p.vehicle().vehicle_id;
    let mut sockets = Vec::new();
    for client in [engineer.clone(), engineer.at(second.url())] {
        let mut socket = client.watch(&id).await;
        socket
            .send(json!({ "action": "subscribe", "channel": format!("vehicle:{vehicle_id}") }))
            .await;
        sockets.push(socket);
    }
    p.vehicle().set(json!({ "online": false })).await;
    for mut socket in sockets {
        loop {
            match socket.heard().await {
                Heard::Event(event) if event["connection_status"] == "disconnected" => break,
                Heard::Event(_) => {}
                Heard::Closed(code, reason) => panic!("{code}: {reason}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vehicle_that_goes_is_seen_on_every_node() {
    let redis = Redis::start();
    presence_reaches_every_node(&platform(&redis.url()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vehicle_that_goes_is_seen_on_every_node_without_a_bus() {
    presence_reaches_every_node(&Platform::start_on(Backend::Postgres).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_leaves_no_gap() {
    let redis = Redis::start();
    let p = platform(&redis.url()).await;
    let second = p.another().await;
    p.vehicle().set(json!({ "delay_ms": 0, "parts": 60, "part_interval_ms": 50 })).await;
    let engineer = p.engineer().await;
    let there = engineer.at(second.url());
    let id = there.submit(p.vehicle().vehicle_id, "ReadDTC", json!({ "ecuAddress": "0x10" })).await;
    let (mut here, mut leaving) = (engineer.watch(&id).await, there.watch(&id).await);
    leaving.next().await;
    let stopping = second.stop();
    let (code, ()) = tokio::join!(leaving.close_code(), stopping);
    assert_eq!(code, 1001);
    let events = here.until_end().await;
    assert_eq!(sequences(&events), (1..=60).collect::<Vec<_>>());
    assert_eq!(events.last().unwrap()["state"], "completed");
}
