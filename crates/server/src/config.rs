//! The settings: what each one is, within which bounds, and how they are read.
//!
//! Refuses what it does not know: an unknown key, a value out of bounds or settings that contradict
//! each other end the start with one sentence. Unit, default and purpose of each setting stand in
//! `config.default.toml`.

mod bounds;
mod error;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod links;
mod load;
pub(crate) mod oidc;

pub use error::{ConfigError, Place};
pub use load::{Flag, Loaded, Sources, load};
pub use oidc::{OidcConfig, RoleRule};

use bounds::{
    format, levels, number, on_or_off, origins, secret, shared_secret, some_path, span, tls_version,
};
use model::catalog::{Condition, Rule};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use store::Target;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Every setting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Addresses to listen on.
    #[serde(deserialize_with = "bounds::addresses")]
    pub listen: Vec<SocketAddr>,
    /// Directory of everything that is kept on this machine.
    #[serde(deserialize_with = "bounds::path")]
    pub data_dir: PathBuf,
    /// The PostgreSQL server; `None` = SQLite in `data_dir`.
    #[serde(deserialize_with = "secret")]
    pub database_url: Option<SecretString>,
    /// The bus between several servers; `None` = a single server.
    #[serde(deserialize_with = "secret")]
    pub redis_url: Option<SecretString>,
    /// Verifies HS256 tokens made elsewhere; `None` = only our own tokens.
    #[serde(deserialize_with = "shared_secret")]
    pub jwt_secret: Option<SecretString>,
    #[serde(deserialize_with = "some_path")]
    master_key_file: Option<PathBuf>,
    /// The authority of Redis's certificate; `None` = those that the system trusts.
    #[serde(deserialize_with = "some_path")]
    pub redis_ca_file: Option<PathBuf>,
    /// The database and Redis may be on other machines without proving who they are.
    #[serde(deserialize_with = "on_or_off")]
    pub(crate) insecure_links: bool,
    /// Plain HTTP is permitted on addresses that other machines can reach.
    #[serde(deserialize_with = "on_or_off")]
    pub insecure: bool,
    /// Origins beside our own whose pages may call the API and open sockets.
    #[serde(deserialize_with = "origins")]
    pub allowed_origins: Vec<String>,
    /// Proxies whose word about the client's address is believed.
    #[serde(deserialize_with = "bounds::hosts")]
    pub trusted_proxies: Vec<IpAddr>,
    /// TLS of our own.
    pub tls: TlsConfig,
    /// Tokens and passwords.
    pub auth: AuthConfig,
    /// Sign-in by OpenID Connect.
    pub oidc: OidcConfig,
    /// Deadlines and limits of commands.
    pub commands: CommandsConfig,
    /// What is asked for before a dangerous command runs.
    pub policy: PolicyConfig,
    /// How vehicles are reached.
    pub vehicles: VehiclesConfig,
    /// How events come from the store to the watchers.
    pub live: LiveConfig,
    /// How the audit log is kept.
    pub audit: AuditConfig,
    /// What comes over the bus.
    pub bus: BusConfig,
    /// Limits of sockets.
    pub ws: WsConfig,
    /// Limits of requests.
    pub http: HttpConfig,
    /// What is logged, and how.
    pub log: LogConfig,
}

/// TLS of our own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    #[serde(deserialize_with = "some_path")]
    certificate: Option<PathBuf>,
    #[serde(deserialize_with = "some_path")]
    key: Option<PathBuf>,
    /// The oldest version that is spoken.
    #[serde(deserialize_with = "tls_version")]
    pub min_version: TlsVersion,
}

/// The files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those that lead from it to an authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2.
    V1_2,
    /// 1.3.
    V1_3,
}

impl TlsConfig {
    /// The files of the certificate; `None` = we speak plain HTTP.
    pub fn files(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.certificate.clone().zip(self.key.clone())?;
        Some(TlsFiles { certificate, key })
    }
}

/// Tokens and passwords.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    /// Life of an access token.
    #[serde(deserialize_with = "span::<SECOND, HOUR, _>")]
    pub access_life: Duration,
    /// Life of a session that is not refreshed.
    #[serde(deserialize_with = "span::<SECOND, { 30 * DAY }, _>")]
    pub refresh_idle: Duration,
    /// Longest life of a session.
    #[serde(deserialize_with = "span::<SECOND, YEAR, _>")]
    pub session_life: Duration,
    /// Life of a ticket.
    #[serde(deserialize_with = "span::<SECOND, { 5 * MINUTE }, _>")]
    pub ticket_life: Duration,
    /// Longest life of the token of a machine.
    #[serde(deserialize_with = "span::<SECOND, { 2 * YEAR }, _>")]
    pub token_life: Duration,
    /// Tokens of one user that are alive.
    #[serde(deserialize_with = "number::<0, 1000, _, _>")]
    pub max_tokens_per_user: u32,
    /// Passwords hashed at the same time; never 0: that has become the number of cores.
    #[serde(deserialize_with = "bounds::threads")]
    pub hash_threads: usize,
}

/// Deadlines and limits of commands.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandsConfig {
    /// Wait for the vehicle when the client does not say.
    #[serde(deserialize_with = "span::<0, YEAR, _>")]
    pub deliver_within: Duration,
    /// Longest wait that a client may ask for.
    #[serde(deserialize_with = "span::<SECOND, YEAR, _>")]
    pub deliver_within_max: Duration,
    /// Time to work when the client does not say.
    #[serde(deserialize_with = "span::<100, { 30 * DAY }, _>")]
    pub run_timeout: Duration,
    /// Longest time to work that a client may ask for.
    #[serde(deserialize_with = "span::<100, { 30 * DAY }, _>")]
    pub run_timeout_max: Duration,
    /// Commands executed at the same time.
    #[serde(deserialize_with = "number::<1, 100_000, _, _>")]
    pub max_in_flight: usize,
    /// Events of one command.
    #[serde(deserialize_with = "number::<10, 10_000_000, _, _>")]
    pub max_events: u64,
    /// Bytes of one part.
    #[serde(deserialize_with = "number::<KIB, { 16 * MIB }, _, _>")]
    pub max_part_bytes: usize,
    /// A claim ends without renewal after this time.
    #[serde(deserialize_with = "span::<SECOND, { 10 * MINUTE }, _>")]
    pub lease: Duration,
    /// A claim is renewed this often.
    #[serde(deserialize_with = "span::<100, { 5 * MINUTE }, _>")]
    pub lease_renew: Duration,
}

/// What is asked for before a dangerous command runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyConfig {
    /// Whoever submits these says why.
    #[serde(deserialize_with = "bounds::rules")]
    pub reason: Vec<Rule>,
    /// A second person approves these.
    #[serde(deserialize_with = "bounds::rules")]
    pub approval: Vec<Rule>,
    /// How long they wait for that person.
    #[serde(deserialize_with = "span::<SECOND, { 7 * DAY }, _>")]
    pub approval_life: Duration,
    /// What the vehicle has to be like for these.
    #[serde(deserialize_with = "bounds::conditions")]
    pub conditions: Vec<Condition>,
}

/// How vehicles are reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VehiclesConfig {
    /// Addresses on this machine itself are permitted.
    #[serde(deserialize_with = "on_or_off")]
    pub allow_loopback: bool,
    /// Every vehicle is probed this often.
    #[serde(deserialize_with = "span::<50, HOUR, _>")]
    pub probe_interval: Duration,
    /// Limit of a connection attempt.
    #[serde(deserialize_with = "span::<50, MINUTE, _>")]
    pub connect_timeout: Duration,
    /// Admins may send requests of any kind to control units.
    #[serde(deserialize_with = "on_or_off")]
    pub raw_uds: bool,
    /// The directory of the key sources; `None` = nothing can be unlocked.
    #[serde(deserialize_with = "some_path")]
    pub key_sources: Option<PathBuf>,
}

/// How events come from the store to the watchers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveConfig {
    /// Bytes of the newest events in memory, for each watched command.
    #[serde(deserialize_with = "number::<KIB, { 256 * MIB }, _, _>")]
    pub ring_bytes: usize,
    /// Events of one page from the store.
    #[serde(deserialize_with = "number::<1, 10_000, _, _>")]
    pub page_events: u32,
    /// Bytes of one page from the store.
    #[serde(deserialize_with = "number::<KIB, { 64 * MIB }, _, _>")]
    pub page_bytes: u32,
    /// The store is asked for lost events this often.
    #[serde(deserialize_with = "span::<50, MINUTE, _>")]
    pub detector_interval: Duration,
}

/// How the audit log is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// Rows from one signed checkpoint to the next.
    #[serde(deserialize_with = "number::<1, 1_000_000, _, _>")]
    pub checkpoint_rows: u32,
    /// Time from one signed checkpoint to the next, while rows come.
    #[serde(deserialize_with = "span::<SECOND, DAY, _>")]
    pub checkpoint_every: Duration,
    /// Days after which sealed rows are removed; 0 = never.
    #[serde(deserialize_with = "number::<0, 36_500, _, _>")]
    pub keep_days: u32,
}

/// What comes over the bus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusConfig {
    /// Other programs may answer commands on their channels.
    #[serde(deserialize_with = "on_or_off")]
    pub external_events: bool,
}

/// Limits of sockets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WsConfig {
    /// Wait after the last event of the command; zero = the socket stays open.
    #[serde(deserialize_with = "span::<0, DAY, _>")]
    pub idle_close: Duration,
    /// A silent client is pinged this often.
    #[serde(deserialize_with = "span::<100, HOUR, _>")]
    pub ping_interval: Duration,
    /// A client that answers nothing counts as gone after this time.
    #[serde(deserialize_with = "span::<200, { 2 * HOUR }, _>")]
    pub peer_timeout: Duration,
    /// A client that takes no byte is closed after this time.
    #[serde(deserialize_with = "span::<100, HOUR, _>")]
    pub stuck_after: Duration,
    /// How long a socket without a token may take to send one.
    #[serde(deserialize_with = "span::<100, HOUR, _>")]
    pub auth_within: Duration,
    /// How long a socket of the full protocol lasts after its token has ended.
    #[serde(deserialize_with = "span::<0, HOUR, _>")]
    pub auth_grace: Duration,
    /// Subscriptions of one socket.
    #[serde(deserialize_with = "number::<1, 100_000, _, _>")]
    pub max_subscriptions: usize,
    /// Actions of one socket in a second.
    #[serde(deserialize_with = "number::<1, 10_000, _, _>")]
    pub max_actions_per_second: u32,
    /// Bytes of one frame from a client.
    #[serde(deserialize_with = "number::<KIB, MIB, _, _>")]
    pub max_frame_bytes: usize,
    /// Sockets, event streams and long-polls in all.
    #[serde(deserialize_with = "number::<1, 1_000_000, _, _>")]
    pub max_sockets: usize,
    /// The same of one user.
    #[serde(deserialize_with = "number::<1, 1_000_000, _, _>")]
    pub max_sockets_per_user: usize,
}

/// Limits of requests.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Bytes of the body of a request.
    #[serde(deserialize_with = "number::<KIB, { 64 * MIB }, _, _>")]
    pub max_body_bytes: usize,
    /// Bytes of the body of a login.
    #[serde(deserialize_with = "number::<KIB, MIB, _, _>")]
    pub max_login_body_bytes: usize,
    /// Time to send the header of a request, the wait for it included.
    #[serde(deserialize_with = "span::<100, { 5 * MINUTE }, _>")]
    pub header_timeout: Duration,
    /// Time to send the body of a request.
    #[serde(deserialize_with = "span::<100, HOUR, _>")]
    pub body_timeout: Duration,
    /// Connections in all, sockets included.
    #[serde(deserialize_with = "number::<1, 1_000_000, _, _>")]
    pub max_connections: usize,
    /// Time for what has begun when the server stops.
    #[serde(deserialize_with = "span::<0, HOUR, _>")]
    pub drain: Duration,
}

/// What is logged, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// How a line looks.
    #[serde(deserialize_with = "format")]
    pub format: LogFormat,
    /// Levels, in all or by module.
    #[serde(deserialize_with = "levels")]
    pub filter: String,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, for machines otherwise.
    Auto,
    /// For machines.
    Json,
    /// For people.
    Pretty,
}

impl Config {
    /// Where the data is.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Database`] if `database_url` is none of PostgreSQL, and
    /// [`ConfigError::Exposed`] if others could listen on the way.
    pub fn database(&self) -> Result<Target, ConfigError> {
        let target = match &self.database_url {
            Some(url) => Target::from_url(url.expose_secret())?,
            None => Target::Sqlite(self.data_dir.join("fleetwire.db")),
        };
        let way_out =
            "add ?sslmode=verify-full (and &sslrootcert=FILE for an authority of your own)";
        self.check_link("database_url", target.unverified_host(), way_out)?;
        Ok(target)
    }

    /// What begins the addresses that clients use.
    pub fn scheme(&self) -> &'static str {
        if self.tls.files().is_some() { "https" } else { "http" }
    }

    /// The file of the key that encrypts the signing keys and the tokens of vehicles.
    pub fn master_key_file(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join("master.key"))
    }

    /// Checks what matters only to a server that starts, so that the settings can be shown before.
    ///
    /// # Errors
    ///
    /// [`ConfigError::PlainHttp`], or [`ConfigError::NoOidc`].
    pub fn check_start(&self) -> Result<(), ConfigError> {
        self.oidc.check_start(cfg!(feature = "oidc"))?;
        let exposed = self.listen.iter().find(|address| !address.ip().is_loopback());
        match exposed {
            Some(address) if !self.insecure && self.tls.files().is_none() => {
                Err(ConfigError::PlainHttp(*address))
            }
            _ => Ok(()),
        }
    }

    /// Checks that the settings agree with each other.
    fn check_together(&self) -> Result<(), ConfigError> {
        let Self { commands, ws, tls, .. } = self;
        match (&tls.certificate, &tls.key) {
            (Some(_), None) => return Err(ConfigError::Half("tls.certificate", "tls.key")),
            (None, Some(_)) => return Err(ConfigError::Half("tls.key", "tls.certificate")),
            _ => {}
        }
        self.oidc.check_together()?;
        at_most(
            ("commands.deliver_within", commands.deliver_within),
            ("commands.deliver_within_max", commands.deliver_within_max),
        )?;
        at_most(
            ("commands.run_timeout", commands.run_timeout),
            ("commands.run_timeout_max", commands.run_timeout_max),
        )?;
        // Two missed beats must not cost the claim, or lose the client.
        at_most(
            ("twice commands.lease_renew", commands.lease_renew * 2),
            ("commands.lease", commands.lease),
        )?;
        at_most(
            ("twice ws.ping_interval", ws.ping_interval * 2),
            ("ws.peer_timeout", ws.peer_timeout),
        )
    }
}

fn at_most(
    small: (&'static str, Duration),
    large: (&'static str, Duration),
) -> Result<(), ConfigError> {
    if small.1 <= large.1 { Ok(()) } else { Err(ConfigError::Disagree { small, large }) }
}
