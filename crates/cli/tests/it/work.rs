//! Long and delicate work at a vehicle, by REST and WebSocket: the right parts, the right end, and
//! nothing left at the vehicle.

use crate::nodes::times;
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;
use testkit::{Backend, Client, Site, eventually, sequences};

/// A server, one vehicle that answers at once, and an admin.
struct Bench {
    site: Site,
    admin: Client,
}

impl Bench {
    async fn open() -> Self {
        let mut site = Site::new(Backend::Sqlite, 1).await;
        site.set(0, &json!({ "delay_ms": 0 })).await;
        site.start().await;
        let admin = site.user("admin").await;
        Self { site, admin }
    }

    async fn submit(&self, name: &str, params: Value) -> String {
        self.admin.submit(&self.site.vehicle_ids[0], name, params).await
    }

    /// Everything that a command says, and where REST says that it stands.
    async fn story(&self, id: &str) -> (Vec<Value>, Value) {
        let events = self.admin.watch(id).await.until_end().await;
        let numbers = sequences(&events);
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{events:#?}");
        let command = self.admin.command(id).await;
        assert_eq!(events.last().unwrap()["state"], command["state"], "{command:#}");
        (events, command)
    }

    async fn run(&self, name: &str, params: Value) -> (Vec<Value>, Value) {
        let id = self.submit(name, params).await;
        self.story(&id).await
    }

    /// What the vehicle lists at a path, as it tells another client.
    async fn items(&self, path: &str) -> Vec<Value> {
        let answer = reqwest::get(self.at(path)).await.unwrap();
        let document: Value = answer.json().await.unwrap();
        document["items"].as_array().cloned().unwrap_or_else(|| panic!("{path}: {document:#}"))
    }

    fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.site.vehicle_urls[0])
    }
}

/// The payloads of all responses.
fn payloads(events: &[Value]) -> Vec<&Value> {
    let responses = events.iter().filter(|event| event["event"] == "response");
    responses.map(|event| &event["response_payload"]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_vehicle_offers_is_known_after_a_discovery_and_what_is_new_after_the_next() {
    let bench = Bench::open().await;
    let path = format!("/api/v1/vehicles/{}/capabilities", bench.site.vehicle_ids[0]);
    let unknown = bench.admin.get(&path).await;
    assert_eq!(
        (unknown.status.as_u16(), &unknown.json["type"]),
        (404, &json!("/problems/undiscovered"))
    );
    // A part of the tree says nothing about the rest.
    bench.run("vehicle.discover", json!({ "depth": 1 })).await;
    assert_eq!(bench.admin.get(&path).await.status, 404);

    let (events, command) = bench.run("vehicle.discover", json!({})).await;
    let known = bench.admin.get(&path).await.json;
    assert_eq!((&known["revision"], &known["command_id"]), (&json!(1), &command["command_id"]));
    let entities: Vec<_> = known["entities"].as_array().unwrap().iter().collect();
    assert_eq!(entities, payloads(&events));
    bench.run("vehicle.discover", json!({})).await;
    assert_eq!(bench.admin.get(&path).await.json["revision"], 1);

    // One that has lost a control unit on its way.
    bench.site.set(0, &json!({ "inject": "vanish=100%@/components/abs_ecu" })).await;
    bench.run("vehicle.discover", json!({})).await;
    let known = bench.admin.get(&path).await.json;
    assert_eq!(known["revision"], 2, "{known:#}");
    let changed = known["changes"]["changed"].as_array().unwrap();
    assert!(changed.contains(&json!("components/abs_ecu")), "{known:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_answers_for_each_entity_of_the_vehicle() {
    let bench = Bench::open().await;
    let (events, command) = bench.run("faults.scan", json!({})).await;
    assert_eq!(command["state"], "completed", "{command:#}");
    let parts = payloads(&events);
    let scanned: BTreeSet<_> = parts.iter().filter_map(|part| part["entity"].as_str()).collect();
    for entity in ["components/engine_ecu", "components/hpc", "apps/lane_keeping"] {
        assert!(scanned.contains(entity), "{scanned:?}");
    }
    assert!(parts.len() >= scanned.len(), "{parts:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_is_watched_ten_times_a_second_until_its_time_is_over() {
    let bench = Bench::open().await;
    let seconds = times(6, 60) as u64;
    let params = json!({ "entity": "components/engine_ecu", "ids": ["engine_speed"],
        "interval": "fast", "duration": seconds });
    let id = bench.submit("data.watch", params).await;
    // Who watches is in nobody's way.
    let write =
        json!({ "entity": "components/engine_ecu", "id": "idle_speed_target", "value": 800 });
    let (_, written) = bench.run("data.write", write).await;
    assert_eq!(written["state"], "completed", "{written:#}");
    assert_eq!(bench.admin.command(&id).await["state"], "running");

    let (events, command) = bench.story(&id).await;
    assert_eq!(command["state"], "completed", "{command:#}");
    let parts = payloads(&events);
    let [begun, samples @ .., ended] = parts.as_slice() else { panic!("{parts:#?}") };
    assert_eq!(begun["mode"], "subscription", "{begun:#}");
    assert_eq!((&ended["ended"], &ended["gaps"]), (&json!("duration"), &json!(0)), "{ended:#}");
    assert_eq!(ended["samples"], samples.len(), "{ended:#}");
    // The vehicle takes them; one that begins late or whose machine is busy takes a few less.
    let expected = 10 * seconds;
    println!("{} samples in {seconds} s at 10 Hz", samples.len());
    assert!((expected * 8 / 10..=expected + 1).contains(&(samples.len() as u64)), "{ended:#}");
    for (number, sample) in (1..).zip(samples) {
        assert_eq!(sample["sample"], number, "{sample:#}");
        assert!(sample["payload"]["data"].is_number(), "{sample:#}");
    }
    assert!(bench.items("components/engine_ecu/cyclic-subscriptions").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_routine_tells_how_far_it_is_and_stops_when_it_is_told_to() {
    let bench = Bench::open().await;
    let hpc = "components/hpc";
    let routine = |duration_ms: u64| json!({ "entity": hpc, "id": "calibration", "params": { "duration_ms": duration_ms } });
    let (events, command) = bench.run("operation.run", routine(3000)).await;
    assert_eq!(command["state"], "completed", "{command:#}");
    let parts = payloads(&events);
    assert!(parts.len() > 3, "no progress: {parts:#?}");
    assert_eq!(parts.last().unwrap()["status"], "completed", "{parts:#?}");

    let id = bench.submit("operation.run", routine(60_000)).await;
    let mut watch = bench.admin.watch(&id).await;
    assert_eq!(watch.next_of("response").await["response_payload"]["status"], "running");
    let locks = bench.items("components/hpc/locks").await;
    assert_eq!(locks.len(), 1, "it works without a lock");
    let reply = bench.admin.post(&format!("/api/v1/commands/{id}/cancel"), json!({})).await;
    assert!(reply.status.is_success(), "{}", reply.json);
    let (_, command) = bench.story(&id).await;
    assert_eq!(command["state"], "cancelled", "{command:#}");
    assert!(bench.items("components/hpc/locks").await.is_empty());
    let executions = bench.items("components/hpc/operations/calibration/executions").await;
    assert!(executions.is_empty(), "{executions:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_lock_is_broken_says_who_has_it_and_writes_nothing() {
    let bench = Bench::open().await;
    let place = "components/engine_ecu/data/idle_speed_target";
    let value = async || {
        let answer = reqwest::get(bench.at(place)).await.unwrap();
        answer.json::<Value>().await.unwrap()["data"].clone()
    };
    let before = value().await;
    // Whatever a command asks takes this long; its lock does not.
    bench.site.set(0, &json!({ "delay_ms": 2000 })).await;
    let write =
        json!({ "entity": "components/engine_ecu", "id": "idle_speed_target", "value": 990 });
    let id = bench.submit("data.write", write).await;
    let locks = "components/engine_ecu/locks";
    eventually("it has its lock", async || bench.items(locks).await.len() == 1).await;
    let request = reqwest::Client::new().post(bench.at(locks)).header("x-client-id", "workshop 7");
    let taken = request.json(&json!({ "lock_expiration": 60, "break_lock": true }));
    let taken = taken.send().await.unwrap();
    assert_eq!(taken.status(), 201, "{taken:?}");

    let (_, command) = bench.story(&id).await;
    assert_eq!((&command["state"], &command["error_code"]), (&json!("rejected"), &json!("locked")));
    let words = command["error_message"].as_str().unwrap();
    assert!(words.contains("broken") && words.contains("another client holds"), "{words}");
    assert_eq!(value().await, before);
    assert_eq!(bench.items(locks).await.len(), 1, "the lock of the other is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_megabytes_are_downloaded_whole() {
    let bench = Bench::open().await;
    let item = json!({ "entity": "components/hpc", "category": "logs", "id": "trace" });
    let (events, command) = bench.run("bulk.download", item).await;
    assert_eq!(command["state"], "completed", "{command:#}");
    let parts = payloads(&events);
    let [begun, pieces @ .., whole] = parts.as_slice() else { panic!("{parts:#?}") };
    let mut digest = Context::new(&SHA256);
    let mut offset = 0;
    for piece in pieces {
        assert_eq!(piece["offset"], offset);
        let bytes = STANDARD.decode(piece["data"].as_str().unwrap()).unwrap();
        digest.update(&bytes);
        offset += bytes.len();
    }
    assert_eq!((offset, &begun["size"]), (50_000_000, &json!(50_000_000)));
    let mut sha256 = String::new();
    for byte in digest.finish().as_ref() {
        write!(sha256, "{byte:02x}").unwrap();
    }
    assert_eq!(whole["sha256"], *sha256, "{whole:#}");
    assert_eq!(whole["verified"], true, "{whole:#}");
    assert_eq!(begun["item"]["hash"], *sha256, "{begun:#}");
}
