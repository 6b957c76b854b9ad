//! A whole Fleetwire in the test's process: server on a free port, store, simulated vehicles.
//!
//! It mocks nothing: every part is the one that ships, and only the vehicles are simulated.

use crate::authority::Authority;
use crate::client::Client;
use crate::log::Log;
use crate::postgres::Postgres;
use crate::vehicle::SimulatedVehicle;
use model::id::{FleetId, VehicleId};
use model::user::Role;
use model::vehicle::{ConnectionStatus, Connector, Model};
use rustls::version::TLS13;
use server::Server;
use server::config::{Config, Flag, Sources};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};
use store::{AuditEntry, NewUser, NewVehicle, Store, Target, VehicleChange};
use tokio_util::sync::CancellationToken;

/// The password of every user of a platform.
pub const PASSWORD: &str = "correct horse battery staple";
/// How long anything that a test waits for may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Where servers under test listen.
pub(crate) const HOST: &str = "127.0.0.1";

/// Which database a platform stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file in a directory that vanishes.
    Sqlite,
    /// A real server of its own.
    Postgres,
}

/// A running platform. Everything of it ends when it is dropped.
pub struct Platform {
    server: Option<Server>,
    url: String,
    fleet_id: FleetId,
    vehicles: Vec<SimulatedVehicle>,
    postgres: Option<Postgres>,
    log: Log,
    stop: CancellationToken,
    settings: Vec<(String, String)>,
    authority: Option<Authority>,
    dir: tempfile::TempDir,
    _simulator: simulator::Fleet,
}

/// Another node of a platform: on the same database, and on the same bus if there is one.
#[derive(Debug)]
pub struct Neighbour {
    server: Option<Server>,
    url: String,
    stop: CancellationToken,
    _dir: tempfile::TempDir,
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Platform").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Platform {
    /// One on SQLite with two vehicles that answer at once.
    pub async fn start() -> Self {
        Self::start_on(Backend::Sqlite).await
    }

    /// The same on either database.
    pub async fn start_on(backend: Backend) -> Self {
        Self::start_with(backend, &[]).await
    }

    /// One that speaks TLS, with a certificate that its clients trust: [`Platform::authority`].
    pub async fn start_tls(settings: &[(&str, &str)]) -> Self {
        let authority = Authority::default();
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let files = authority.certify_in(dir.path(), HOST);
        let paths = [files.certificate, files.key].map(|path| path.display().to_string());
        let mut settings = settings.to_vec();
        settings.extend([("tls.certificate", &*paths[0]), ("tls.key", &*paths[1])]);
        Self::start_in(dir, Backend::Sqlite, &settings, Some(authority)).await
    }

    /// The same with settings of its own, as `("ws.idle_close", "1s")`.
    pub async fn start_with(backend: Backend, settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        Self::start_in(dir, backend, settings, None).await
    }

    async fn start_in(
        dir: tempfile::TempDir,
        backend: Backend,
        settings: &[(&str, &str)],
        authority: Option<Authority>,
    ) -> Self {
        let log = Log::capture();
        let stop = CancellationToken::new();
        let postgres = (backend == Backend::Postgres).then(Postgres::start);
        let database = postgres.as_ref().map(|postgres| postgres.create_database("fleetwire"));
        let simulator = simulator::Fleet::start(simulator::fleet(2), 0, stop.clone())
            .await
            .expect("simulated vehicles start");
        let mut settings: Vec<_> =
            settings.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        settings.extend(database.map(|url| ("database_url".to_owned(), url)));
        let (server, url) = serve(dir.path(), &settings, &stop).await;
        let (fleet_id, vehicles) = register(server.store(), &simulator).await;
        let platform = Self {
            server: Some(server),
            url,
            fleet_id,
            vehicles,
            postgres,
            log,
            stop,
            settings,
            authority,
            dir,
            _simulator: simulator,
        };
        for vehicle in &platform.vehicles {
            vehicle.set(serde_json::json!({ "delay_ms": 0 })).await;
            platform.connected(vehicle.vehicle_id).await;
        }
        platform
    }

    /// One more node on the same PostgreSQL.
    pub async fn another(&self) -> Neighbour {
        assert!(self.postgres.is_some(), "nodes share a PostgreSQL");
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let key = "master.key";
        std::fs::copy(self.dir.path().join(key), dir.path().join(key)).expect("the key is there");
        let stop = self.stop.child_token();
        let (server, url) = serve(dir.path(), &self.settings, &stop).await;
        Neighbour { server: Some(server), url, stop, _dir: dir }
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it keeps what is not in the database.
    pub fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its database.
    pub fn target(&self) -> Target {
        config(self.dir.path(), &self.settings).database().expect("it has been opened")
    }

    /// Its store.
    pub fn store(&self) -> &Store {
        self.server.as_ref().expect("it has not been stopped").store()
    }

    /// Its database server, if it stands on one.
    pub fn postgres(&self) -> &Postgres {
        self.postgres.as_ref().expect("it stands on PostgreSQL")
    }

    /// The same, to be stopped, frozen and started again.
    pub fn postgres_mut(&mut self) -> &mut Postgres {
        self.postgres.as_mut().expect("it stands on PostgreSQL")
    }

    /// Has its PostgreSQL do what the statement says, as whoever broke into it could.
    pub fn tamper(&self, statement: &str) {
        self.postgres().execute("fleetwire", statement);
    }

    /// The fleet of its vehicles.
    pub fn fleet_id(&self) -> FleetId {
        self.fleet_id
    }

    /// Its first vehicle.
    pub fn vehicle(&self) -> &SimulatedVehicle {
        &self.vehicles[0]
    }

    /// Its second vehicle.
    pub fn other_vehicle(&self) -> &SimulatedVehicle {
        &self.vehicles[1]
    }

    /// An engineer who sees the fleet.
    pub async fn engineer(&self) -> Client {
        self.user("engineer", Role::Engineer, &[self.fleet_id]).await
    }

    /// An administrator.
    pub async fn admin(&self) -> Client {
        self.user("admin", Role::Admin, &[]).await
    }

    /// A user of that name, logged in; made at its first use.
    pub async fn user(&self, name: &str, role: Role, fleets: &[FleetId]) -> Client {
        let password = PASSWORD.to_owned().into();
        let new = NewUser {
            username: name.to_owned(),
            email: None,
            role,
            password_hash: server::auth::password::hash(&password).expect("it is long enough"),
            must_change_password: false,
            fleets: fleets.to_vec(),
        };
        self.store().add_user(new, audit("user_created")).await.expect("the store answers");
        self.nobody().log_in(name, PASSWORD).await
    }

    /// Nobody: a client without a token.
    pub fn nobody(&self) -> Client {
        match &self.authority {
            Some(authority) => Client::trusting(&self.url, authority.client(&[&TLS13])),
            None => Client::anonymous(&self.url),
        }
    }

    /// Who vouches for it, if it speaks TLS.
    pub fn authority(&self) -> &Authority {
        self.authority.as_ref().expect("it speaks TLS")
    }

    /// Waits until a vehicle counts as connected.
    pub async fn connected(&self, vehicle_id: VehicleId) {
        self.has_status(vehicle_id, ConnectionStatus::Connected).await;
    }

    /// Waits until a vehicle has that connection status.
    pub async fn has_status(&self, vehicle_id: VehicleId, status: ConnectionStatus) {
        eventually("the vehicle's status", async || {
            let vehicle = self.store().vehicle(vehicle_id).await.expect("the store answers");
            vehicle.is_some_and(|vehicle| vehicle.connection_status == status)
        })
        .await;
    }

    /// The value of a metric without labels; 0 if it was never touched.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.nobody().text("/metrics").await;
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    }

    /// Waits until a gauge is back at a value.
    pub async fn settles(&self, metric: &str, value: f64) {
        eventually(metric, async || (self.metric(metric).await - value).abs() < 0.5).await;
    }

    /// What the server has logged.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Stops the server and waits until nothing of it runs.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.server.take().expect("it runs").stopped().await;
    }
}

impl Neighbour {
    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops it and waits until nothing of it runs.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.server.take().expect("it runs").stopped().await;
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.stop.cancel();
        if !std::thread::panicking() {
            self.log.assert_no_errors();
        }
    }
}

/// Waits until a question is answered with yes.
pub async fn eventually(what: &str, mut question: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !question().await {
        assert!(Instant::now() < until, "{what}: did not happen in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An audit entry of a test's own making.
pub fn audit(action: &'static str) -> AuditEntry {
    AuditEntry {
        action,
        actor_id: None,
        actor: "test".to_owned(),
        session_hash: None,
        address: None,
        request_id: None,
        object: "test".to_owned(),
        outcome: "success",
        reason: None,
        details: None,
    }
}

async fn serve(
    dir: &Path,
    settings: &[(String, String)],
    stop: &CancellationToken,
) -> (Server, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let config = config(dir, settings);
    let url = format!("{}://{}", config.scheme(), listener.local_addr().expect("it is bound"));
    let server = Server::start(config, vec![listener], stop.clone()).await;
    (server.expect("the server starts"), url)
}

fn config(dir: &Path, settings: &[(String, String)]) -> Config {
    let flag = |key: &str, text: &str| Flag { key: key.to_owned(), text: text.to_owned() };
    let mut flags = vec![
        flag("data_dir", &dir.display().to_string()),
        flag("vehicles.allow_loopback", "true"),
        flag("vehicles.probe_interval", "100ms"),
    ];
    flags.extend(settings.iter().map(|(key, text)| flag(key, text)));
    let sources = Sources { file: None, variables: Vec::new(), flags };
    server::config::load(&sources).expect("the settings are right").config
}

async fn register(store: &Store, simulator: &simulator::Fleet) -> (FleetId, Vec<SimulatedVehicle>) {
    let fleet = store.fleet_named("test", audit("fleet_created")).await.expect("it is stored");
    let mut vehicles = Vec::new();
    for running in simulator.vehicles() {
        let change = VehicleChange {
            fleet_id: fleet.fleet_id,
            model: Model {
                make: running.make.clone(),
                model: running.model.clone(),
                year: Some(running.year.into()),
            },
            connector: Connector::sovd(&running.base_url),
            metadata: serde_json::Map::new(),
        };
        let vin = running.vin.parse().expect("simulated VINs are VINs");
        let added =
            store.add_vehicle(NewVehicle { vin, change }, audit("vehicle_registered")).await;
        let vehicle_id = added.expect("it is stored").expect("the VIN is new");
        let control = simulator.control_url();
        vehicles.push(SimulatedVehicle::new(vehicle_id, &running.vin, control));
    }
    (fleet.fleet_id, vehicles)
}
