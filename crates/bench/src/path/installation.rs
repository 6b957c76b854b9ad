//! A fresh Fleetwire on a store of its own, with a user and vehicles.
//!
//! Refuses to tune it: its settings are the delivered ones, but for how long and how much a load takes.

use crate::cpu::{Used, resident_kib};
use serde_json::json;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::{Binary, Client, PASSWORD, Postgres, Process};
use tokio::runtime::Runtime;

/// How long a server may take to be ready.
const START: Duration = Duration::from_secs(20);
/// Between two looks at a server that is starting.
const LOOK: Duration = Duration::from_millis(5);

const WATCHED: &str = "fleetwire_topics_active";

/// Where Fleetwire stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(super) enum Backend {
    /// A file.
    Sqlite,
    /// A server of its own, which waits for its disk.
    Postgres,
}

impl Backend {
    /// As tables call Fleetwire on it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "Fleetwire on SQLite",
            Self::Postgres => "Fleetwire on PostgreSQL",
        }
    }
}

/// Where an installation is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground {
    /// The core that the server has for itself; `None` = any.
    pub(super) core: Option<u32>,
    pub(super) backend: Backend,
}

/// A running server. Gone with its data when dropped.
#[derive(Debug)]
pub(super) struct Installation {
    pub(super) address: SocketAddr,
    pub(super) vehicle_ids: Vec<String>,
    client: Client,
    runtime: Runtime,
    process: Process,
    postgres: Option<Postgres>,
    /// Where the server keeps its data.
    pub(super) place: TempDir,
}

impl Installation {
    /// One with so many vehicles, all at one address.
    pub(super) fn start(ground: Ground, vehicles: SocketAddr, count: usize) -> Self {
        let place = tempfile::tempdir().expect("a temporary directory can be made");
        let postgres = (ground.backend == Backend::Postgres).then(Postgres::start_durable);
        let database = postgres.as_ref().map(|postgres| postgres.create_database("fleetwire"));
        let fleetwire = || fleetwire(place.path(), database.as_deref());
        add_user(fleetwire());
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let address = port.expect("a port is free");
        let mut command = fleetwire();
        command.arg("serve").env("FLEETWIRE_LISTEN", address.to_string());
        let process = Process::spawn(on_core(ground.core, command));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let (client, vehicle_ids) = runtime.block_on(async {
            let client = ready(address).await;
            let ids = register(&client, vehicles, count).await;
            (client, ids)
        });
        Self { address, vehicle_ids, client, runtime, process, postgres, place }
    }

    /// An access token of its user.
    pub(super) fn token(&self) -> &str {
        self.client.token()
    }

    /// Where a command is watched.
    pub(super) fn watched(&self, command_id: &str) -> String {
        format!("/ws/responses/{command_id}?token={}", self.token())
    }

    /// The offset of a command's newest event.
    pub(super) fn last_offset(&self, command_id: &str) -> u64 {
        let command = self.runtime.block_on(self.client.command(command_id));
        command["last_offset"].as_u64().expect("it has a log")
    }

    /// The value of a metric without labels; 0 if it was never touched.
    pub(super) fn metric(&self, name: &str) -> f64 {
        // On a connection of its own: one that is kept does not outlive a long load.
        let client = Client::anonymous(&format!("http://{}", self.address));
        let text = self.runtime.block_on(client.text("/metrics"));
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
    }

    /// Waits until the server has noticed that all watchers have left.
    pub(super) fn until_unwatched(&self) {
        let begun = Instant::now();
        while self.metric(WATCHED) > 0.0 {
            assert!(begun.elapsed() < START, "somebody is still watching");
        }
    }

    /// The CPU time of the server and of its database.
    pub(super) fn used(&self) -> Used {
        let postgres = self.postgres.iter().map(|postgres| ("PostgreSQL", postgres.id()));
        let processes: Vec<_> = postgres.chain([("server", self.process.id())]).collect();
        Used::by(&processes)
    }

    /// The memory that the server has in use, in KiB.
    pub(super) fn resident_kib(&self) -> u64 {
        resident_kib(self.process.id())
    }
}

/// The program on one core.
fn on_core(core: Option<u32>, command: Command) -> Command {
    let Some(core) = core else { return command };
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", &core.to_string()]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => pinned.env(name, value),
            None => pinned.env_remove(name),
        };
    }
    pinned
}

/// The program, set for long commands of vehicles on this machine.
fn fleetwire(place: &Path, database: Option<&str>) -> Command {
    let mut command = Binary::fleetwire().command();
    command.env("FLEETWIRE_DATA_DIR", place).envs(database.map(|url| ("DATABASE_URL", url))).envs(
        [
            ("FLEETWIRE_AUTH_ACCESS_LIFE", "1h"),
            ("FLEETWIRE_COMMANDS_MAX_EVENTS", "10000000"),
            ("FLEETWIRE_COMMANDS_RUN_TIMEOUT", "1h"),
            ("FLEETWIRE_VEHICLES_ALLOW_LOOPBACK", "true"),
        ],
    );
    command
}

fn add_user(mut command: Command) {
    command.args(["admin", "user", "add", "bench", "--role", "admin", "--password-stdin"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().expect("fleetwire starts");
    let mut input = child.stdin.take().expect("it was asked for");
    writeln!(input, "{PASSWORD}").expect("it reads");
    drop(input);
    assert!(child.wait().is_ok_and(|status| status.success()), "there is no user");
}

/// A client of a server that is starting, once it answers.
async fn ready(address: SocketAddr) -> Client {
    let begun = Instant::now();
    while tokio::net::TcpStream::connect(address).await.is_err() {
        assert!(begun.elapsed() < START, "the server does not listen");
        tokio::time::sleep(LOOK).await;
    }
    Client::login(&format!("http://{address}"), "bench", PASSWORD).await
}

async fn register(client: &Client, vehicles: SocketAddr, count: usize) -> Vec<String> {
    let fleet = client.post("/api/v1/fleets", json!({ "name": "bench" })).await;
    let mut ids = Vec::new();
    for number in 0..count {
        let vehicle = json!({
            "vin": format!("BENCH{number:012}"),
            "fleet_id": fleet.json["fleet_id"],
            "sovd_url": format!("http://{vehicles}/{number}"),
        });
        let reply = client.post("/api/v1/vehicles", vehicle).await;
        let id = reply.json["vehicle_id"].as_str().map(ToOwned::to_owned);
        ids.push(id.unwrap_or_else(|| panic!("it is not registered: {}", reply.json)));
    }
    ids
}
