//! A fresh Fleetwire on a store of its own, with a user and vehicles.
//!
//! Refuses to tune it: its settings are the delivered ones, but for how long and how much a load takes.

use crate::cpu::{Used, resident_kib};
use crate::installation::{self, START};
use std::net::SocketAddr;
use std::time::Instant;
use tempfile::TempDir;
use testkit::{Client, Postgres, Process};
use tokio::runtime::Runtime;

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
    pub(super) fn start(ground: Ground, vehicles: SocketAddr, count: u32) -> Self {
        let postgres = (ground.backend == Backend::Postgres).then(Postgres::start_durable);
        let database = |postgres: &Postgres| postgres.create_database("fleetwire");
        let variables = postgres.iter().map(|it| ("DATABASE_URL", database(it))).collect();
        let files = installation::Installation::new(variables);
        files.add_user();
        let (process, address) = files.serve(ground.core);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let (client, vehicle_ids) = runtime.block_on(async {
            let client = installation::client(address).await;
            let url = |number| format!("http://{vehicles}/{number}");
            let ids = installation::register(&client, count, url).await;
            (client, ids)
        });
        Self { address, vehicle_ids, client, runtime, process, postgres, place: files.place }
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
