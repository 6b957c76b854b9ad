//! How fast Fleetwire is: load on real processes, and tables of what came of it.
//!
//! Refuses to judge by one run: what is compared runs in turns, and the median counts.

#![expect(clippy::print_stdout, reason = "a table is what it is for")]
#![expect(clippy::print_stderr, reason = "whoever waits for minutes is told what for")]
#![expect(clippy::expect_used, reason = "a measurement that cannot go on says why and ends")]
#![expect(clippy::indexing_slicing, reason = "JSON that is not there reads as null")]

mod audit;
mod contender;
mod cpu;
mod event;
mod fanout;
mod frame;
mod goal;
mod installation;
mod limit;
mod load;
mod logins;
mod nodes;
mod path;
mod plot;
mod record;
mod scan;
mod vehicle;

use clap::{Parser, Subcommand};
use std::io;

/// Measures a release build of fleetwire that lies beside this program.
#[derive(Debug, Parser)]
#[command(name = "fleetwire-bench")]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Commands per second, from submit to the end seen by a watcher, with one node and with three.
    Nodes(nodes::Setting),
    /// Deliveries per second, delays and costs of watchers, beside peers and the limit of a core.
    Fanout(fanout::Setting),
    /// Submits, events and replays per second, and delays, beside what they have to be.
    Path(path::Setting),
    /// Vehicles per second of which every entity is asked for its faults.
    Scan(scan::Setting),
    /// Audit rows per second that are sealed, exported and verified.
    Audit(audit::Setting),
    /// How far apart in time wrong logins of users are who exist and who do not.
    Logins(logins::Setting),
    /// Draws what a run of everything has found.
    Plot(plot::Setting),
    /// Serves frames as fast as a core can: what everything else is measured against.
    #[command(hide = true)]
    Limit(limit::Setting),
}

fn main() -> io::Result<()> {
    match Args::parse().what {
        What::Nodes(setting) => tokio::runtime::Runtime::new()?.block_on(nodes::run(setting)),
        What::Fanout(setting) => fanout::run(&setting),
        What::Path(setting) => path::run(&setting),
        What::Scan(setting) => tokio::runtime::Runtime::new()?.block_on(scan::run(setting)),
        What::Audit(setting) => tokio::runtime::Runtime::new()?.block_on(audit::run(setting)),
        What::Logins(setting) => tokio::runtime::Runtime::new()?.block_on(logins::run(setting)),
        What::Plot(setting) => plot::run(&setting)?,
        What::Limit(setting) => limit::run(setting)?,
    }
    Ok(())
}
