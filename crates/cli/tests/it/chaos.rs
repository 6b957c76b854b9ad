//! Everything that several servers stand on fails, one thing after the other, at random, under load.

use crate::nodes::times;
use serde_json::json;
use std::fmt;
use std::time::{Duration, Instant};
use testkit::{Direction, Load, Pace, Site, eventually};

const NODES: usize = 3;
const VEHICLES: u32 = 40;
/// 50 commands a second, 4 watchers each.
const PACE: Pace =
    Pace { submitters: 10, under_way: 400, every: Duration::from_millis(200), watchers: 4 };
/// From the beginning of a fault to the next.
const EVERY: Duration = Duration::from_secs(5);
/// How long most faults last.
const OUTAGE: Duration = Duration::from_secs(2);
/// A server that is frozen stays so longer than anybody waits for it.
const FREEZE: Duration = Duration::from_secs(10);
/// How soon after the end of a fault every node is ready and accepts commands.
const RECOVERY: Duration = Duration::from_secs(2);

/// The same of a server that has to be started first.
const RESTART: Duration = Duration::from_secs(5);

/// What can happen.
#[derive(Debug, Clone, Copy)]
enum Fault {
    RedisKilled,
    RedisFlushed,
    SubscribersCut,
    RedisFrozen,
    PostgresRestarted,
    BackendsTerminated,
    PostgresFrozen,
    NodeKilled(usize),
    NodeFrozen(usize),
    LinkCut(usize),
    LinkStalled(usize),
    LinkReset(usize),
}

impl Fault {
    /// The fault of a number.
    fn of(number: u64) -> Self {
        let node = usize::try_from(number / 12).unwrap_or(0) % NODES;
        match number % 12 {
            0 => Self::RedisKilled,
            1 => Self::RedisFlushed,
            2 => Self::SubscribersCut,
            3 => Self::RedisFrozen,
            4 => Self::PostgresRestarted,
            5 => Self::BackendsTerminated,
            6 => Self::PostgresFrozen,
            7 => Self::NodeKilled(node),
            8 => Self::LinkCut(node),
            9 => Self::LinkStalled(node),
            10 => Self::LinkReset(node),
            _ => Self::NodeFrozen(node),
        }
    }

    /// How soon after its end everything has to be well.
    fn recovery(self) -> Duration {
        if matches!(self, Self::NodeKilled(_)) { RESTART } else { RECOVERY }
    }

    /// Lets it happen, and ends what does not end by itself; answers when its cause was gone.
    async fn strike(self, site: &mut Site) -> Instant {
        let span = match self {
            Self::RedisFrozen | Self::PostgresFrozen | Self::NodeFrozen(_) => FREEZE,
            Self::RedisKilled
            | Self::PostgresRestarted
            | Self::NodeKilled(_)
            | Self::LinkCut(_)
            | Self::LinkStalled(_) => OUTAGE,
            Self::RedisFlushed
            | Self::SubscribersCut
            | Self::BackendsTerminated
            | Self::LinkReset(_) => Duration::ZERO,
        };
        match self {
            Self::RedisKilled => site.redis().kill(),
            Self::RedisFlushed => site.redis().flush_all(),
            Self::SubscribersCut => assert!(site.redis().kill_subscribers() > 0),
            Self::RedisFrozen => site.redis().pause(),
            Self::PostgresRestarted => site.postgres().stop(),
            Self::BackendsTerminated => site.postgres().terminate_backends(),
            Self::PostgresFrozen => site.postgres().pause(),
            Self::NodeKilled(node) => site.nodes[node].kill9(),
            Self::NodeFrozen(node) => site.nodes[node].process().stop(),
            Self::LinkCut(node) => {
                site.nodes[node].links().database.cut();
                site.nodes[node].links().redis.cut();
            }
            Self::LinkStalled(node) => {
                site.nodes[node].links().database.stall(Direction::ToClient);
                site.nodes[node].links().redis.stall(Direction::ToTarget);
            }
            Self::LinkReset(node) => {
                site.nodes[node].links().database.reset();
                site.nodes[node].links().redis.reset();
            }
        }
        tokio::time::sleep(span).await;
        let gone = Instant::now();
        match self {
            Self::RedisKilled => site.redis().restart(),
            Self::RedisFrozen => site.redis().resume(),
            Self::PostgresRestarted => site.postgres().restart(),
            Self::PostgresFrozen => site.postgres().resume(),
            Self::NodeKilled(node) => drop(site.start_node(node).await),
            Self::NodeFrozen(node) => site.nodes[node].process().cont(),
            Self::LinkCut(node) | Self::LinkStalled(node) => {
                site.nodes[node].links().database.heal();
                site.nodes[node].links().redis.heal();
            }
            Self::RedisFlushed
            | Self::SubscribersCut
            | Self::BackendsTerminated
            | Self::LinkReset(_) => {}
        }
        // A server that has been stopped or killed is away until it runs again.
        if matches!(self, Self::PostgresRestarted | Self::RedisKilled) {
            Instant::now()
        } else {
            gone
        }
    }
}

/// How soon after each fault everything was well again.
#[derive(Default)]
struct Recoveries(Vec<(Fault, Duration)>);

impl fmt::Display for Recoveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (fault, after) in &self.0 {
            writeln!(f, "  {after:>8.1?}  {fault:?}")?;
        }
        Ok(())
    }
}

async fn is_well(site: &Site) {
    for node in &site.nodes {
        let url = format!("{}/readyz", node.url);
        eventually("every node is ready", async || {
            let Ok(answer) = reqwest::get(&url).await else { return false };
            answer.text().await.is_ok_and(|text| text.contains(r#""ready""#))
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_nothing_is_lost_repeated_or_stuck() {
    let mut site = Site::with_nodes(NODES, VEHICLES).await;
    for vehicle in 0..site.vins.len() {
        let setting = json!({ "delay_ms": [0, 60], "parts": 4, "part_interval_ms": 20 });
        site.set(vehicle, &setting).await;
    }
    let load = Load::begin_at(&site, PACE).await;
    let seed = std::env::var("CHAOS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut random = seed;
    let mut recoveries = Recoveries::default();
    println!("seed {seed}");
    for number in 0..times(7, 60) {
        let begun = tokio::time::Instant::now();
        // A short run takes one of each kind of part, a long one whatever comes.
        let fault = match times(0, 1) {
            0 => Fault::of([0, 2, 4, 7, 11, 8, 10][number % 7]),
            _ => Fault::of(next(&mut random)),
        };
        let healed = fault.strike(&mut site).await;
        is_well(&site).await;
        load.accepts(1).await;
        recoveries.0.push((fault, healed.elapsed()));
        tokio::time::sleep_until(begun + EVERY).await;
    }
    let closes = load.closes();
    let harvest = load.end().await;
    let ends = harvest.ends();
    println!("{harvest}, closed by code: {closes:?}, ended: {ends:?}\n{recoveries}");
    harvest.check(&site).await;
    // Most of the time there is no fault: a site that only refuses would pass everything else.
    let (all, completed) = (harvest.streams.len(), ends.get("completed").copied().unwrap_or(0));
    assert!(all > 80 * recoveries.0.len(), "hardly anything was accepted: {all}");
    assert!(10 * completed > 8 * all, "hardly anything was completed: {ends:?}");
    let is_late = |(fault, after): &&(Fault, Duration)| *after > fault.recovery();
    let late: Vec<_> = recoveries.0.iter().filter(is_late).collect();
    assert!(late.is_empty(), "not well in time: {late:?}");
}

/// The next number of a sequence that looks random and is the same for the same seed.
pub(crate) fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) >> 8
}
