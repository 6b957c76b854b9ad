//! Five thousand watchers that wait cost next to nothing, and are served when something comes.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::{Backend, Client, Site, Watch, eventually};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const VEHICLES: u32 = 8;
const COMMANDS: usize = 40;
const WATCHERS: usize = 5_000;
/// How many connections are opened at the same time.
const OPENING: usize = 64;
/// How many come and go before memory is measured: the first ones pay for what all share.
const FORERUNNERS: usize = 500;
/// What one idle watcher may cost the server.
const BYTES_EACH: usize = 20 * 1024;
/// Connections to the database: eight that read, one that writes.
const DATABASE_CONNECTIONS: usize = 9;
/// What an answer of the API may take while they wait; before, it takes a few milliseconds.
const ANSWER: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_watchers_wait_for_next_to_nothing_on_sqlite() {
    wait_and_be_served(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_watchers_wait_for_next_to_nothing_on_postgres() {
    wait_and_be_served(Backend::Postgres).await;
}

async fn wait_and_be_served(backend: Backend) {
    raise_descriptors();
    let mut site = Site::new(backend, VEHICLES).await;
    site.start().await;
    let client = site.engineer().await;
    let commands = submit_to_sleepers(&site, &client).await;
    drop(open(&client, &commands, FORERUNNERS).await);
    has_sockets(&client, 0).await;
    let before = (resident(&mut site), latency(&client).await);
    let opened = Instant::now();
    let watchers = open(&client, &commands, WATCHERS).await;
    let opening = opened.elapsed();
    has_sockets(&client, WATCHERS).await;
    let after = (resident(&mut site), latency(&client).await);
    let each = after.0.saturating_sub(before.0) / WATCHERS;
    println!(
        "{backend:?}: {WATCHERS} watchers, opened in {opening:?}, {each} bytes each; \
         an answer took {:?} before and {:?} with them (median)",
        before.1, after.1
    );
    assert!(each <= BYTES_EACH, "{each} bytes each");
    assert!(after.1 <= ANSWER, "an answer takes {:?}", after.1);
    if backend == Backend::Postgres {
        let connections = connections_to(site.postgres().port());
        assert!(connections <= DATABASE_CONNECTIONS, "{connections} database connections");
    }
    wake(&site).await;
    let streams = serve(watchers).await;
    println!("{backend:?}: all served {:?} after they were opened", opened.elapsed());
    for (number, events) in streams.iter().enumerate() {
        assert!(!testkit::sequences(events).is_empty(), "{number}: {events:#?}");
        assert_eq!(*events, streams[number % COMMANDS], "{number}");
    }
    site.assert_no_errors();
}

/// Lets this process open as many connections as the system grants.
fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

/// Submits commands to vehicles that do not listen, so that there is something to wait for.
async fn submit_to_sleepers(site: &Site, client: &Client) -> Vec<String> {
    for vehicle in 0..site.vehicle_ids.len() {
        site.set(vehicle, &json!({ "online": false })).await;
    }
    let vehicles = &site.vehicle_ids;
    let away = "/api/v1/vehicles?status=disconnected";
    eventually("sleep", async || {
        client.get(away).await.json.as_array().is_some_and(|away| away.len() == vehicles.len())
    })
    .await;
    let mut commands = Vec::new();
    for number in 0..COMMANDS {
        let body = json!({ "vehicle_id": vehicles[number % vehicles.len()],
            "command_name": "ReadDTC", "command_params": { "ecuAddress": "0x10" },
            "deliver_within_ms": 600_000 });
        commands.push(client.submit_body(body).await);
    }
    commands
}

/// Waits until the server counts so many sockets.
async fn has_sockets(client: &Client, count: usize) {
    let gauge = format!("fleetwire_websocket_connections_active {count}\n");
    eventually("the gauge", async || client.text("/metrics").await.contains(&gauge)).await;
}

async fn wake(site: &Site) {
    for vehicle in 0..site.vehicle_ids.len() {
        site.set(vehicle, &json!({ "delay_ms": 0 })).await;
    }
}

/// Opens so many watchers, on one command after the other.
async fn open(client: &Client, commands: &[String], count: usize) -> Vec<Watch> {
    let turns = Arc::new(Semaphore::new(OPENING));
    let mut opening = JoinSet::new();
    for number in 0..count {
        let (client, turns) = (client.clone(), Arc::clone(&turns));
        let command = commands[number % COMMANDS].clone();
        opening.spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            let mut watcher = client.watch(&command).await;
            // The upgrade is answered before the watcher is let in; the pong comes after.
            watcher.send(json!({ "action": "ping" })).await;
            assert_eq!(watcher.next().await["event"], "pong");
            (number, watcher)
        });
    }
    let mut watchers = opening.join_all().await;
    watchers.sort_by_key(|(number, _)| *number);
    watchers.into_iter().map(|(_, watcher)| watcher).collect()
}

/// Reads every stream to its end.
async fn serve(watchers: Vec<Watch>) -> Vec<Vec<Value>> {
    let mut reading = JoinSet::new();
    for (number, mut watcher) in watchers.into_iter().enumerate() {
        reading.spawn(async move { (number, watcher.until_end().await) });
    }
    let mut streams = reading.join_all().await;
    streams.sort_by_key(|(number, _)| *number);
    streams.into_iter().map(|(_, events)| events).collect()
}

/// Bytes of the server that are in memory.
fn resident(site: &mut Site) -> usize {
    let path = format!("/proc/{}/status", site.server().id());
    let status = fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// The median time to an answer that needs the store.
async fn latency(client: &Client) -> Duration {
    let mut times = Vec::new();
    for _ in 0..51 {
        let asked = Instant::now();
        assert_eq!(client.get("/api/v1/vehicles").await.status, 200);
        times.push(asked.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

/// Open connections to a port of this machine, as the system counts them.
fn connections_to(port: u16) -> usize {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let remote = format!(":{port:04X}");
    let is_open = |line: &&str| {
        let mut fields = line.split_whitespace().skip(2);
        fields.next().is_some_and(|field| field.ends_with(&remote)) && fields.next() == Some("01")
    };
    table.lines().filter(is_open).count()
}
