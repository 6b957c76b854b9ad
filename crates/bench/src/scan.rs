//! All faults of all entities of a fleet: how many vehicles a second are scanned.
//!
//! Refuses to leave out a step: each scan is submitted over HTTP, asks every entity of a full simulated
//! vehicle, is stored durably, and is watched to its end over a WebSocket.

use crate::cpu::{Used, resident_kib};
use crate::installation::{self, Installation};
use model::command::Phase;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use testkit::{Client, Process, Vehicles};
use tokio::task::JoinSet;

/// What is measured.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Setting {
    /// Simulated vehicles, in one process.
    #[arg(long, default_value_t = 1000)]
    vehicles: u32,
    /// Clients, each with one scan under way: a vehicle takes about a second to answer.
    #[arg(long, default_value_t = 512)]
    clients: usize,
    /// How often all are scanned.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The core that the server has for itself; any if it is not given.
    #[arg(long)]
    core: Option<u32>,
}

/// What came of scanning all once.
struct Outcome {
    vehicles_per_second: f64,
    parts_per_second: f64,
    used: Used,
}

/// Measures, and prints a table.
pub(crate) async fn run(setting: Setting) {
    let simulated = Vehicles::start(setting.vehicles);
    let files = Installation::new(Vec::new());
    files.add_user();
    let (server, address) = files.serve(setting.core);
    let client = installation::client(address).await;
    let url = |number| simulated.each[number as usize].base_url.clone();
    let ids = installation::register(&client, setting.vehicles, url).await;
    let ids: Arc<[String]> = ids.into();
    println!(
        "| round | vehicles/s | parts/s | server, ms of CPU per vehicle | simulator, KiB per vehicle |"
    );
    println!("|---|---|---|---|---|");
    for round in 1..=setting.rounds {
        let outcome = scan_all(&client, &ids, setting.clients, &server).await;
        let cpu: Duration = outcome.used.0.values().sum();
        println!(
            "| {round} | {:.0} | {:.0} | {:.2} | {} |",
            outcome.vehicles_per_second,
            outcome.parts_per_second,
            cpu.as_secs_f64() * 1e3 / f64::from(setting.vehicles),
            resident_kib(simulated.process.id()) / u64::from(setting.vehicles),
        );
    }
}

async fn scan_all(
    client: &Client,
    ids: &Arc<[String]>,
    clients: usize,
    server: &Process,
) -> Outcome {
    let processes = [("server", server.id())];
    let (before, begun) = (Used::by(&processes), Instant::now());
    let next = Arc::new(AtomicUsize::new(0));
    let mut scanning = JoinSet::new();
    for _ in 0..clients {
        let (client, ids, next) = (client.clone(), Arc::clone(ids), Arc::clone(&next));
        scanning.spawn(async move {
            let mut parts = 0;
            while let Some(vehicle) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
                parts += scan(&client, vehicle).await;
            }
            parts
        });
    }
    let parts: u32 = scanning.join_all().await.into_iter().sum();
    let took = begun.elapsed().as_secs_f64();
    let vehicles = u32::try_from(ids.len()).expect("they are few");
    Outcome {
        vehicles_per_second: f64::from(vehicles) / took,
        parts_per_second: f64::from(parts) / took,
        used: Used::by(&processes).since(&before),
    }
}

/// Scans a vehicle; answers in how many parts it told.
async fn scan(client: &Client, vehicle: &str) -> u32 {
    let id = client.submit(vehicle, "faults.scan", json!({})).await;
    let events = client.watch(&id).await.until_end().await;
    let end = events.last().expect("it has an end");
    assert_eq!(end["state"], Phase::Completed.word(), "{end}");
    u32::try_from(events.iter().filter(|event| event["event"] == "response").count())
        .expect("they are few")
}
