//! One node and three nodes on the same PostgreSQL and Redis, in turns.
//!
//! Refuses to leave out a step: every command is submitted over HTTP, executed on a simulated vehicle,
//! stored durably, and watched to its end over a WebSocket, through another node where there is one.

use crate::cpu::Used;
use model::command::Phase;
use serde_json::json;
use std::time::{Duration, Instant};
use testkit::{Client, Site};
use tokio::task::JoinSet;

/// What is measured.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Setting {
    /// How long each run lasts, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How often each is run.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Clients, each with one command under way.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Simulated vehicles, which answer at once.
    #[arg(long, default_value_t = 64)]
    vehicles: u32,
}

/// What came of a run.
#[derive(Debug, Clone)]
struct Outcome {
    per_second: f64,
    events_per_second: f64,
    median: Duration,
    slow: Duration,
    used: Used,
}

/// Measures, and prints a table.
pub(crate) async fn run(setting: Setting) {
    let (mut one, mut three) = (Vec::new(), Vec::new());
    for round in 1..=setting.rounds {
        println!("round {round} of {}", setting.rounds);
        one.push(measure(setting, 1).await);
        three.push(measure(setting, 3).await);
    }
    let (one, three) = (median(one), median(three));
    println!("\n| | 1 node | 3 nodes | ratio |\n|---|---|---|---|");
    row("commands/s, submit to end", one.per_second, three.per_second);
    row("events/s, stored and delivered", one.events_per_second, three.events_per_second);
    row("p50, ms", millis(one.median), millis(three.median));
    row("p99, ms", millis(one.slow), millis(three.slow));
    for (what, used) in &three.used.0 {
        let before = one.used.0.get(what).copied().unwrap_or_default();
        row(&format!("cores used: {what}"), cores(before, setting), cores(*used, setting));
    }
}

fn row(what: &str, one: f64, three: f64) {
    println!("| {what} | {one:.2} | {three:.2} | {:.2} |", three / one);
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

fn cores(used: Duration, setting: Setting) -> f64 {
    used.as_secs_f64() / Duration::from_secs(setting.seconds).as_secs_f64()
}

fn median(mut outcomes: Vec<Outcome>) -> Outcome {
    outcomes.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
    outcomes.swap_remove(outcomes.len() / 2)
}

async fn measure(setting: Setting, nodes: usize) -> Outcome {
    let site = Site::with_measured_nodes(nodes, setting.vehicles).await;
    for vehicle in 0..site.vins.len() {
        site.set(vehicle, &json!({ "delay_ms": 0, "parts": 4, "part_interval_ms": 0 })).await;
    }
    let clients = site.engineers().await;
    let processes = site.processes();
    // Connections are made and caches filled before it counts.
    drive(&site, &clients, setting.clients, Duration::from_secs(2)).await;
    let (before, begun) = (Used::by(&processes), Instant::now());
    let span = Duration::from_secs(setting.seconds);
    let mut runs = drive(&site, &clients, setting.clients, span).await;
    let took = begun.elapsed().as_secs_f64();
    let used = Used::by(&processes).since(&before);
    runs.sort_unstable_by_key(|run| run.took);
    let at = |share: usize| runs.get(runs.len() * share / 100).map_or(Duration::ZERO, |it| it.took);
    let events: usize = runs.iter().map(|run| run.events).sum();
    Outcome {
        per_second: rate(runs.len(), took),
        events_per_second: rate(events, took),
        median: at(50),
        slow: at(99),
        used,
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody measures 2^52 of anything")]
fn rate(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds
}

/// A command that has been watched to its end.
struct Run {
    took: Duration,
    events: usize,
}

async fn drive(site: &Site, clients: &[Client], count: usize, span: Duration) -> Vec<Run> {
    let until = Instant::now() + span;
    let mut driving = JoinSet::new();
    for number in 0..count {
        let here = clients[number % clients.len()].clone();
        let there = clients[(number + 1) % clients.len()].clone();
        let vehicle = site.vehicle_ids[number % site.vehicle_ids.len()].clone();
        driving.spawn(async move {
            let mut runs = Vec::new();
            while Instant::now() < until {
                runs.push(one(&here, &there, &vehicle).await);
            }
            runs
        });
    }
    driving.join_all().await.into_iter().flatten().collect()
}

async fn one(here: &Client, there: &Client, vehicle: &str) -> Run {
    let begun = Instant::now();
    let id = here.submit(vehicle, "ReadDTC", json!({ "ecuAddress": "0x10" })).await;
    let events = there.watch(&id).await.until_end().await;
    let end = events.last().expect("it has an end");
    assert_eq!(end["state"], Phase::Completed.word(), "{end}");
    Run { took: begun.elapsed(), events: events.len() }
}
