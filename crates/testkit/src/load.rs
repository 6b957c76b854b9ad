//! Load that misses nothing: every accepted command is watched to its end, whatever happens between.
//!
//! Refuses to forgive: an answer that is neither an acceptance nor "try again" fails the test.

use crate::site::Site;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use testkit::{Client, Heard, Reply, eventually};
use tokio::task::JoinSet;

const SUBMITTERS: usize = 6;
/// How many commands of one submitter are under way at most.
const UNDER_WAY: usize = 8;
/// How long a command may take to end, faults included.
const LAST: Duration = Duration::from_mins(1);
/// The pause before something that failed is tried again.
const BREATH: Duration = Duration::from_millis(10);

type Stream = (String, Vec<Value>);

/// Running load.
pub(crate) struct Load {
    source: Arc<Source>,
    submitters: JoinSet<Vec<Stream>>,
}

/// What came of it.
pub(crate) struct Harvest {
    /// The events of each accepted command, as its watcher saw them.
    pub(crate) streams: HashMap<String, Vec<Value>>,
    client: Client,
    resumed: usize,
    refused: usize,
}

struct Source {
    client: Client,
    vehicles: Vec<String>,
    is_over: AtomicBool,
    accepted: AtomicUsize,
    refused: AtomicUsize,
    resumed: AtomicUsize,
    closes: Mutex<BTreeMap<u16, usize>>,
}

impl Load {
    /// Starts to submit to all vehicles.
    pub(crate) async fn begin(site: &Site) -> Self {
        let source = Arc::new(Source {
            client: site.engineer().await,
            vehicles: site.vehicle_ids.clone(),
            is_over: AtomicBool::new(false),
            accepted: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            resumed: AtomicUsize::new(0),
            closes: Mutex::default(),
        });
        let mut submitters = JoinSet::new();
        for number in 0..SUBMITTERS {
            submitters.spawn(Arc::clone(&source).submit_until_over(number));
        }
        Self { source, submitters }
    }

    /// Waits until so many more commands have been accepted.
    pub(crate) async fn accepts(&self, more: usize) {
        let goal = self.source.accepted.load(Ordering::Relaxed) + more;
        eventually("acceptances", async || self.source.accepted.load(Ordering::Relaxed) >= goal)
            .await;
    }

    /// How often a socket was closed before the end of its command, by close code.
    pub(crate) fn closes(&self) -> BTreeMap<u16, usize> {
        self.source.closes.lock().unwrap().clone()
    }

    /// Submits nothing more, and waits for the end of every command.
    pub(crate) async fn end(self) -> Harvest {
        self.source.is_over.store(true, Ordering::Relaxed);
        let streams = self.submitters.join_all().await.into_iter().flatten().collect();
        Harvest {
            streams,
            client: self.source.client.clone(),
            resumed: self.source.resumed.load(Ordering::Relaxed),
            refused: self.source.refused.load(Ordering::Relaxed),
        }
    }
}

impl Source {
    /// Submits one command after the other and watches each to its end, across all faults.
    async fn submit_until_over(self: Arc<Self>, number: usize) -> Vec<Stream> {
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
            self.accepted.fetch_add(1, Ordering::Relaxed);
            watching.spawn(Arc::clone(&self).watch(id));
            while watching.len() > UNDER_WAY {
                all.extend(watching.join_next().await.map(Result::unwrap));
            }
        }
        all.extend(watching.join_all().await);
        all
    }

    /// Submits until it is accepted; the key makes sure that this happens once.
    async fn submit(&self, body: &Value, key: &str) -> String {
        let key = [("idempotency-key", key)];
        loop {
            let path = "/api/v1/commands";
            match self.client.try_send(reqwest::Method::POST, path, Some(body), &key).await {
                Ok(reply) if reply.status == 201 => {
                    return reply.json["command_id"].as_str().unwrap().to_owned();
                }
                Ok(reply) => {
                    assert_try_again(&reply);
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => {}
            }
            tokio::time::sleep(BREATH).await;
        }
    }

    /// Watches to the end, and comes back with the last offset whenever the connection breaks.
    async fn watch(self: Arc<Self>, id: String) -> Stream {
        let mut events: Vec<Value> = Vec::new();
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < LAST, "{id} is stuck: {events:#?}");
            let after = events.last().map_or(0, |event| event["offset"].as_u64().unwrap());
            let Some(mut socket) = self.client.try_watch_after(&id, after).await else {
                tokio::time::sleep(BREATH).await;
                continue;
            };
            self.resumed.fetch_add(usize::from(after > 0), Ordering::Relaxed);
            let code = loop {
                match socket.heard().await {
                    Heard::Closed(code, _) => break code,
                    Heard::Event(event) => {
                        let is_end = event["completed_at"].is_string();
                        events.push(event);
                        if is_end {
                            return (id, events);
                        }
                    }
                }
            };
            *self.closes.lock().unwrap().entry(code).or_default() += 1;
            tokio::time::sleep(BREATH).await;
        }
    }
}

/// Fails unless a refusal is one for now, and says when to come back.
pub(crate) fn assert_try_again(reply: &Reply) {
    assert!(matches!(reply.status.as_u16(), 503 | 507), "{}: {}", reply.status, reply.json);
    assert!(reply.headers.contains_key("retry-after"), "{}: {:?}", reply.status, reply.headers);
}

impl fmt::Display for Harvest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { streams, refused, resumed, .. } = self;
        let accepted = streams.len();
        write!(f, "{accepted} commands accepted, {refused} refused, {resumed} streams resumed")
    }
}

impl Harvest {
    /// Compares what the watchers saw with what REST says and what the vehicles counted.
    pub(crate) async fn check(&self, site: &Site) {
        let executions = site.executions().await;
        for (id, events) in &self.streams {
            let count = executions.get(id).copied().unwrap_or(0);
            check(id, events, &self.client.command(id).await, count);
        }
    }
}

fn check(id: &str, events: &[Value], command: &Value, executions: u64) {
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
