//! `kill -9` of the server under load, again and again, while the vehicles live on and count.

use crate::site::Site;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use testkit::{Backend, Client, Heard};
use tokio::task::JoinSet;

const VEHICLES: u32 = 8;
const CYCLES: u32 = 20;
const SUBMITTERS: usize = 6;
/// How long a command may take to end after the last crash.
const LAST: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_crashes_lose_and_repeat_nothing_on_sqlite() {
    crash_under_load(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_crashes_lose_and_repeat_nothing_on_postgres() {
    crash_under_load(Backend::Postgres).await;
}

async fn crash_under_load(backend: Backend) {
    let mut site = Site::new(backend, VEHICLES).await;
    site.start().await;
    let load = Arc::new(Load {
        client: site.engineer().await,
        vehicles: site.vehicle_ids.clone(),
        is_over: AtomicBool::new(false),
        resumed: AtomicUsize::new(0),
    });
    let mut submitters = JoinSet::new();
    for number in 0..SUBMITTERS {
        submitters.spawn(Arc::clone(&load).submit_until_over(number));
    }
    let mut ready = Vec::new();
    for cycle in 0..CYCLES {
        tokio::time::sleep(Duration::from_millis(u64::from(150 + cycle * 37 % 400))).await;
        site.kill9();
        ready.push(site.start().await);
    }
    load.is_over.store(true, Ordering::Relaxed);
    let streams: HashMap<String, Vec<Value>> =
        submitters.join_all().await.into_iter().flatten().collect();
    ready.sort();
    println!(
        "{backend:?}: {CYCLES} crashes, {} commands accepted, {} streams resumed, ready again after {:?} (median), {:?} (worst)",
        streams.len(),
        load.resumed.load(Ordering::Relaxed),
        ready[ready.len() / 2],
        ready[ready.len() - 1],
    );
    assert!(streams.len() > 100, "hardly any load: {}", streams.len());
    let executions = site.executions().await;
    for (id, events) in &streams {
        check(id, events, load.client.command(id).await, executions.get(id).copied().unwrap_or(0));
    }
}

/// One command: what a watcher saw, what REST says, and what the vehicle counted.
fn check(id: &str, events: &[Value], command: Value, executions: u64) {
    let end = events.last().unwrap();
    assert_eq!(end["state"], command["state"], "{id}: the watcher and REST differ");
    assert_eq!(end["offset"], command["last_offset"], "{id}: something follows the end");
    let offsets: Vec<_> = events.iter().map(|event| event["offset"].as_u64().unwrap()).collect();
    assert!(offsets.is_sorted_by(|a, b| a < b), "{id}: {offsets:?}");
    let numbers = testkit::sequences(events);
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{id}");
    let ends = events.iter().filter(|event| event["completed_at"].is_string()).count();
    assert_eq!(ends, 1, "{id}: {events:#?}");
    if command["command_name"] == "ClearDTC" {
        let allowed = match command["state"].as_str().unwrap() {
            "completed" => 1..=1,
            "unknown" => 0..=1,
            _ => 0..=0,
        };
        assert!(allowed.contains(&executions), "{id}: {executions} executions: {command:#}");
    }
}

struct Load {
    client: Client,
    vehicles: Vec<String>,
    is_over: AtomicBool,
    resumed: AtomicUsize,
}

impl Load {
    /// Submits one command after the other and watches each to its end, across all crashes.
    async fn submit_until_over(self: Arc<Self>, number: usize) -> Vec<(String, Vec<Value>)> {
        let mut all = Vec::new();
        let mut watching = JoinSet::new();
        for count in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            let vehicle = &self.vehicles[(number + count) % self.vehicles.len()];
            let name = if count % 3 == 0 { "ClearDTC" } else { "ReadDTC" };
            let body = json!({ "vehicle_id": vehicle, "command_name": name,
                "command_params": { "ecuAddress": "0x10" } });
            let id = self.submit(&body, &format!("{number}-{count}")).await;
            watching.spawn(Arc::clone(&self).watch(id));
            while watching.len() > 8 {
                all.extend(watching.join_next().await.map(Result::unwrap));
            }
        }
        all.extend(watching.join_all().await);
        all
    }

    /// Submits until it is accepted; the key makes sure that this happens once.
    async fn submit(&self, body: &Value, key: &str) -> String {
        loop {
            let sent = self
                .client
                .try_send(reqwest::Method::POST, "/api/v1/commands", Some(body), &[("idempotency-key", key)])
                .await;
            match sent {
                Ok(reply) if reply.status == 201 => {
                    return reply.json["command_id"].as_str().unwrap().to_owned();
                }
                Ok(reply) => assert!(reply.status.as_u16() == 503, "{:?}", reply.json),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Watches to the end, and comes back with the last offset whenever the connection breaks.
    async fn watch(self: Arc<Self>, id: String) -> (String, Vec<Value>) {
        let mut events: Vec<Value> = Vec::new();
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < LAST, "{id} is stuck: {events:#?}");
            let after = events.last().map_or(0, |event| event["offset"].as_u64().unwrap());
            let Some(mut socket) = self.client.try_watch_after(&id, after).await else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            self.resumed.fetch_add(usize::from(after > 0), Ordering::Relaxed);
            while let Heard::Event(event) = socket.heard().await {
                let is_end = event["completed_at"].is_string();
                events.push(event);
                if is_end {
                    return (id, events);
                }
            }
        }
    }
}
