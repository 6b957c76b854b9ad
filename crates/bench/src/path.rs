//! The path of a command: how fast it is accepted, answered, stored, delivered and read again.
//!
//! Refuses to leave out a step: tokens, rights and a store that waits for its disk.

mod audience;
mod disk;
mod events;
mod figure;
mod first;
mod installation;
mod reconnect;
mod replay;
mod report;
mod submits;
mod submitter;
mod vehicles;

use crate::record::{Record, or_all};
use figure::Figure;
use installation::{Backend, Ground};
use report::Report;
use std::time::Duration;

/// What is measured, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Setting {
    /// What to measure; everything when nothing is named.
    figures: Vec<Figure>,
    /// How often each is measured; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each load lasts, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// The stores; without it, both.
    #[arg(long, value_delimiter = ',')]
    backends: Vec<Backend>,
    /// The core that the server has for itself; this program, vehicles and PostgreSQL should run on another.
    #[arg(long)]
    core: Option<u32>,
    #[command(flatten)]
    record: Record,
}

/// Measures, prints a table, and writes the figures.
pub(crate) fn run(setting: &Setting) {
    let figures = or_all(&setting.figures);
    let backends = or_all(&setting.backends);
    let span = Duration::from_secs(setting.seconds);
    let mut report = Report::default();
    for round in 1..=setting.rounds {
        for &figure in &figures {
            eprintln!("round {round} of {}: {}", setting.rounds, figure.name());
            for &backend in &backends {
                let ground = Ground { core: setting.core, backend };
                report.enter(figure, backend, figure.measure(ground, span));
            }
        }
    }
    print!("{}", report.table());
    setting.record.write(|| report.document());
}
