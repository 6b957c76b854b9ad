//! Whole worlds in one loop: the shipped rules of commands, turns, parts, rings and cursors, run on three
//! nodes over a modelled store, bus and vehicles, while everything around them fails.
//!
//! Refuses threads, clocks and chance of its own: one seed is one world, and a world that breaks a rule
//! can be lived again, step by step.

mod bus;
mod client;
mod drive;
mod fault;
mod judge;
mod mutation;
mod node;
mod seed;
mod store;
mod topic;
mod vehicle;
mod watcher;
mod world;

use crate::live::cursor;
use model::command::Phase;
use mutation::Mutation;
use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use world::World;

/// How many worlds are lived on every change; `FLEETWIRE_SEEDS` says another number.
const WORLDS: u64 = 2000;
/// Within how many worlds a rule that is broken on purpose has to be noticed.
const NOTICED_WITHIN: u64 = 200;

/// What happened in worlds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Tally {
    steps: u64,
    seconds: u64,
    faults: u64,
    executions: u64,
    /// Writes that reached their vehicle after their command had been given up: no fence holds a vehicle.
    late_writes: u64,
    ends: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn end(&mut self, phase: Phase) {
        *self.ends.entry(phase.word()).or_insert(0) += 1;
    }

    fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.seconds += other.seconds;
        self.faults += other.faults;
        self.executions += other.executions;
        self.late_writes += other.late_writes;
        for (word, count) in &other.ends {
            *self.ends.entry(word).or_insert(0) += count;
        }
    }
}

/// A world in which a rule was broken.
#[derive(Debug)]
struct Mishap {
    rule: String,
    /// The last steps before it.
    steps: Vec<String>,
}

/// Lives a world, and once more, with its story, if a rule is broken in it.
fn live(seed: u64, mutation: Option<Mutation>) -> Result<Tally, Mishap> {
    let life = |is_told| World::new(seed, mutation, is_told).live();
    let panicked = |_| Err(Mishap { rule: "it panics".to_owned(), steps: Vec::new() });
    std::panic::catch_unwind(|| life(false).or_else(|_| life(true))).unwrap_or_else(panicked)
}

/// What a person needs to know of a mishap.
fn report(seed: u64, mishap: &Mishap) -> String {
    let Mishap { rule, steps } = mishap;
    format!(
        "seed {seed}: {rule}\n{}\nalone: FLEETWIRE_SEED={seed} cargo nextest run -p fleetwire-server \
         -E 'test(one_world)'",
        steps.join("\n"),
    )
}

/// The seeds in which a rule was broken once.
fn seeds_file() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "src", "simulation", "seeds.txt"].iter().collect()
}

fn kept_seeds() -> Vec<u64> {
    let text = std::fs::read_to_string(seeds_file()).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

fn keep(seed: u64, rule: &str) {
    if !kept_seeds().contains(&seed) {
        let mut file = std::fs::OpenOptions::new().append(true).open(seeds_file()).unwrap();
        writeln!(file, "{seed} {rule}").unwrap();
    }
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Lives worlds on all threads; answers what happened in them, and the mishaps.
fn live_all(seeds: &[u64]) -> (Tally, BTreeMap<u64, Mishap>) {
    let next = AtomicU64::new(0);
    let found = Mutex::new((Tally::default(), BTreeMap::new()));
    let work = || {
        while let Some(&seed) =
            seeds.get(usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap())
        {
            let life = live(seed, None);
            let mut found = found.lock().unwrap();
            match life {
                Ok(tally) => found.0.add(&tally),
                Err(mishap) => drop(found.1.insert(seed, mishap)),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    found.into_inner().unwrap()
}

#[test]
fn two_thousand_worlds_break_no_rule() {
    let mut seeds = kept_seeds();
    seeds.extend(0..from_environment("FLEETWIRE_SEEDS").unwrap_or(WORLDS));
    let (tally, mishaps) = live_all(&seeds);
    for (seed, mishap) in &mishaps {
        keep(*seed, &mishap.rule);
    }
    let reports: Vec<_> = mishaps.iter().take(3).map(|(seed, m)| report(*seed, m)).collect();
    assert!(mishaps.is_empty(), "{} worlds went wrong\n{}", mishaps.len(), reports.join("\n\n"));
    // Worlds in which nothing happens would prove nothing.
    let worlds = seeds.len() as u64;
    assert!(tally.faults > 20 * worlds && tally.executions > 2 * worlds, "{tally:?}");
    assert_eq!(tally.ends.len(), 6, "every end is reached: {tally:?}");
    announce(&format!("{worlds} worlds: {tally:?}"));
}

#[expect(clippy::print_stderr, reason = "figures for whoever runs it with --no-capture")]
fn announce(figures: &str) {
    eprintln!("{figures}");
}

#[test]
fn one_world() {
    let seed = from_environment("FLEETWIRE_SEED").unwrap_or(1);
    let life = World::new(seed, None, true).live();
    let tally = life.unwrap_or_else(|mishap| panic!("{}", report(seed, &mishap)));
    let again = World::new(seed, None, false).live().unwrap();
    assert_eq!(tally, again, "the same seed is the same world");
}

#[test]
fn a_rule_that_is_broken_on_purpose_is_noticed() {
    let unnoticed: Vec<_> = Mutation::ALL
        .into_iter()
        .filter(|&mutation| {
            let noticed = (0..NOTICED_WITHIN)
                .find_map(|seed| Some((seed, live(seed, Some(mutation)).err()?)));
            if let Some((seed, mishap)) = &noticed {
                announce(&format!("{mutation:?}: seed {seed}: {}", mishap.rule));
            }
            noticed.is_none()
        })
        .collect();
    assert!(unnoticed.is_empty(), "nobody notices {unnoticed:?}");
}
