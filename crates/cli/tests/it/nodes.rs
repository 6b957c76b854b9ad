//! Several servers on one PostgreSQL and one Redis: one dies, each is restarted, some have wrong clocks.

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::{Backend, Client, Load, Pace, Redis, Site, eventually, sequences};
use tokio::task::JoinSet;

/// How soon a command of a node that died is taken over, or ended.
const TAKEOVER: Duration = Duration::from_secs(10);
const VEHICLES: u32 = 8;

/// How often something is done in the short form that every change runs, and in the long one.
pub(crate) fn times(short: usize, long: usize) -> usize {
    if std::env::var_os("CHAOS_LONG").is_some() { long } else { short }
}

/// Submits through node 0 and watches through the two others while node 0 dies in the middle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_in_the_middle_of_a_command_costs_nothing() {
    let mut site = Site::with_nodes(3, VEHICLES).await;
    for vehicle in 0..site.vins.len() {
        let setting = json!({ "delay_ms": [0, 60], "parts": 20, "part_interval_ms": 20 });
        site.set(vehicle, &setting).await;
    }
    let clients = site.engineers().await;
    let mut longest = Duration::ZERO;
    let mut ends = std::collections::BTreeMap::<String, usize>::new();
    for cycle in 0..times(3, 100) {
        let running = submit_some(&site, &clients, cycle).await;
        tokio::time::sleep(Duration::from_millis(30 + (cycle * 97 % 400) as u64)).await;
        site.nodes[0].kill9();
        let died = Instant::now();
        for (id, second, third) in running.join_all().await {
            assert_eq!(second, third, "{id}");
            let command = clients[1].command(&id).await;
            check(&id, &second, &command, &site).await;
            *ends.entry(command["state"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        longest = longest.max(died.elapsed());
        site.start_node(0).await;
    }
    println!("all ended at most {longest:?} after the death of their node: {ends:?}");
    assert!(longest <= TAKEOVER, "{longest:?}");
}

/// A command, and what its two watchers saw.
type Seen = (String, Vec<Value>, Vec<Value>);

/// One read and one write for each of some vehicles, each watched from two other nodes.
async fn submit_some(site: &Site, clients: &[Client], cycle: usize) -> JoinSet<Seen> {
    let mut running = JoinSet::new();
    for (number, vehicle) in site.vehicle_ids.iter().enumerate() {
        let name = if (number + cycle).is_multiple_of(2) { "ReadDTC" } else { "ClearDTC" };
        let id = clients[0].submit(vehicle, name, json!({ "ecuAddress": "0x10" })).await;
        let (mut second, mut third) = (clients[1].watch(&id).await, clients[2].watch(&id).await);
        running.spawn(async move {
            let (second, third) = tokio::join!(second.until_end(), third.until_end());
            (id, second, third)
        });
    }
    running
}

async fn check(id: &str, events: &[Value], command: &Value, site: &Site) {
    assert_eq!(events.last().unwrap()["state"], command["state"], "{id}");
    assert_eq!(events.last().unwrap()["offset"], command["last_offset"], "{id}");
    let numbers = sequences(events);
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{id}");
    let ends = events.iter().filter(|event| event["completed_at"].is_string()).count();
    assert_eq!(ends, 1, "{id}: {events:#?}");
    if command["command_name"] == "ClearDTC" {
        let executions = site.executions().await.get(id).copied().unwrap_or(0);
        let allowed = match command["state"].as_str().unwrap() {
            "completed" => 1..=1,
            "unknown" => 0..=1,
            _ => 0..=0,
        };
        assert!(allowed.contains(&executions), "{id}: {executions} executions: {command:#}");
    }
}

/// Every node is stopped, and started again, one after the other, under load.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_nothing() {
    let mut site = Site::with_nodes(3, VEHICLES).await;
    let pace = Pace { watchers: 2, ..Pace::FAST };
    let load = Load::begin_at(&site, pace).await;
    for node in 0..3 {
        load.accepts(30).await;
        site.nodes[node].process().terminate();
        assert!(site.nodes[node].process().wait(Duration::from_secs(35)).success());
        load.accepts(30).await;
        site.start_node(node).await;
    }
    let harvest = load.end().await;
    println!("rolling restart: {harvest}");
    harvest.check(&site).await;
}

/// The database's clock decides; tokens of a node are believed by the others all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_clocks_of_nodes_do_no_harm() {
    let mut probe = std::process::Command::new("true");
    if let Err(skipped) = testkit::faketime::shift(&mut probe, 5) {
        println!("{skipped}");
        return;
    }
    let mut site = Site::with_nodes(3, VEHICLES).await;
    for (node, offset) in [(0, 5), (2, -5)] {
        site.nodes[node].kill9();
        site.nodes[node].clock_offset_s = offset;
        site.start_node(node).await;
    }
    let load = Load::begin_at(&site, Pace { watchers: 3, ..Pace::FAST }).await;
    load.accepts(60).await;
    site.nodes[1].kill9();
    load.accepts(60).await;
    site.start_node(1).await;
    let harvest = load.end().await;
    println!("clocks 5 s ahead and 5 s behind: {harvest}");
    let unfinished = |events: &Vec<Value>| events.last().unwrap()["error_code"] == "expired";
    assert!(!harvest.streams.values().any(unfinished));
    harvest.check(&site).await;
    let commands = site.engineer().await.get("/api/v1/commands?limit=100").await.json;
    let commands = commands["commands"].as_array().unwrap();
    let time = |command: &Value| command["submitted_at"].as_str().unwrap().parse().unwrap();
    let times: Vec<model::Timestamp> = commands.iter().map(time).collect();
    // Ids are given when a command is asked for, times when it is stored: moments, and not 5 s.
    let in_order = |it: &[model::Timestamp]| it[0] + Duration::from_secs(1) > it[1];
    assert!(times.windows(2).all(in_order), "{times:#?}");
}

/// A server that is certified by an authority of one's own, and one that is certified by nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bus_speaks_tls_to_whom_it_can_verify() {
    let redis = Redis::start_tls();
    let mut site = Site::new(Backend::Sqlite, 1).await;
    site.set_variable("REDIS_URL", &redis.url());
    site.start().await;
    let engineer = site.engineer().await;
    let bus = async || engineer.get("/readyz?verbose").await.json["checks"]["bus"].clone();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bus().await, "away", "nobody vouches for that server");
    site.kill9();
    site.set_variable("SSL_CERT_FILE", &redis.ca_file().display().to_string());
    site.start().await;
    eventually("the bus", async || bus().await == "ok").await;
}
