//! The servers that are compared: each is started anew for each measurement, and killed after it.
//!
//! Refuses to treat one better: all get the same events, the same watchers and the same core.

mod bus;
mod nats;
mod node;
mod product;
mod raw;
mod several;
mod vehicles;

pub(crate) use product::{Product, program_bytes};
pub(crate) use several::Several;

use crate::cpu::on_core;
use crate::load::feed::Feed;
use crate::load::socket::Way;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;
use testkit::Process;

/// A server to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Contender {
    /// The limit of one core: raw frames, all that are there in one write.
    Joined,
    /// The same with one write for each frame.
    Single,
    /// The first, told of events over Redis.
    JoinedBus,
    /// Fleetwire on SQLite.
    Ours,
    /// Fleetwire on PostgreSQL and Redis, delivering what another node stores.
    OursBus,
    /// nats-server with its WebSocket listener.
    Nats,
    /// The package `ws` on Node.
    Ws,
}

/// What all contenders are given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Topics, which take turns.
    pub(crate) topics: u32,
    /// Watchers of each.
    pub(crate) watchers: u32,
    /// Bytes of an event.
    pub(crate) event_bytes: usize,
}

/// Where contenders come from and where they run.
#[derive(Debug)]
pub(crate) struct Ground {
    /// The core that they have for themselves; `None` = any.
    pub(crate) core: Option<u32>,
    /// Where the peers are installed.
    pub(crate) peers: PathBuf,
    /// The product, ready to be started; `None` = it is not compared.
    pub(crate) product: Option<Product>,
    /// What several nodes share; `None` = nobody needs it.
    pub(crate) several: Option<Several>,
}

impl Ground {
    fn several(&self) -> &Several {
        self.several.as_ref().expect("it is ready")
    }
}

/// A contender at work. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) process: Process,
    /// How each topic is watched.
    pub(crate) ways: Vec<Way>,
    pub(crate) feed: Feed,
    /// Where it keeps its files.
    pub(crate) place: TempDir,
}

impl Contender {
    /// As tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Joined => "limit, joined",
            Self::Single => "limit, one write each",
            Self::JoinedBus => "limit over Redis",
            Self::Ours => "Fleetwire",
            Self::OursBus => "Fleetwire, one of several",
            Self::Nats => "NATS",
            Self::Ws => "Node ws",
        }
    }

    /// Its version; `None` = it is not installed.
    pub(crate) fn version(self, ground: &Ground) -> Option<String> {
        match self {
            Self::Joined | Self::Single | Self::JoinedBus | Self::Ours | Self::OursBus => {
                Some(env!("CARGO_PKG_VERSION").to_owned())
            }
            Self::Nats => nats::version(ground),
            Self::Ws => node::version(ground),
        }
    }

    /// Whether a new watcher is given the newest event, and need not wait for the next.
    pub(crate) fn replays(self) -> bool {
        self != Self::Nats
    }

    /// Whether it learns of events over Redis.
    pub(crate) fn is_on_bus(self) -> bool {
        matches!(self, Self::JoinedBus | Self::OursBus)
    }

    /// Starts it.
    pub(crate) fn start(self, ground: &Ground, shape: Shape) -> Running {
        let limit = |arguments: &[&str]| {
            let mut command = raw::limit(shape);
            command.args(arguments);
            raw::start(on_core(ground.core, command), shape, place())
        };
        match self {
            Self::Joined => limit(&[]),
            Self::Single => limit(&["--single"]),
            Self::JoinedBus => ground.several().start_limit(ground, shape),
            Self::OursBus => ground.several().start(ground.core, shape),
            Self::Ours => ground.product.as_ref().expect("it is ready").start(ground.core, shape),
            Self::Nats => nats::start(ground, shape),
            Self::Ws => node::start(ground, shape),
        }
    }
}

/// A program that ends when we do.
fn program(path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(path);
    command
}

/// What a program prints; `None` if it cannot be run.
fn printed(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|it| it.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The settings of a product whose vehicles and commands stay where they are.
fn still() -> Vec<(&'static str, String)> {
    [
        ("FLEETWIRE_COMMANDS_DELIVER_WITHIN", "1h"),
        ("FLEETWIRE_COMMANDS_MAX_IN_FLIGHT", "10000"),
        ("FLEETWIRE_VEHICLES_PROBE_INTERVAL", "1h"),
    ]
    .map(|(name, text)| (name, text.to_owned()))
    .to_vec()
}

fn place() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}
