//! The cloud service: takes commands by HTTP, drives them on vehicles and shows their answers live.
//!
//! Refuses hidden wiring: this file starts every part and hands each the others it needs.

pub mod audit;
pub mod auth;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod clock;
mod command;
pub mod config;
mod contact;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
mod hex;
mod http;
mod live;
mod node;
pub mod observe;
mod presence;
mod tls;

pub use contact::{CredentialError, VehicleSeal, checked_authorities};
pub use http::openapi;
pub use live::redis::NotAnAddress;
pub use tls::TlsError;

use audit::key::Signer;
use audit::{Auditor, Habits, Sealer};
use auth::{Auth, MasterKey, Settings};
use command::Commands;
use command::dispatch::Dispatcher;
use command::doorbell::{Doorbell, Visitors};
use config::Config;
use connect::{Sovd, SovdConfig};
use contact::Contact;
use http::{App, Parts};
use live::bus::{Announcer, Bus, Heard};
use live::redis::{Connections, Ears, Place, Redis};
use live::seats::Seats;
use live::{Limits, Live};
use model::id::NodeId;
use presence::Presences;
use secrecy::ExposeSecret;
use std::net::SocketAddr;
use std::sync::Arc;
use store::{OpenError, Page, Store, StoreError};
use tls::Tls;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::coop::unconstrained;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How much that came over the bus may wait to be recorded.
const HEARD: usize = 1024;
/// How often what has ended is deleted.
const FORGET_EVERY: std::time::Duration = std::time::Duration::from_mins(10);

/// A running node.
#[derive(Debug)]
pub struct Server {
    store: Store,
    connector: Sovd,
    tasks: TaskTracker,
    addresses: Vec<SocketAddr>,
    drain: std::time::Duration,
    shutdown: CancellationToken,
}

/// Why a node could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings do not allow it.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// There is no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The store did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys are missing or not readable.
    #[error(transparent)]
    Auth(#[from] auth::OpenError),
    /// Nobody can sign in by OpenID Connect.
    #[cfg(feature = "oidc")]
    #[error(transparent)]
    Oidc(#[from] auth::OidcError),
    /// The address of the bus is none.
    #[error(transparent)]
    Bus(#[from] NotAnAddress),
    /// Nobody can be believed by that file.
    #[error("redis_ca_file = {} is no readable file of certificates in PEM", .0.display())]
    Authority(std::path::PathBuf),
    /// The connector did not start.
    #[error(transparent)]
    Connector(#[from] connect::SetupError),
    /// The data directory does not take the name of this node.
    #[error(transparent)]
    Node(#[from] node::NodeError),
    /// A listener cannot be used.
    #[error("cannot use a listener")]
    Listener(#[source] std::io::Error),
}

impl Server {
    /// Starts a node on listeners that are already bound. When this returns, it answers.
    ///
    /// # Errors
    ///
    /// [`StartError`], in a sentence that says what to do; nothing of it runs then.
    pub async fn start(
        config: Config,
        listeners: Vec<std::net::TcpListener>,
        shutdown: CancellationToken,
    ) -> Result<Self, StartError> {
        config.check_start()?;
        let metrics = observe::install();
        let tls = match config.tls.files() {
            Some(files) => Some(Tls::open(files, config.tls.min_version).await?),
            None => None,
        };
        let target = config.database()?;
        let key = MasterKey::load(&config.master_key_file())?;
        let store = Store::open(&target).await?;
        let seal = VehicleSeal::new(key.clone());
        let signer = Signer::open(&store, &key).await?;
        #[cfg(feature = "oidc")]
        let oidc = auth::oidc::Oidc::open(&config.oidc, key.clone())?;
        let auth = Auth::open(store.clone(), key, Settings::from(&config)).await?;
        let connector = Sovd::new(SovdConfig {
            connect_timeout: config.vehicles.connect_timeout,
            max_part_bytes: config.commands.max_part_bytes,
            allow_loopback: config.vehicles.allow_loopback,
        })?;
        let connector = match &config.vehicles.key_sources {
            Some(directory) => connector.with_key_sources(directory),
            None => connector,
        };
        let (doorbell, visitors) = Doorbell::new();
        let tasks = TaskTracker::new();
        let live = Live::new(store.clone(), limits(&config), tasks.clone());
        let (bus, connections, heard) = bus(&config, &live)?;
        let id = NodeId::new();
        let settings = (&config).into();
        let commands = Commands::new(store.clone(), bus, doorbell.clone(), id, settings);
        let contact = Contact { connector: connector.clone(), seal: seal.clone() };
        let auditor = Auditor::new(target, signer.public(), tasks.clone(), shutdown.clone());
        let sealer = Sealer::new(store.clone(), signer, id, Habits::from(&config.audit));
        let node = Node { id, contact, doorbell, connections, sealer };
        if let Some(dead) = node::succeed(&config.data_dir, node.id)? {
            let recovered = commands.recover(dead).await?;
            tracing::info!(recovered, "took over what an earlier process left");
        }
        let app = App::new(Parts {
            store: store.clone(),
            auth,
            #[cfg(feature = "oidc")]
            oidc,
            seal,
            auditor,
            commands,
            live: Arc::new(live),
            seats: Seats::new(config.ws.max_sockets, config.ws.max_sockets_per_user),
            metrics,
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
            config: Arc::new(config),
        });
        node.run(&app, visitors, heard);
        let addresses = listen(&app, listeners, tls)?;
        let drain = app.config.http.drain;
        Ok(Self { store, connector, tasks, addresses, drain, shutdown })
    }

    /// The store of this node.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The addresses that it answers on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Waits for `shutdown` and for the end of everything that has begun.
    pub async fn stopped(self) {
        self.shutdown.cancelled().await;
        self.tasks.close();
        if tokio::time::timeout(self.drain, self.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.tasks.len(), "going down with tasks still running");
        }
        // What commands have taken at vehicles goes back, as far as there is time.
        if tokio::time::timeout(self.drain, self.connector.settle()).await.is_err() {
            tracing::warn!("going down with something left at vehicles until it expires");
        }
        self.store.close().await;
    }
}

/// The bus, what keeps it connected, and what is heard on it.
fn bus(
    config: &Config,
    live: &Live,
) -> Result<(Bus, Option<Connections>, mpsc::Receiver<Heard>), StartError> {
    let (heard, hearing) = mpsc::channel(HEARD);
    let Some(url) = &config.redis_url else {
        return Ok((Bus::Local(Arc::clone(&live.hub)), None, hearing));
    };
    let ears = Ears {
        hub: Arc::clone(&live.hub),
        channels: live.channels.clone(),
        heard,
        longest_external: config.bus.external_events.then_some(config.commands.max_part_bytes),
    };
    let (redis, connections) = Redis::new(place(config, url.expose_secret())?, ears);
    Ok((Bus::Redis(redis), Some(connections), hearing))
}

/// Where Redis is, and by whom it is believed.
fn place(config: &Config, url: &str) -> Result<Place, StartError> {
    const WAY_OUT: &str =
        "use rediss:// or rediss-cluster:// (and redis_ca_file for an authority of your own)";
    let place = Place::parse(url)?;
    for host in place.unverified_hosts() {
        config.check_link("redis_url", Some(host), WAY_OUT)?;
    }
    let Some(path) = &config.redis_ca_file else { return Ok(place) };
    let pem = std::fs::read_to_string(path).ok().and_then(|pem| checked_authorities(pem).ok());
    let pem = pem.ok_or_else(|| StartError::Authority(path.clone()))?;
    Ok(place.vouched_for_by(&pem))
}

/// What makes this process a node beside others.
struct Node {
    id: NodeId,
    contact: Contact,
    doorbell: Doorbell,
    connections: Option<Connections>,
    sealer: Sealer,
}

impl Node {
    /// Starts everything that runs by itself.
    fn run(self, app: &App, visitors: Visitors, heard: mpsc::Receiver<Heard>) {
        let Parts { store, tasks, shutdown, config, .. } = &**app;
        // What has begun may wait for an answer over the bus: the ears go down after the hands.
        let deaf = CancellationToken::new();
        if let Some(connections) = self.connections {
            connections.run(tasks, (shutdown, &deaf));
        }
        let (commands, stop) = (app.commands.clone(), deaf.clone());
        tasks.spawn(async move { commands.listen(heard, stop).await });
        let (beats, members) = node::Beats::new(store.clone(), self.id);
        tasks.spawn(beats.run(shutdown.clone()));
        let (bus, channels) = (app.commands.bus().clone(), app.live.channels.clone());
        let announcer = Announcer { bus, channels };
        tasks.spawn(announcer.clone().tell_moves(shutdown.clone()));
        let presences = Presences {
            store: store.clone(),
            contact: self.contact.clone(),
            announcer,
            doorbell: self.doorbell,
            members,
        };
        tasks.spawn(presences.follow(config.vehicles.probe_interval, shutdown.clone()));
        let dispatcher = Dispatcher::new(app.commands.clone(), self.contact, self.id);
        let (stop, silence) = (shutdown.clone(), deaf.clone());
        tasks.spawn(async move {
            dispatcher.run(visitors, stop).await;
            silence.cancel();
        });
        let (commands, stop) = (app.commands.clone(), shutdown.clone());
        tasks.spawn(async move { commands.keep_time(stop).await });
        app.live.run(tasks, &deaf);
        let (live, stop) = (Arc::clone(&app.live), deaf);
        let every = config.live.detector_interval;
        tasks.spawn(async move { live.detect_losses(every, stop).await });
        tasks.spawn(app.live.channels.clone().keep_pace(shutdown.clone()));
        let (live, stop) = (Arc::clone(&app.live), shutdown.clone());
        tasks.spawn(async move { live.let_go(stop).await });
        let (auth, stop) = (app.auth.clone(), shutdown.clone());
        tasks.spawn(async move { auth.follow_changes(stop).await });
        let (auth, stop) = (app.auth.clone(), shutdown.clone());
        tasks.spawn(async move { auth.follow_keys(stop).await });
        let (auth, stop) = (app.auth.clone(), shutdown.clone());
        tasks.spawn(async move { auth.write_uses(stop).await });
        tasks.spawn(self.sealer.run(shutdown.clone()));
        tasks.spawn(app.metrics.clone().keep(shutdown.clone()));
        tasks.spawn(forget(store.clone(), shutdown.clone()));
    }
}

fn listen(
    app: &App,
    listeners: Vec<std::net::TcpListener>,
    tls: Option<Tls>,
) -> Result<Vec<SocketAddr>, StartError> {
    let router = http::router(app.clone());
    let limits = http::serve::Limits {
        header_timeout: app.config.http.header_timeout,
        connections: Arc::new(Semaphore::new(app.config.http.max_connections)),
        tls: tls.as_ref().map(Tls::acceptor),
    };
    if let Some(tls) = tls {
        app.tasks.spawn(tls.keep(app.shutdown.clone()));
    }
    let mut addresses = Vec::with_capacity(listeners.len());
    for listener in listeners {
        listener.set_nonblocking(true).map_err(StartError::Listener)?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(StartError::Listener)?;
        addresses.push(listener.local_addr().map_err(StartError::Listener)?);
        let accepting = http::serve::accept(
            listener,
            router.clone(),
            limits.clone(),
            app.tasks.clone(),
            app.shutdown.clone(),
        );
        // Without a budget: who comes in a storm and is not let in at once comes again a second later.
        app.tasks.spawn(unconstrained(accepting));
    }
    Ok(addresses)
}

fn limits(config: &Config) -> Limits {
    let page = Page { events: config.live.page_events, bytes: config.live.page_bytes };
    Limits { ring_bytes: config.live.ring_bytes, page }
}

/// Deletes what has ended, now and then.
async fn forget(store: Store, shutdown: CancellationToken) {
    let mut tick = tokio::time::interval(FORGET_EVERY);
    while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
        if let Err(error) = store.forget_ended().await {
            tracing::warn!(%error, "cannot delete what has ended");
        }
    }
}

#[cfg(test)]
mod simulation;
