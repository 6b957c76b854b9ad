//! Work at vehicles while the server, the vehicles or the ways between them are killed at random.
//! What was sent is counted on the way, by who dies with nobody.

use crate::nodes::times;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use testkit::{Backend, Client, FaultProxy, PASSWORD, Site};

/// How long a command may take to its end, whatever has been killed.
const LAST: Duration = Duration::from_secs(90);
/// How long a lock may last that nobody renews; a little more than ours are taken for.
const LOCKS_LAST: Duration = Duration::from_secs(35);
/// The longest that a command may be under way before something is killed.
const MOMENT_MS: u64 = 1500;

/// Something that takes a while, and the beginning of the request by which it changes something;
/// `None` if it only reads.
struct Job {
    name: &'static str,
    params: Value,
    change: Option<&'static str>,
}

/// One for each vehicle.
fn jobs() -> Vec<Job> {
    let (engine, hpc) = ("components/engine_ecu", "components/hpc");
    let job = |name, change, params| Job { name, params, change };
    vec![
        job("faults.scan", None, json!({})),
        job("bulk.download", None, json!({ "entity": hpc, "category": "maps", "id": "europe" })),
        job(
            "data.watch",
            Some("POST /sovd/v1/components/engine_ecu/cyclic-subscriptions "),
            json!({ "entity": engine, "ids": ["engine_speed"], "interval": "fast", "duration": 2 }),
        ),
        job(
            "operation.run",
            Some("POST /sovd/v1/components/hpc/operations/calibration/executions "),
            json!({ "entity": hpc, "id": "calibration", "params": { "duration_ms": 1500 } }),
        ),
        job(
            "data.write",
            Some("PUT /sovd/v1/components/engine_ecu/data/idle_speed_target "),
            json!({ "entity": engine, "id": "idle_speed_target", "value": 900 }),
        ),
        job(
            "faults.clear",
            Some("DELETE /sovd/v1/components/engine_ecu/faults "),
            json!({ "entity": engine }),
        ),
        job(
            "configuration.write",
            Some("PUT /sovd/v1/components/hpc/configurations/vehicle_coding "),
            json!({ "entity": hpc, "id": "vehicle_coding",
                "value": { "region": "EU", "left_hand_drive": true, "seats": 4 } }),
        ),
    ]
}

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kill {
    Server,
    Vehicles,
    Connections,
}

impl Kill {
    fn of(number: u64) -> Self {
        match number % 3 {
            0 => Self::Server,
            1 => Self::Vehicles,
            _ => Self::Connections,
        }
    }

    async fn strike(self, site: &mut Site, ways: &[FaultProxy]) {
        match self {
            Self::Server => {
                site.kill9();
                site.start().await;
            }
            Self::Vehicles => {
                site.replace_vehicles();
                for (way, url) in ways.iter().zip(&site.vehicle_urls) {
                    way.lead_to(address(url));
                }
                slow_down(site).await;
            }
            Self::Connections => ways.iter().for_each(FaultProxy::reset),
        }
    }
}

fn address(url: &str) -> SocketAddr {
    let authority = url.split('/').nth(2).unwrap_or_default();
    authority.parse().unwrap()
}

/// So that there is a middle to be killed in.
async fn slow_down(site: &Site) {
    for vehicle in 0..site.vins.len() {
        site.set(vehicle, &json!({ "delay_ms": [0, 400] })).await;
    }
}

/// Leads every vehicle's way through a proxy that records it.
async fn ways(site: &Site, admin: &Client) -> Vec<FaultProxy> {
    let mut ways = Vec::new();
    for (id, url) in site.vehicle_ids.iter().zip(&site.vehicle_urls) {
        let way = FaultProxy::recording(address(url));
        let place = way.address();
        let change = json!({ "sovd_url": format!("http://{place}/sovd/v1") });
        let path = format!("/api/v1/vehicles/{id}");
        let etag = admin.get(&path).await.headers["etag"].to_str().unwrap().to_owned();
        let reply = admin.send(Method::PATCH, &path, Some(change), &[("if-match", &etag)]).await;
        assert!(reply.status.is_success(), "{}", reply.json);
        ways.push(way);
    }
    ways
}

async fn ended(client: &Client, id: &str) -> Value {
    let started = Instant::now();
    loop {
        let command = client.command(id).await;
        if command["completed_at"].is_string() {
            return command;
        }
        assert!(started.elapsed() < LAST, "stuck: {command:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The requests that have been sent in the name of a command, by their first line.
fn requests(ways: &[FaultProxy]) -> HashMap<String, Vec<String>> {
    let mut all: HashMap<String, Vec<String>> = HashMap::new();
    for sent in ways.iter().flat_map(FaultProxy::sent) {
        let sent = String::from_utf8_lossy(&sent).into_owned();
        for head in sent.split("\r\n\r\n") {
            let Some(end) = head.find(" HTTP/1.1\r\n") else { continue };
            // The body of the request before may stand in front of it.
            let starts = ["GET /", "POST /", "PUT /", "DELETE /"];
            let before = head.get(..end).unwrap_or_default();
            let start = starts.iter().filter_map(|method| before.rfind(method)).max();
            let Some((_, id)) = head.split_once("x-fleetwire-command-id: ") else { continue };
            let line = start.and_then(|start| head.get(start..=end)).unwrap_or_default();
            all.entry(id.lines().next().unwrap_or_default().to_owned())
                .or_default()
                .push(line.to_owned());
        }
    }
    all
}

/// Waits until no lock is left at any vehicle: whoever cannot give one back lets it expire.
async fn no_lock_is_left(site: &Site) {
    let places = ["components/engine_ecu/locks", "components/hpc/locks", "locks"];
    let started = Instant::now();
    for url in &site.vehicle_urls {
        for place in places {
            loop {
                let answer = reqwest::get(format!("{url}/{place}")).await.unwrap();
                let locks: Value = answer.json().await.unwrap();
                if locks["items"].as_array().unwrap_or_else(|| panic!("{locks:#}")).is_empty() {
                    break;
                }
                assert!(started.elapsed() < LOCKS_LAST, "{url}/{place}: {locks:#}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// How many commands of each name ended in each state, for each kill.
#[derive(Default)]
struct Ends(BTreeMap<(String, String, Kill), usize>);

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((name, state, kill), count) in &self.0 {
            writeln!(f, "{count:>6}  {name:20} {state:12} {kill:?}")?;
        }
        Ok(())
    }
}

/// What a command says of itself is what was sent.
fn check(job: &Job, command: &Value, sent: &[String]) {
    let mut changes: Vec<_> = sent.iter().filter(|line| !line.starts_with("GET ")).collect();
    let all = changes.len();
    changes.sort();
    changes.dedup();
    assert_eq!(changes.len(), all, "sent twice: {sent:#?} for {command:#}");
    let Some(change) = job.change else {
        assert_eq!(all, 0, "{} only reads: {sent:#?}", job.name);
        return;
    };
    let count = sent.iter().filter(|line| line.starts_with(change)).count();
    let allowed = match command["state"].as_str().unwrap_or_default() {
        "completed" => 1..=1,
        // The vehicle has refused it, or nobody knows what has become of it.
        "failed" | "rejected" | "unknown" => 0..=1,
        _ => 0..=0,
    };
    assert!(allowed.contains(&count), "{count} × {change}: {sent:#?} for {command:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_ends_honestly_and_nothing_is_sent_twice() {
    let jobs = jobs();
    let mut site = Site::new(Backend::Sqlite, jobs.len().try_into().unwrap()).await;
    site.start().await;
    let admin = site.user("admin").await;
    let ways = ways(&site, &admin).await;
    slow_down(&site).await;
    let seed = std::env::var("CHAOS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut random = seed;
    println!("seed {seed}");
    let mut all = Vec::new();
    let rounds = times(9, 200);
    for _ in 0..rounds {
        let client = Client::login(&site.url, "admin", PASSWORD).await;
        let mut ids = Vec::new();
        for (job, vehicle) in jobs.iter().zip(&site.vehicle_ids) {
            let body = json!({ "vehicle_id": vehicle, "command_name": job.name,
                "command_params": job.params, "reason": "to see how it ends" });
            ids.push(client.submit_body(body).await);
        }
        let kill = Kill::of(crate::chaos::next(&mut random));
        let moment = Duration::from_millis(crate::chaos::next(&mut random) % MOMENT_MS);
        tokio::time::sleep(moment).await;
        kill.strike(&mut site, &ways).await;
        for (job, id) in jobs.iter().zip(ids) {
            all.push((kill, job, ended(&client, &id).await));
        }
    }
    no_lock_is_left(&site).await;
    let requests = requests(&ways);
    let mut ends = Ends::default();
    for (kill, job, command) in &all {
        let id = command["command_id"].as_str().unwrap();
        check(job, command, requests.get(id).map_or(&[][..], Vec::as_slice));
        let state = command["state"].as_str().unwrap().to_owned();
        *ends.0.entry((job.name.to_owned(), state, *kill)).or_default() += 1;
    }
    println!("{rounds} kills\n{ends}");
    let completed = ends.0.iter().filter(|((_, state, _), _)| state == "completed");
    let completed: usize = completed.map(|(_, count)| count).sum();
    assert!(completed * 3 > all.len(), "hardly anything was completed");
}
