//! An installation out of processes: vehicles in one, each server in another.
//!
//! Refuses to share a process with what it tests: whatever dies leaves the others alive.

use crate::{
    Backend, Binary, Client, FaultProxy, PASSWORD, Postgres, Process, Redis, VehicleAddress,
    Vehicles, faketime, ports,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a process may take to be ready.
pub const START: Duration = Duration::from_secs(20);

/// Vehicles, a database and a server, each a process of its own.
#[derive(Debug)]
pub struct Site {
    /// Where its first server answers.
    pub url: String,
    /// The id of its user `engineer`.
    pub engineer_id: String,
    /// Its vehicles.
    pub vehicle_ids: Vec<String>,
    /// Their VINs, in the same order.
    pub vins: Vec<String>,
    /// Where their servers answer, in the same order.
    pub vehicle_urls: Vec<String>,
    /// The servers; most sites have one.
    pub nodes: Vec<Node>,
    variables: HashMap<&'static str, String>,
    postgres: Option<Postgres>,
    redis: Option<Redis>,
    simulated: Vehicles,
    _place: Place,
}

/// A server of a site.
#[derive(Debug)]
pub struct Node {
    /// Where it answers.
    pub url: String,
    /// Those of the site, and its own.
    variables: HashMap<&'static str, String>,
    process: Option<Process>,
    /// Its clock is ahead of the others' by so many seconds.
    pub clock_offset_s: i64,
    /// On its ways to the database and to Redis; `None` = it goes straight.
    links: Option<Links>,
    _place: Option<Place>,
}

/// Where a node can be cut off from what it shares with others.
#[derive(Debug)]
pub struct Links {
    /// To PostgreSQL.
    pub database: FaultProxy,
    /// To Redis.
    pub redis: FaultProxy,
}

/// Where a server keeps its data.
#[derive(Debug)]
enum Place {
    Given(PathBuf),
    /// Removed when dropped.
    Temporary(TempDir),
}

impl Place {
    fn temporary() -> Self {
        Self::Temporary(tempfile::tempdir().expect("a temporary directory can be made"))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Temporary(dir) => dir.path(),
        }
    }
}

fn database(backend: Backend) -> Option<Postgres> {
    (backend == Backend::Postgres).then(Postgres::start)
}

fn free_port() -> u16 {
    ports::free_port().expect("a port is free")
}

impl Site {
    /// One with a user `engineer` and so many vehicles that answer at once; the server is not
    /// started yet.
    pub async fn new(backend: Backend, vehicles: u32) -> Self {
        Self::set_up(database(backend), vehicles, Place::temporary()).await
    }

    /// The same with the data directory of the server at a place of the test's choice.
    pub async fn in_dir(backend: Backend, vehicles: u32, dir: &Path) -> Self {
        Self::set_up(database(backend), vehicles, Place::Given(dir.to_owned())).await
    }

    async fn set_up(postgres: Option<Postgres>, vehicles: u32, place: Place) -> Self {
        let simulated = Vehicles::start(vehicles);
        let port = free_port();
        let mut variables = HashMap::from([
            ("FLEETWIRE_DATA_DIR", place.path().display().to_string()),
            ("FLEETWIRE_LISTEN", format!("127.0.0.1:{port}")),
            ("FLEETWIRE_VEHICLES_ALLOW_LOOPBACK", "true".to_owned()),
            ("FLEETWIRE_VEHICLES_PROBE_INTERVAL", "200ms".to_owned()),
        ]);
        if let Some(postgres) = &postgres {
            variables.insert("DATABASE_URL", postgres.create_database("fleetwire"));
        }
        let url = format!("http://127.0.0.1:{port}");
        let mut site = Self {
            url: url.clone(),
            engineer_id: String::new(),
            vehicle_ids: Vec::new(),
            vins: Vec::new(),
            vehicle_urls: Vec::new(),
            nodes: vec![Node::new(url, HashMap::new())],
            variables,
            postgres,
            redis: None,
            simulated,
            _place: place,
        };
        let engineer = ["user", "add", "engineer", "--role", "engineer", "--password-stdin"];
        site.engineer_id = site.admin(&engineer);
        for VehicleAddress { vin, base_url } in std::mem::take(&mut site.simulated.each) {
            let id = site.admin(&["vehicle", "add", "--vin", &vin, "--sovd-url", &base_url]);
            site.vehicle_ids.push(id);
            site.vins.push(vin);
            site.vehicle_urls.push(base_url);
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

    /// Runs `fleetwire admin`, with the password of every user as its input, and answers what it printed.
    pub fn admin(&self, args: &[&str]) -> String {
        let mut command = self.admin_command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("fleetwire starts");
        drop(writeln!(child.stdin.take().expect("it works"), "{PASSWORD}"));
        let output = child.wait_with_output().expect("it prints text");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it works").trim().to_owned()
    }

    /// The command that changes the store by `fleetwire admin`.
    pub fn admin_command(&self, args: &[&str]) -> Command {
        self.command(&[&["admin"], args].concat())
    }

    /// Any command of `fleetwire`, with the settings of the site.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Binary::fleetwire().command();
        command.args(args).envs(&self.variables);
        command
    }

    /// Gives the server a variable, from its next start on.
    pub fn set_variable(&mut self, name: &'static str, text: &str) {
        self.variables.insert(name, text.to_owned());
    }

    /// The command that starts the server.
    pub fn serve(&self) -> Command {
        self.nodes[0].serve(&self.variables)
    }

    /// Starts the server; answers how long it took until it was ready.
    pub async fn start(&mut self) -> Duration {
        self.start_node(0).await
    }

    /// Starts one of the servers.
    pub async fn start_node(&mut self, node: usize) -> Duration {
        let started = Instant::now();
        let variables = self.variables.clone();
        let node = &mut self.nodes[node];
        node.process = Some(Process::spawn(node.serve(&variables)));
        let http = reqwest::Client::new();
        let url = format!("{}/readyz", node.url);
        loop {
            if http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return started.elapsed();
            }
            assert!(started.elapsed() < START, "not ready: {:#?}", node.process().log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The running server.
    pub fn server(&mut self) -> &mut Process {
        self.nodes[0].process()
    }

    /// One of so many nodes on one PostgreSQL and one Redis, each by links of its own; all run.
    pub async fn with_nodes(nodes: usize, vehicles: u32) -> Self {
        let mut site = Self::sharing(Postgres::start(), vehicles).await;
        site.nodes = (0..nodes).map(|_| Node::linked(&site)).collect();
        site.start_nodes().await
    }

    /// The same for measuring: on a PostgreSQL that waits for its disk, and with nothing between.
    pub async fn with_measured_nodes(nodes: usize, vehicles: u32) -> Self {
        let mut site = Self::sharing(Postgres::start_durable(), vehicles).await;
        site.nodes = (0..nodes).map(|_| Node::straight(&site)).collect();
        site.start_nodes().await
    }

    /// One whose nodes will share a PostgreSQL, a Redis and a key.
    async fn sharing(postgres: Postgres, vehicles: u32) -> Self {
        let mut site = Self::set_up(Some(postgres), vehicles, Place::temporary()).await;
        let key = format!("{}/master.key", site.variables["FLEETWIRE_DATA_DIR"]);
        site.variables.insert("FLEETWIRE_MASTER_KEY_FILE", key);
        site.redis = Some(Redis::start());
        site
    }

    /// One after the other: the first makes the tables and the key.
    async fn start_nodes(mut self) -> Self {
        self.url.clone_from(&self.nodes[0].url);
        for node in 0..self.nodes.len() {
            self.start_node(node).await;
        }
        self
    }

    /// The ports of the PostgreSQL and the Redis that the nodes share.
    fn shared(&self) -> (u16, u16) {
        let ports = self.postgres.as_ref().zip(self.redis.as_ref());
        ports
            .map(|(postgres, redis)| (postgres.port(), redis.port()))
            .expect("its nodes share both")
    }

    /// The Redis that the nodes share.
    pub fn redis(&mut self) -> &mut Redis {
        self.redis.as_mut().expect("its nodes share a Redis")
    }

    /// The database server, for one that stands on PostgreSQL.
    pub fn postgres(&mut self) -> &mut Postgres {
        self.postgres.as_mut().expect("it stands on PostgreSQL")
    }

    /// Asks the server to end, and waits for that.
    pub fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.server().terminate();
        self.server().wait(limit)
    }

    /// Fails if the server has logged an error.
    pub fn assert_no_errors(&mut self) {
        let mut log = self.server().log();
        log.retain(|line| line.contains(r#""level":"ERROR""#));
        assert!(log.is_empty(), "{log:#?}");
    }

    /// Ends the server without a warning.
    pub fn kill9(&mut self) {
        self.nodes[0].kill9();
    }

    /// Ends the vehicles without a warning, and starts others of the same VINs, as new from the
    /// factory and at other addresses, to which nobody has been led yet.
    pub fn replace_vehicles(&mut self) {
        self.simulated.process.kill9();
        self.simulated = Vehicles::start(self.vins.len().try_into().expect("they are few"));
        let each = std::mem::take(&mut self.simulated.each);
        self.vehicle_urls = each.into_iter().map(|vehicle| vehicle.base_url).collect();
    }

    /// Adds a user of a role, who is called like it, and logs in.
    pub async fn user(&self, role: &str) -> Client {
        self.admin(&["user", "add", role, "--role", role, "--password-stdin"]);
        Client::login(&self.url, role, PASSWORD).await
    }

    /// Logs in.
    pub async fn engineer(&self) -> Client {
        Client::login(&self.url, "engineer", PASSWORD).await
    }

    /// One login, at every node.
    pub async fn engineers(&self) -> Vec<Client> {
        let engineer = self.engineer().await;
        self.nodes.iter().map(|node| engineer.at(&node.url)).collect()
    }

    /// Sets how a vehicle behaves.
    pub async fn set(&self, vehicle: usize, setting: &Value) {
        let url = format!("{}/control/vehicles/{}", self.simulated.control_url, self.vins[vehicle]);
        let answer = reqwest::Client::new().put(url).json(setting).send().await.expect("it works");
        assert!(answer.status().is_success());
    }

    /// How often each command changed something on any vehicle.
    pub async fn executions(&self) -> HashMap<String, u64> {
        let mut all = HashMap::new();
        for vin in &self.vins {
            let url = format!("{}/control/vehicles/{vin}/executions", self.simulated.control_url);
            let answer = reqwest::get(url).await.expect("the simulator answers");
            let counts: HashMap<String, Value> = answer.json().await.expect("it counts");
            for (id, count) in counts {
                *all.entry(id).or_insert(0) += count["executions"].as_u64().unwrap_or(0);
            }
        }
        all
    }

    /// The processes of the site, by what they are.
    pub fn processes(&self) -> Vec<(&'static str, u32)> {
        let nodes =
            self.nodes.iter().filter_map(|node| Some(("node", node.process.as_ref()?.id())));
        let postgres = self.postgres.iter().map(|postgres| ("postgres", postgres.id()));
        let redis = self.redis.iter().map(|redis| ("redis", redis.id()));
        nodes
            .chain(postgres)
            .chain(redis)
            .chain([("vehicles", self.simulated.process.id())])
            .collect()
    }
}

impl Node {
    fn new(url: String, variables: HashMap<&'static str, String>) -> Self {
        Self { url, variables, process: None, clock_offset_s: 0, links: None, _place: None }
    }

    /// A node that reaches what it shares through links.
    fn linked(site: &Site) -> Self {
        let (postgres, redis) = site.shared();
        let links = Links { database: proxy(postgres), redis: proxy(redis) };
        let ways = (links.database.address().port(), links.redis.address().port());
        Self { links: Some(links), ..Self::on(ways) }
    }

    /// A node that reaches what it shares straight.
    fn straight(site: &Site) -> Self {
        Self::on(site.shared())
    }

    fn on((postgres, redis): (u16, u16)) -> Self {
        let (place, port) = (Place::temporary(), free_port());
        let variables = HashMap::from([
            ("FLEETWIRE_DATA_DIR", place.path().display().to_string()),
            ("FLEETWIRE_LISTEN", format!("127.0.0.1:{port}")),
            ("DATABASE_URL", format!("postgres://fleetwire@127.0.0.1:{postgres}/fleetwire")),
            ("REDIS_URL", format!("redis://127.0.0.1:{redis}")),
        ]);
        Self { _place: Some(place), ..Self::new(format!("http://127.0.0.1:{port}"), variables) }
    }

    fn serve(&self, shared: &HashMap<&'static str, String>) -> Command {
        let mut command = Binary::fleetwire().command();
        command.arg("serve").envs(shared).envs(&self.variables);
        if self.clock_offset_s != 0 {
            faketime::shift(&mut command, self.clock_offset_s).expect("it works");
        }
        command
    }

    /// The running server.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it has been started")
    }

    /// Ends it without a warning.
    pub fn kill9(&mut self) {
        self.process().kill9();
        self.process = None;
    }

    /// Its ways to what it shares with others.
    pub fn links(&self) -> &Links {
        self.links.as_ref().expect("it is a node beside others")
    }
}

fn proxy(port: u16) -> FaultProxy {
    FaultProxy::to(([127, 0, 0, 1], port).into())
}
