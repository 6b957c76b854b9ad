//! One node of several: what it delivers was stored by another, and came over the bus.
//!
//! Refuses to be a stub: the node is the delivered program on PostgreSQL and Redis, with tokens,
//! rights, rings and replay; only storing, which the other node does, is not its work.

use super::bus::{self, Topic};
use super::{Ground, Running, Shape, place, raw, still};
use crate::cpu::on_core;
use crate::installation::{self, Installation};
use serde_json::json;
use std::iter::repeat_n;
use std::process::Stdio;
use std::rc::Rc;
use testkit::{Postgres, Process, Redis};
use tokio::runtime::Runtime;

/// What nodes share, and a vehicle that nobody connects: its commands wait.
#[derive(Debug)]
pub(crate) struct Several {
    runtime: Runtime,
    vehicle_id: String,
    redis: Rc<Redis>,
    /// Settings of every node.
    variables: Vec<(&'static str, String)>,
    /// Keeps the key that nodes share.
    _first: Installation,
    _postgres: Postgres,
}

impl Several {
    /// The servers that nodes share, on the cores of this program.
    pub(crate) fn prepare() -> Self {
        let (postgres, redis) = (Postgres::start(), Redis::start());
        let mut variables = still();
        variables.push(("DATABASE_URL", postgres.create_database("fleetwire")));
        variables.push(("REDIS_URL", redis.url()));
        let mut first = Installation::new(variables.clone());
        let key = first.place.path().join("master.key").display().to_string();
        variables.push(("FLEETWIRE_MASTER_KEY_FILE", key));
        first = Installation { variables: variables.clone(), ..first };
        first.add_user();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self {
            runtime: runtime.expect("a runtime can be made"),
            vehicle_id: add_vehicle(&first),
            redis: Rc::new(redis),
            variables,
            _first: first,
            _postgres: postgres,
        }
    }

    /// Starts a node, with a command that waits for each topic.
    pub(super) fn start(&self, core: Option<u32>, shape: Shape) -> Running {
        let installation = Installation::new(self.variables.clone());
        let (process, address) = installation.serve(core);
        let (topics, ways) = self.runtime.block_on(async {
            let client = installation::client(address).await;
            let vehicles = repeat_n(self.vehicle_id.as_str(), shape.topics as usize);
            let order = ("ReadDTC", json!({ "ecuAddress": "0x10" }));
            let commands = installation::submit(&client, vehicles, order).await;
            let (mut topics, mut ways) = (Vec::new(), Vec::new());
            for command_id in commands {
                let stored = client.command(&command_id).await["last_offset"].as_u64();
                let stored = stored.and_then(|it| u32::try_from(it).ok()).expect("it has a log");
                ways.push(installation::way(address, &command_id, client.token()));
                topics.push(Topic { command_id, stored });
            }
            (topics, ways)
        });
        let feed = bus::feed(&self.redis, topics, shape.event_bytes);
        Running { process, ways, feed, place: installation.place }
    }

    /// Starts the limit on the same bus.
    pub(super) fn start_limit(&self, ground: &Ground, shape: Shape) -> Running {
        let bus = format!("127.0.0.1:{}", self.redis.port());
        let mut command = raw::limit(shape);
        command.args(["--bus", &bus, "--topics", &shape.topics.to_string()]);
        let process = Process::spawn(on_core(ground.core, command));
        let ways = raw::ways(raw::ready(&process).sockets, shape);
        let topics = (0..shape.topics).map(Topic::of_limit).collect();
        let feed = bus::feed(&self.redis, topics, shape.event_bytes);
        Running { process, ways, feed, place: place() }
    }
}

fn add_vehicle(installation: &Installation) -> String {
    let mut command = installation.program();
    command.args(["admin", "vehicle", "add", "--vin", "BENCH000000000000", "--external"]);
    let output = command.stderr(Stdio::inherit()).output().expect("fleetwire starts");
    assert!(output.status.success(), "there is no vehicle");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
