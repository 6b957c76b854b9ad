//! An installation of Fleetwire: a user, a place for its files, and the settings of its servers.
//!
//! Refuses to tune: what it sets is how long and how much a load takes, and nothing else.

use crate::cpu::on_core;
use crate::load::socket::{Dialect, Way};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::{Binary, Client, PASSWORD, Process};

/// How long a server may take to be ready.
pub(crate) const START: Duration = Duration::from_secs(20);
/// Between two looks at a server that is starting.
const LOOK: Duration = Duration::from_millis(5);

/// What is answered when the server has done everything before it.
const GREETING: &str = r#"{"action":"ping"}"#;

/// Files and settings.
#[derive(Debug)]
pub(crate) struct Installation {
    pub(crate) place: TempDir,
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Installation {
    /// One without a user.
    pub(crate) fn new(variables: Vec<(&'static str, String)>) -> Self {
        let place = tempfile::tempdir().expect("a temporary directory can be made");
        Self { place, variables }
    }

    /// The program, set for long commands of vehicles on this machine.
    pub(crate) fn program(&self) -> Command {
        let mut command = Binary::fleetwire().command();
        command.env("FLEETWIRE_DATA_DIR", self.place.path()).envs([
            ("FLEETWIRE_AUTH_ACCESS_LIFE", "1h"),
            ("FLEETWIRE_COMMANDS_MAX_EVENTS", "10000000"),
            ("FLEETWIRE_COMMANDS_RUN_TIMEOUT", "1h"),
            ("FLEETWIRE_VEHICLES_ALLOW_LOOPBACK", "true"),
        ]);
        command.envs(self.variables.iter().map(|(name, text)| (name, text)));
        command
    }

    /// Adds the user that everything is done as.
    pub(crate) fn add_user(&self) {
        let mut command = self.program();
        command.args(["admin", "user", "add", "bench", "--role", "admin", "--password-stdin"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("fleetwire starts");
        let mut input = child.stdin.take().expect("it was asked for");
        writeln!(input, "{PASSWORD}").expect("it reads");
        drop(input);
        assert!(child.wait().is_ok_and(|status| status.success()), "there is no user");
    }

    /// Starts a server on a core.
    pub(crate) fn serve(&self, core: Option<u32>) -> (Process, SocketAddr) {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let address = port.expect("a port is free");
        let mut command = self.program();
        command.arg("serve").env("FLEETWIRE_LISTEN", address.to_string());
        (Process::spawn(on_core(core, command)), address)
    }

    /// The same installation with files of its own.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new(self.variables.clone());
        for file in fs::read_dir(self.place.path()).expect("it is there").flatten() {
            let to = copy.place.path().join(file.file_name());
            fs::copy(file.path(), to).expect("there is room");
        }
        copy
    }
}

/// Waits until a server listens.
pub(crate) async fn listening(address: SocketAddr) {
    let begun = Instant::now();
    while tokio::net::TcpStream::connect(address).await.is_err() {
        assert!(begun.elapsed() < START, "the server does not listen");
        tokio::time::sleep(LOOK).await;
    }
}

/// The client of the user, once the server answers.
pub(crate) async fn client(address: SocketAddr) -> Client {
    listening(address).await;
    Client::login(&format!("http://{address}"), "bench", PASSWORD).await
}

/// Registers so many vehicles, each at an address of its own.
pub(crate) async fn register(
    client: &Client,
    vehicles: u32,
    url: impl Fn(u32) -> String,
) -> Vec<String> {
    let fleet = client.post("/api/v1/fleets", json!({ "name": "bench" })).await;
    let mut ids = Vec::new();
    for number in 0..vehicles {
        let vehicle = json!({
            "vin": format!("BENCH{number:012}"),
            "fleet_id": fleet.json["fleet_id"],
            "sovd_url": url(number),
        });
        let reply = client.post("/api/v1/vehicles", vehicle).await;
        let id = reply.json["vehicle_id"].as_str().map(ToOwned::to_owned);
        ids.push(id.unwrap_or_else(|| panic!("it is not registered: {}", reply.json)));
    }
    ids
}

/// Submits a command to each vehicle.
pub(crate) async fn submit<'a>(
    client: &Client,
    vehicles: impl Iterator<Item = &'a str>,
    (name, params): (&str, Value),
) -> Vec<String> {
    let mut commands = Vec::new();
    for vehicle in vehicles {
        commands.push(client.submit(vehicle, name, params.clone()).await);
    }
    commands
}

/// How a command is watched.
pub(crate) fn way(address: SocketAddr, command: &str, token: &str) -> Way {
    Way {
        address,
        path: format!("/ws/responses/{command}?token={token}"),
        dialect: Dialect::Plain,
        greeting: GREETING.to_owned(),
    }
}
