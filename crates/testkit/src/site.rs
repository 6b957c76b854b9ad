//! An installation out of processes: vehicles in one, the server in another.

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::{Backend, Binary, Client, PASSWORD, Postgres, Process};

/// How long a process may take to be ready.
pub(crate) const START: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct Simulated {
    control_url: String,
    vehicles: Vec<SimulatedVehicle>,
}

#[derive(Deserialize)]
struct SimulatedVehicle {
    vin: String,
    base_url: String,
}

/// Vehicles, a database and a server, each a process of its own.
pub(crate) struct Site {
    pub(crate) url: String,
    pub(crate) engineer_id: String,
    pub(crate) vehicle_ids: Vec<String>,
    pub(crate) vins: Vec<String>,
    control_url: String,
    server: Option<Process>,
    variables: HashMap<&'static str, String>,
    postgres: Option<Postgres>,
    _vehicles: Process,
    _dir: Option<TempDir>,
}

impl Site {
    /// One with a user `engineer` and so many vehicles that answer at once; the server is not
    /// started yet.
    pub(crate) async fn new(backend: Backend, vehicles: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        Self::set_up(backend, vehicles, &path, Some(dir)).await
    }

    /// The same with the data directory of the server at a place of the test's choice.
    pub(crate) async fn in_dir(backend: Backend, vehicles: u32, dir: &Path) -> Self {
        Self::set_up(backend, vehicles, dir, None).await
    }

    async fn set_up(backend: Backend, vehicles: u32, dir: &Path, owned: Option<TempDir>) -> Self {
        let postgres = (backend == Backend::Postgres).then(Postgres::start);
        let mut command = Binary::fleetwire().command();
        command.args(["simulate", "--json", "--vehicles", &vehicles.to_string()]);
        let process = Process::spawn(command);
        let simulated: Simulated = process.ready_line(START);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut variables = HashMap::from([
            ("FLEETWIRE_DATA_DIR", dir.display().to_string()),
            ("FLEETWIRE_LISTEN", format!("127.0.0.1:{port}")),
            ("FLEETWIRE_VEHICLES_ALLOW_LOOPBACK", "true".to_owned()),
            ("FLEETWIRE_VEHICLES_PROBE_INTERVAL", "200ms".to_owned()),
        ]);
        if let Some(postgres) = &postgres {
            variables.insert("DATABASE_URL", postgres.create_database("fleetwire"));
        }
        let mut site = Self {
            url: format!("http://127.0.0.1:{port}"),
            engineer_id: String::new(),
            vehicle_ids: Vec::new(),
            vins: Vec::new(),
            control_url: simulated.control_url,
            server: None,
            variables,
            postgres,
            _vehicles: process,
            _dir: owned,
        };
        let engineer = ["user", "add", "engineer", "--role", "engineer", "--password-stdin"];
        site.engineer_id = site.admin(&engineer);
        for SimulatedVehicle { vin, base_url } in simulated.vehicles {
            let id = site.admin(&["vehicle", "add", "--vin", &vin, "--sovd-url", &base_url]);
            site.vehicle_ids.push(id);
            site.vins.push(vin);
        }
        for vehicle in 0..site.vins.len() {
            // Every other vehicle streams its answers, so that crashes hit streams too.
            let setting = match vehicle % 2 {
                0 => json!({ "delay_ms": [0, 60] }),
                _ => json!({ "delay_ms": 0, "parts": 12, "part_interval_ms": 25 }),
            };
            site.set(vehicle, &setting).await;
        }
        site
    }

    /// Runs `fleetwire admin` and answers what it printed.
    fn admin(&self, args: &[&str]) -> String {
        let mut command = self.admin_command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(writeln!(child.stdin.take().unwrap(), "{PASSWORD}"));
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The command that changes the store by `fleetwire admin`.
    pub(crate) fn admin_command(&self, args: &[&str]) -> Command {
        let mut command = Binary::fleetwire().command();
        command.arg("admin").args(args).envs(&self.variables);
        command
    }

    /// Gives the server a variable, from its next start on.
    pub(crate) fn set_variable(&mut self, name: &'static str, text: &str) {
        self.variables.insert(name, text.to_owned());
    }

    /// The command that starts the server.
    pub(crate) fn serve(&self) -> Command {
        let mut command = Binary::fleetwire().command();
        command.arg("serve").envs(&self.variables);
        command
    }

    /// Starts the server; answers how long it took until it was ready.
    pub(crate) async fn start(&mut self) -> Duration {
        let started = Instant::now();
        self.server = Some(Process::spawn(self.serve()));
        let http = reqwest::Client::new();
        let url = format!("{}/readyz", self.url);
        loop {
            if http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return started.elapsed();
            }
            assert!(started.elapsed() < START, "not ready: {:#?}", self.server().log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The running server.
    pub(crate) fn server(&mut self) -> &mut Process {
        self.server.as_mut().expect("it has been started")
    }

    /// The database server, for one that stands on PostgreSQL.
    pub(crate) fn postgres(&mut self) -> &mut Postgres {
        self.postgres.as_mut().expect("it stands on PostgreSQL")
    }

    /// Asks the server to end, and waits for that.
    pub(crate) fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.server().terminate();
        self.server().wait(limit)
    }

    /// Fails if the server has logged an error.
    pub(crate) fn assert_no_errors(&mut self) {
        let mut log = self.server().log();
        log.retain(|line| line.contains(r#""level":"ERROR""#));
        assert!(log.is_empty(), "{log:#?}");
    }

    /// Ends the server without a warning.
    pub(crate) fn kill9(&mut self) {
        self.server().kill9();
        self.server = None;
    }

    /// Logs in.
    pub(crate) async fn engineer(&self) -> Client {
        Client::login(&self.url, "engineer", PASSWORD).await
    }

    /// Sets how a vehicle behaves.
    pub(crate) async fn set(&self, vehicle: usize, setting: &Value) {
        let url = format!("{}/control/vehicles/{}", self.control_url, self.vins[vehicle]);
        let answer = reqwest::Client::new().put(url).json(setting).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    /// How often each command changed something on any vehicle.
    pub(crate) async fn executions(&self) -> HashMap<String, u64> {
        let mut all = HashMap::new();
        for vin in &self.vins {
            let url = format!("{}/control/vehicles/{vin}/executions", self.control_url);
            let counts: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
            for (id, count) in counts.as_object().unwrap() {
                *all.entry(id.clone()).or_insert(0) += count["executions"].as_u64().unwrap();
            }
        }
        all
    }
}
