//! How long it takes until many watchers who come back at once have everything.
//!
//! Refuses to have them come one after the other: all connections are begun before the first is used.

use super::audience::{Audience, Place};
use super::events::submit_to_all;
use super::figure::Measured;
use super::installation::{Ground, Installation};
use super::report::{at, count};
use super::vehicles::{self, Answer};
use std::fs;

const PAGES: &str = r#"fleetwire_log_reads_total{what="page"}"#;
const ENDS: &str = r#"fleetwire_log_reads_total{what="end"}"#;

/// What is measured.
pub(super) const ALL_LIVE: &str = "all live after, s";

const WATCHERS: usize = 10_000;
/// Events of each command when they come back.
const EVENTS: u32 = 300;
/// The newest of them, which they lack.
const BEHIND: u32 = 100;

/// Measures it with so many commands, to which the watchers are spread.
pub(super) fn measure(ground: Ground, logs: u32) -> Measured {
    let answer = Answer::Pausing(EVENTS);
    let installation = Installation::start(ground, vehicles::listen(answer), logs);
    let commands = submit_to_all(&installation);
    let all = commands.iter().map(|id| Place::at_start(installation.watched(id)));
    Audience::connect(installation.address, all.collect()).until_all_have(EVENTS);
    // As after a restart: what is watched by nobody is in nobody's memory.
    installation.until_unwatched();
    let places = commands.iter().map(|id| {
        let offset = installation.last_offset(id).saturating_sub(BEHIND.into());
        Place { path: installation.watched(id), offset, last: EVENTS - BEHIND }
    });
    let places: Vec<_> = places.collect();
    let places = places.iter().cycle().take(WATCHERS).cloned().collect();
    let (before, used_before) = (installation.resident_kib(), installation.used());
    let overflows = listen_overflows();
    let (pages, ends) = (installation.metric(PAGES), installation.metric(ENDS));
    let mut audience = Audience::connect(installation.address, places);
    let arrivals = audience.until_all_have(EVENTS);
    let overflows = listen_overflows().saturating_sub(overflows);
    let resident = installation.resident_kib();
    let read_each = |what, before| (installation.metric(what) - before) / f64::from(logs);
    let mut measured = vec![
        (ALL_LIVE, at(&arrivals, 100).as_secs_f64()),
        ("half live after, s", at(&arrivals, 50).as_secs_f64()),
        ("pages read for each command", read_each(PAGES, pages)),
        ("ends asked for, each command", read_each(ENDS, ends)),
        ("sent away and back again", count(audience.returns)),
        ("packets dropped for want of backlog", count(overflows)),
        ("server RSS, MiB", count(resident) / 1024.0),
        ("of it for them, MiB", count(resident.saturating_sub(before)) / 1024.0),
    ];
    let used = installation.used().since(&used_before);
    measured.extend(super::report::each(&used, WATCHERS as u64));
    measured
}

/// How often the kernel has dropped a packet because a listener had too many connections waiting.
fn listen_overflows() -> u64 {
    let text = fs::read_to_string("/proc/net/netstat").unwrap_or_default();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("TcpExt: "));
    let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let mut pairs = names.split(' ').zip(values.split(' '));
    let value = pairs.find(|(name, _)| *name == "ListenDrops").map(|(_, value)| value);
    value.and_then(|value| value.parse().ok()).unwrap_or_default()
}
