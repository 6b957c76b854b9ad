//! The bus between servers, on a real Redis: what others hear, what they may say, what its loss costs.

use crate::on_both;
use crate::websocket::read;
use model::user::Role;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::{Backend, Client, Listener, Netns, Platform, Process, Redis, eventually, sequences};

on_both! {
    other_programs_hear_exactly_what_clients_see
    a_subscription_lives_as_long_as_somebody_watches
    junk_on_a_channel_changes_nothing
    what_another_program_says_is_recorded_once
    another_program_can_be_the_connector
    without_redis_everything_goes_on
}

const SOON: Duration = Duration::from_secs(10);

async fn start(backend: Backend, redis: &Redis) -> Platform {
    let p = Platform::start_with(backend, &[("redis_url", &redis.url())]).await;
    is_ready(&p.nobody(), "ok").await;
    p
}

async fn is_ready(client: &Client, bus: &str) {
    eventually("the word about the bus", async || {
        client.get("/readyz?verbose").await.json["checks"]["bus"] == bus
    })
    .await;
}

fn channel(command_id: &str) -> String {
    format!("response:{command_id}")
}

async fn other_programs_hear_exactly_what_clients_see(backend: Backend) {
    let redis = Redis::start();
    let p = start(backend, &redis).await;
    p.vehicle().set(json!({ "delay_ms": 300, "parts": 5 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let listener = redis.listen(&channel(&id));
    let seen = engineer.watch(&id).await.until_end().await;
    listener.hears("completed_at", SOON);
    let heard: Vec<Value> =
        listener.heard().iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let is_seen = |event: &&Value| event["event"] != "status" || event["completed_at"].is_string();
    assert_eq!(heard.iter().filter(is_seen).collect::<Vec<_>>(), seen.iter().collect::<Vec<_>>());
}

async fn a_subscription_lives_as_long_as_somebody_watches(backend: Backend) {
    let redis = Redis::start();
    let p = start(backend, &redis).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    assert_eq!(redis.subscribers(&channel(&id)), 0);
    let (first, second) = (engineer.watch(&id).await, engineer.watch(&id).await);
    eventually("a subscription", async || redis.subscribers(&channel(&id)) == 1).await;
    drop(first);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(redis.subscribers(&channel(&id)), 1);
    drop(second);
    let left = Instant::now();
    eventually("no subscription", async || redis.subscribers(&channel(&id)) == 0).await;
    assert!(left.elapsed() < Duration::from_secs(1), "{:?}", left.elapsed());
}

async fn junk_on_a_channel_changes_nothing(backend: Backend) {
    let redis = Redis::start();
    let p = start(backend, &redis).await;
    p.vehicle().set(json!({ "delay_ms": 500, "parts": 20, "part_interval_ms": 20 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let mut watch = engineer.watch(&id).await;
    eventually("a subscription", async || redis.subscribers(&channel(&id)) == 1).await;
    let other = model::id::CommandId::new().to_string();
    let wild = json!({ "event": "response", "command_id": id, "offset": 1_u64 << 40 });
    let foreign = json!({ "event": "response", "command_id": other, "offset": 3 });
    let odd = json!({ "event": "poem", "command_id": id, "offset": 3 });
    let numbers = json!({ "event": 1, "command_id": [], "offset": "x" });
    for junk in [wild, foreign, odd, numbers, json!([1, 2]), Value::Null] {
        redis.publish(&channel(&id), junk.to_string());
    }
    let deep = "[".repeat(100_000);
    for junk in ["", "}", "\u{0}", "\"x\"", deep.as_str()] {
        redis.publish(&channel(&id), junk);
    }
    redis.publish(&channel(&id), [0xff, 0xfe, 0x00]);
    redis.publish("fleetwire:notices", "nonsense");
    let events = watch.until_end().await;
    assert_eq!(sequences(&events), (1..=20).collect::<Vec<_>>());
    assert_eq!(events.last().unwrap()["state"], "completed");
}

async fn what_another_program_says_is_recorded_once(backend: Backend) {
    let redis = Redis::start();
    let p = start(backend, &redis).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let mut watch = engineer.watch(&id).await;
    eventually("a subscription", async || redis.subscribers(&channel(&id)) == 1).await;
    let response_id = model::id::ResponseId::new().to_string();
    let named = json!({ "event": "response", "command_id": id, "sequence_number": 77,
        "response": { "response_id": response_id, "response_payload": { "n": 1 }, "mine": [true],
            "sequence_number": 77, "is_final": false } });
    let flat = json!({ "event": "response", "command_id": id, "response_payload": "two" });
    let last = json!({ "event": "response", "command_id": id,
        "response": { "response_payload": { "n": 3 }, "is_final": true } });
    let end = json!({ "event": "status", "command_id": id, "status": "completed" });
    for text in [&named, &named, &flat, &flat, &named, &last, &end, &last] {
        redis.publish(&channel(&id), text.to_string());
    }
    let events = watch.until_end().await;
    assert_eq!(sequences(&events), [1, 2, 3], "{events:#?}");
    let first = &events[0]["response"];
    assert_eq!(first["response_id"], response_id.as_str());
    assert_eq!(first["mine"], json!([true]), "every field is kept");
    assert_eq!(first["sequence_number"], 1, "under our own number");
    assert!(first["received_at"].is_string());
    assert_eq!(events[1]["response_payload"], "two");
    assert_eq!(events.last().unwrap()["state"], "completed");
    let listed = engineer.get(&format!("/api/v1/commands/{id}/responses")).await.json;
    assert_eq!(listed[0]["mine"], json!([true]), "{listed:#}");
    assert_eq!(listed.as_array().unwrap().len(), 3);
}

/// A vehicle that another program reaches, and what that program hears.
async fn external_vehicle(p: &Platform, redis: &Redis) -> (String, Listener) {
    let body = json!({ "vin": "WVWZZZ1JZXW000001", "fleet_id": p.fleet_id(),
        "connector": "external" });
    let vehicle = p.admin().await.post("/api/v1/vehicles", body).await;
    assert_eq!(vehicle.status, 201, "{}", vehicle.json);
    assert_eq!(vehicle.json["connector"], "external");
    let vehicle_id = vehicle.json["vehicle_id"].as_str().unwrap().to_owned();
    let orders = redis.listen(&format!("command:{vehicle_id}"));
    p.connected(vehicle_id.parse().unwrap()).await;
    (vehicle_id, orders)
}

async fn another_program_can_be_the_connector(backend: Backend) {
    let redis = Redis::start();
    let p = start(backend, &redis).await;
    let (vehicle_id, orders) = external_vehicle(&p, &redis).await;
    let engineer = p.engineer().await;
    let params = json!({ "ecuAddress": "0x10" });
    let id = engineer.submit(&vehicle_id, "ClearDTC", params.clone()).await;
    let mut watch = engineer.watch(&id).await;
    let order: Value = serde_json::from_str(&orders.hears(&id, SOON)).unwrap();
    assert_eq!(order["event"], "command");
    assert_eq!(order["command_name"], "ClearDTC");
    assert_eq!(order["command_params"], params);
    let answer = json!({ "event": "response", "command_id": id,
        "response": { "response_payload": { "cleared": 2 }, "is_final": true } });
    redis.publish(&channel(&id), answer.to_string());
    let events = watch.until_end().await;
    assert_eq!(events[0]["response_payload"], json!({ "cleared": 2 }));
    assert_eq!(events.last().unwrap()["state"], "completed");
    // Its errors count too.
    let id = engineer.submit(&vehicle_id, "ReadDTC", params).await;
    orders.hears(&id, SOON);
    let error =
        json!({ "event": "error", "command_id": id, "error_message": "no key in the lock" });
    redis.publish(&channel(&id), error.to_string());
    let events = engineer.watch(&id).await.until_end().await;
    assert_eq!(events[0]["error_message"], "no key in the lock");
    assert_eq!(events[1]["state"], "failed");
    // Whoever does not listen is not there.
    drop(orders);
    let gone = model::vehicle::ConnectionStatus::Disconnected;
    p.has_status(vehicle_id.parse().unwrap(), gone).await;
}

async fn without_redis_everything_goes_on(backend: Backend) {
    let mut redis = Redis::start();
    let p = start(backend, &redis).await;
    p.vehicle().set(json!({ "delay_ms": 100, "parts": 60, "part_interval_ms": 50 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let mut watch = engineer.watch(&id).await;
    watch.next().await;
    redis.kill();
    is_ready(&engineer, "away").await;
    assert_eq!(engineer.get("/readyz").await.status, 200);
    assert_eq!(engineer.get("/readyz").await.json["status"], "degraded");
    let other = read(&p, &engineer).await;
    let mut late = engineer.watch(&other).await;
    assert_eq!(sequences(&watch.until_end().await), (2..=60).collect::<Vec<_>>());
    redis.restart();
    is_ready(&engineer, "ok").await;
    assert_eq!(sequences(&late.until_end().await), (1..=60).collect::<Vec<_>>());
    // Whoever watches now is subscribed again.
    let id = read(&p, &engineer).await;
    let _watch = engineer.watch(&id).await;
    eventually("a subscription", async || redis.subscribers(&channel(&id)) == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_and_a_cut_subscription_are_got_over() {
    let mut redis = Redis::start();
    let p = start(Backend::Sqlite, &redis).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let _watch = engineer.watch(&id).await;
    let subscribed = async || redis.subscribers(&channel(&id)) == 1;
    eventually("a subscription", subscribed).await;
    redis.kill_subscribers();
    eventually("the subscription again", subscribed).await;
    redis.pause();
    is_ready(&engineer, "away").await;
    redis.resume();
    is_ready(&engineer, "ok").await;
    eventually("the subscription again", async || redis.subscribers(&channel(&id)) == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hardened_installation_hears_nobody() {
    let redis = Redis::start();
    let settings = [("redis_url", &*redis.url()), ("bus.external_events", "false")];
    let p = Platform::start_with(Backend::Sqlite, &settings).await;
    is_ready(&p.nobody(), "ok").await;
    p.vehicle().set(json!({ "delay_ms": 1000, "parts": 2 })).await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    let mut watch = engineer.watch(&id).await;
    eventually("a subscription", async || redis.subscribers(&channel(&id)) == 1).await;
    let forged = json!({ "event": "response", "command_id": id, "response_payload": "forged" });
    redis.publish(&channel(&id), forged.to_string());
    let events = watch.until_end().await;
    assert!(events.iter().all(|event| event["response_payload"] != "forged"), "{events:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vehicle_that_is_not_seen_from_here_is_not_as_it_has_to_be() {
    let redis = Redis::start();
    let condition = "ClearDTC: components/gateway/data/vehicle_speed = 0";
    let settings = [("redis_url", &*redis.url()), ("policy.conditions", condition)];
    let p = Platform::start_with(Backend::Sqlite, &settings).await;
    let (vehicle_id, orders) = external_vehicle(&p, &redis).await;
    let engineer = p.engineer().await;
    let id = engineer.submit(&vehicle_id, "ClearDTC", json!({ "ecuAddress": "0x10" })).await;
    engineer.watch(&id).await.until_end().await;
    let command = engineer.command(&id).await;
    assert_eq!(command["error_code"], "precondition", "{command:#}");
    assert!(command["error_message"].as_str().unwrap().contains("vehicle_speed"), "{command:#}");
    // What comes later is heard later: nothing came before it.
    let read = engineer.submit(&vehicle_id, "ReadDTC", json!({ "ecuAddress": "0x10" })).await;
    orders.hears(&read, SOON);
    assert!(!orders.heard().iter().any(|order| order.contains(&id)), "{:#?}", orders.heard());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_external_vehicle_needs_a_bus_and_no_address() {
    let p = Platform::start().await;
    let admin = p.user("boss", Role::Admin, &[]).await;
    let vehicle = |more: Value| {
        let mut body = json!({ "vin": "WVWZZZ1JZXW000001", "fleet_id": p.fleet_id() });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (more, field) in [
        (json!({ "connector": "external" }), "/connector"),
        (json!({ "connector": "external", "sovd_url": "http://car.example" }), "/sovd_url"),
        (json!({ "connector": "sovd" }), "/sovd_url"),
        (json!({}), "/sovd_url"),
    ] {
        let reply = admin.post("/api/v1/vehicles", vehicle(more)).await;
        assert_eq!(reply.status, 422, "{}", reply.json);
        assert_eq!(reply.json["errors"][0]["pointer"], field, "{:#}", reply.json);
    }
}

/// Not a word, and not a reset either: the network swallows everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_swallows_everything_is_noticed_and_got_over() {
    let net = match Netns::create() {
        Ok(net) => net,
        Err(skipped) => return println!("{skipped}"),
    };
    let (host, port) = (net.inside_address().to_string(), "6379");
    let mut command = net.command("redis-server");
    command.args(["--bind", &host, "--port", port, "--protected-mode", "no", "--save", ""]);
    let _redis = Process::spawn(command);
    let url = format!("redis://{host}:{port}");
    let settings = [("redis_url", &*url), ("insecure_links", "true")];
    let p = Platform::start_with(Backend::Sqlite, &settings).await;
    is_ready(&p.nobody(), "ok").await;
    net.drop_traffic();
    is_ready(&p.nobody(), "away").await;
    let engineer = p.engineer().await;
    let id = read(&p, &engineer).await;
    assert_eq!(engineer.watch(&id).await.until_end().await.last().unwrap()["state"], "completed");
    net.heal();
    let healed = Instant::now();
    is_ready(&p.nobody(), "ok").await;
    assert!(healed.elapsed() < Duration::from_secs(5), "{:?}", healed.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_believed_by_its_authority_and_its_name_alone() {
    let (right, other) = (Redis::start_tls(), Redis::start_tls_as("redis.example"));
    for (redis, authority, doubt) in [
        (&right, &right, None),
        (&right, &other, Some("BadSignature")),
        (&other, &other, Some("not valid for name")),
    ] {
        let (url, file) = (redis.url(), authority.ca_file().display().to_string());
        let settings = [("redis_url", &*url), ("redis_ca_file", &file)];
        let p = Platform::start_with(Backend::Sqlite, &settings).await;
        let Some(doubt) = doubt else {
            is_ready(&p.nobody(), "ok").await;
            continue;
        };
        eventually(doubt, async || !p.log().lines_with(doubt).is_empty()).await;
        assert_eq!(p.nobody().get("/readyz?verbose").await.json["checks"]["bus"], "away");
    }
}
