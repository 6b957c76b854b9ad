//! Fleetwire beside its peers and beside the limit of one core, in turns.
//!
//! Refuses to compare across runs: ratios are of one run, in which all took turns.

mod figure;
mod report;
mod target;

use crate::contender::{Contender, Ground, Product, Several};
use crate::cpu;
use crate::record::{Record, or_all};
use figure::{Figure, Measured};
use report::Report;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often something is measured while others disturb it.
const ATTEMPTS: usize = 4;
/// How long each attempt waits until they are gone.
const PATIENCE: Duration = Duration::from_mins(1);
/// Cores that others may use.
const DISTURBED: f64 = 0.1;

/// What is measured, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Setting {
    /// What to measure; everything when nothing is named.
    shapes: Vec<Figure>,
    /// How often each is measured; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement lasts, in seconds.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Who is compared; without it, everybody who is installed.
    #[arg(long, value_delimiter = ',')]
    contenders: Vec<Contender>,
    /// The core that contenders have for themselves; this program should run on another.
    #[arg(long)]
    core: Option<u32>,
    /// Where the peers are installed.
    #[arg(long, default_value = "target/bench-peers")]
    peers: PathBuf,
    #[command(flatten)]
    record: Record,
}

/// Measures, prints a table, and writes the figures.
pub(crate) fn run(setting: &Setting) {
    let figures = or_all(&setting.shapes);
    let wanted = or_all(&setting.contenders);
    let ground = ground(setting, &figures, &wanted);
    let contenders = installed(&wanted, &ground);
    let span = Duration::from_secs(setting.seconds);
    let mut report = Report::default();
    for round in 1..=setting.rounds {
        for &figure in &figures {
            for &contender in contenders.iter().filter(|it| figure.suits(**it)) {
                let (what, who) = (figure.name(), contender.name());
                eprintln!("round {round} of {}: {what}: {who}", setting.rounds);
                report.enter(
                    figure,
                    contender,
                    undisturbed(|| figure.measure(contender, &ground, span)),
                );
            }
        }
    }
    let contenders: Vec<_> =
        contenders.into_iter().map(|it| (it, it.version(&ground).unwrap_or_default())).collect();
    println!("{}\n{}", report.table(&contenders), report.goals());
    setting.record.write(|| report.document(&contenders));
}

/// Measures again while others keep the machine busy; in the end the least disturbed counts.
fn undisturbed(measure: impl Fn() -> Measured) -> Measured {
    let mut best: Option<(f64, Measured)> = None;
    for _ in 0..ATTEMPTS {
        cpu::await_quiet(DISTURBED, PATIENCE);
        let (before, begun) = (cpu::others(), Instant::now());
        let measured = measure();
        let others = cpu::others().saturating_sub(before);
        let cores = others.as_secs_f64() / begun.elapsed().as_secs_f64();
        if best.as_ref().is_none_or(|(least, _)| cores < *least) {
            best = Some((cores, measured));
        }
        if cores < DISTURBED {
            break;
        }
        eprintln!("disturbed: others used {cores:.2} cores");
    }
    best.map(|(_, measured)| measured).unwrap_or_default()
}

fn ground(setting: &Setting, figures: &[Figure], contenders: &[Contender]) -> Ground {
    let topics = figures.iter().map(|it| it.shape().topics).max().unwrap_or(1);
    let product = contenders.contains(&Contender::Ours).then(|| Product::prepare(topics));
    let several = contenders.iter().any(|it| it.is_on_bus()).then(Several::prepare);
    Ground { core: setting.core, peers: setting.peers.clone(), product, several }
}

fn installed(wanted: &[Contender], ground: &Ground) -> Vec<Contender> {
    let mut contenders = wanted.to_vec();
    contenders.retain(|contender| {
        let is_there = contender.version(ground).is_some();
        if !is_there {
            eprintln!("skipped: {} is not installed; see scripts/bench", contender.name());
        }
        is_there
    });
    contenders
}
