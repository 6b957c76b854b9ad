//! How fast Fleetwire is: load on real processes, and tables of what came of it.
//!
//! Refuses to judge by one run: what is compared runs in turns, and the median counts.

#![expect(clippy::print_stdout, reason = "a table is what it is for")]
#![expect(clippy::expect_used, reason = "a measurement that cannot go on says why and ends")]
#![expect(clippy::indexing_slicing, reason = "JSON that is not there reads as null")]

mod cpu;
mod nodes;

use clap::{Parser, Subcommand};

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
}

#[tokio::main]
async fn main() {
    match Args::parse().what {
        What::Nodes(setting) => nodes::run(setting).await,
    }
}
