//! Load that misses nothing: every accepted command is watched to its end, whatever happens between.
//!
//! Refuses to forgive: an answer that is neither an acceptance nor "try again" fails the test.

use crate::{Client, Heard, Reply, Site, eventually, sequences};
use model::command::Phase;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How much load there is.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Who submit, one command after the other.
    pub submitters: usize,
    /// How many commands of one submitter are under way at most.
    pub under_way: usize,
    /// The time from one command of a submitter to its next; zero = as fast as they are accepted.
    pub every: Duration,
    /// How many watch each command, each through another node.
    pub watchers: usize,
}

impl Pace {
    /// As fast as it goes.
    pub const FAST: Self = Self { submitters: 6, under_way: 8, every: Duration::ZERO, watchers: 1 };
}

/// How long a command may take to end, faults included.
const LAST: Duration = Duration::from_mins(1);
/// The pause before something that failed is tried again.
const BREATH: Duration = Duration::from_millis(10);

type Stream = (String, Vec<Value>);

/// Running load.
#[derive(Debug)]
pub struct Load {
    source: Arc<Source>,
    submitters: JoinSet<Vec<Stream>>,
}

/// What came of it.
#[derive(Debug)]
pub struct Harvest {
    /// The events of each accepted command, as its watcher saw them.
    pub streams: HashMap<String, Vec<Value>>,
    client: Client,
    resumed: usize,
    refused: usize,
}

#[derive(Debug)]
struct Source {
    /// One at each node.
    clients: Vec<Client>,
    pace: Pace,
    vehicles: Vec<String>,
    is_over: AtomicBool,
    accepted: AtomicUsize,
    refused: AtomicUsize,
    resumed: AtomicUsize,
    closes: Mutex<BTreeMap<u16, usize>>,
}

impl Load {
    /// Starts to submit to all vehicles, as fast as it goes.
    pub async fn begin(site: &Site) -> Self {
        Self::begin_at(site, Pace::FAST).await
    }

    /// Starts to submit to all vehicles, through all nodes.
    pub async fn begin_at(site: &Site, pace: Pace) -> Self {
        let source = Arc::new(Source {
            clients: site.engineers().await,
            pace,
            vehicles: site.vehicle_ids.clone(),
            is_over: AtomicBool::new(false),
            accepted: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            resumed: AtomicUsize::new(0),
            closes: Mutex::default(),
        });
        let mut submitters = JoinSet::new();
        for number in 0..pace.submitters {
            submitters.spawn(Arc::clone(&source).submit_until_over(number));
        }
        Self { source, submitters }
    }

    /// Waits until so many more commands have been accepted.
    pub async fn accepts(&self, more: usize) {
        let goal = self.source.accepted.load(Ordering::Relaxed) + more;
        eventually("acceptances", async || self.source.accepted.load(Ordering::Relaxed) >= goal)
            .await;
    }

    /// How often a socket was closed before the end of its command, by close code.
    pub fn closes(&self) -> BTreeMap<u16, usize> {
        self.source.closes.lock().expect("no watcher panicked").clone()
    }

    /// Submits nothing more, and waits for the end of every command.
    pub async fn end(self) -> Harvest {
        self.source.is_over.store(true, Ordering::Relaxed);
        let streams = self.submitters.join_all().await.into_iter().flatten().collect();
        Harvest {
            streams,
            client: self.source.clients[0].clone(),
            resumed: self.source.resumed.load(Ordering::Relaxed),
            refused: self.source.refused.load(Ordering::Relaxed),
        }
    }
}

impl Source {
    /// The client at a node; the next number is at another one.
    fn client(&self, number: usize) -> &Client {
        &self.clients[number % self.clients.len()]
    }

    /// Submits one command after the other and has each watched to its end, across all faults.
    async fn submit_until_over(self: Arc<Self>, number: usize) -> Vec<Stream> {
        let mut all = Vec::new();
        let mut watching = JoinSet::new();
        let mut turn = tokio::time::interval(self.pace.every.max(Duration::from_nanos(1)));
        turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for count in 0.. {
            turn.tick().await;
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            let vehicle = &self.vehicles[(number + count) % self.vehicles.len()];
            let name = if count % 3 == 0 { "ClearDTC" } else { "ReadDTC" };
            let body = json!({ "vehicle_id": vehicle, "command_name": name,
                "command_params": { "ecuAddress": "0x10" } });
            let id = self.submit(&body, (number, count)).await;
            self.accepted.fetch_add(1, Ordering::Relaxed);
            watching.spawn(Arc::clone(&self).watch_by_all(id, count));
            while watching.len() > self.pace.under_way {
                all.extend(
                    watching.join_next().await.map(|watched| watched.expect("no watcher panics")),
                );
            }
        }
        all.extend(watching.join_all().await);
        all
    }

    /// Submits until it is accepted; the key makes sure that this happens once.
    async fn submit(&self, body: &Value, (number, count): (usize, usize)) -> String {
        let key = format!("{number}-{count}");
        let key = [("idempotency-key", key.as_str())];
        for attempt in number + count.. {
            let (client, path) = (self.client(attempt), "/api/v1/commands");
            match client.try_send(reqwest::Method::POST, path, Some(body), &key).await {
                Ok(reply) if reply.status == 201 => {
                    return reply.json["command_id"].as_str().expect("it has an id").to_owned();
                }
                Ok(reply) => {
                    assert_try_again(&reply);
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => {}
            }
            tokio::time::sleep(BREATH).await;
        }
        unreachable!("there is always another attempt")
    }

    /// Watches through several nodes at once; all of them have to show the same.
    async fn watch_by_all(self: Arc<Self>, id: String, first: usize) -> Stream {
        let watching: Vec<_> =
            (0..self.pace.watchers).map(|watcher| self.watch(&id, first + 1 + watcher)).collect();
        let mut seen = futures_util::future::join_all(watching).await;
        let events = seen.pop().expect("somebody watches");
        assert!(seen.iter().all(|other| *other == events), "{id}: {seen:#?} {events:#?}");
        (id, events)
    }

    /// Watches to the end, and comes back, to another node, with the last offset whenever the
    /// connection breaks.
    async fn watch(&self, id: &str, first: usize) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        let started = Instant::now();
        for attempt in first.. {
            assert!(started.elapsed() < LAST, "{id} is stuck: {events:#?}");
            let after = events.last().map_or(0, offset);
            let Some(mut socket) = self.client(attempt).try_watch_after(id, after).await else {
                tokio::time::sleep(BREATH).await;
                continue;
            };
            self.resumed.fetch_add(usize::from(after > 0), Ordering::Relaxed);
            let code = loop {
                match socket.heard_within(LAST).await {
                    Heard::Closed(code, _) => break code,
                    Heard::Event(event) => {
                        let is_end = event["completed_at"].is_string();
                        events.push(event);
                        if is_end {
                            return events;
                        }
                    }
                }
            };
            *self.closes.lock().expect("no watcher panicked").entry(code).or_default() += 1;
            tokio::time::sleep(BREATH).await;
        }
        unreachable!("there is always another attempt")
    }
}

/// Fails unless a refusal is one for now, and says when to come back.
pub fn assert_try_again(reply: &Reply) {
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
    /// How many commands ended in each state.
    pub fn ends(&self) -> BTreeMap<String, usize> {
        let mut ends = BTreeMap::new();
        for events in self.streams.values() {
            let state = events.last().and_then(|end| end["state"].as_str()).unwrap_or_default();
            *ends.entry(state.to_owned()).or_default() += 1;
        }
        ends
    }

    /// Compares what the watchers saw with what REST says and what the vehicles counted.
    pub async fn check(&self, site: &Site) {
        let executions = site.executions().await;
        for (id, events) in &self.streams {
            let count = executions.get(id).copied().unwrap_or(0);
            check(id, events, &self.client.command(id).await, count);
        }
    }
}

fn offset(event: &Value) -> u64 {
    event["offset"].as_u64().expect("events have offsets")
}

fn check(id: &str, events: &[Value], command: &Value, executions: u64) {
    let end = events.last().expect("it has ended");
    assert_eq!(end["state"], command["state"], "{id}: the watcher and REST differ");
    assert_eq!(end["offset"], command["last_offset"], "{id}: something follows the end");
    let offsets: Vec<_> = events.iter().map(offset).collect();
    assert!(offsets.is_sorted_by(|a, b| a < b), "{id}: {offsets:?}");
    let numbers = sequences(events);
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{id}");
    let ends = events.iter().filter(|event| event["completed_at"].is_string()).count();
    assert_eq!(ends, 1, "{id}: {events:#?}");
    if command["command_name"] == "ClearDTC" {
        let phase = command["state"].as_str().and_then(Phase::from_word);
        let allowed = match phase {
            Some(Phase::Completed) => 1..=1,
            Some(Phase::Unknown) => 0..=1,
            Some(_) | None => 0..=0,
        };
        assert!(allowed.contains(&executions), "{id}: {executions} executions: {command:#}");
    }
}
