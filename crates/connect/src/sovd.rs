//! The connector to vehicles whose SOVD server has an address that can be reached.
//!
//! Repeats no change by itself; what it learns by discovery it keeps for seconds.

mod asker;
mod attempt;
mod beside;
mod bulk;
mod catalog;
mod clearing;
mod configurations;
mod data;
mod data_list;
mod data_watch;
mod debt;
mod discovery;
mod download;
mod ecu;
mod entities;
mod failure;
mod faults;
mod faults_watch;
mod feed;
mod fresh;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod health;
mod inherited;
mod kept;
mod live;
mod lock;
mod locks;
mod logs;
mod modes;
mod needs;
mod operation;
mod operations;
mod outbox;
mod output;
mod pages;
mod patience;
mod pursuit;
mod recordings;
mod scripts;
mod state;
mod triggers;
mod trust;
mod uds;
mod unlock;
mod updates;
mod upload;
mod vehicle;
mod vehicles;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::sovd::{Error, Limits, SetupError, Transport};
use model::catalog::Question;
use model::vehicle::ConnectionStatus;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::guard;
use crate::keys::KeySources;
use crate::order::{Address, End, Order, Part};
use attempt::{Attempt, Reach, reading};
use outbox::Outbox;
use trust::Trust;
pub use trust::{are_authorities, is_identity};
use vehicle::Knowledge;

/// Bytes of the largest document that is read; what is handed on is limited as a part.
const MAX_DOCUMENT_BYTES: usize = 8 << 20;
/// Bytes that a streamed part may have beside its payload.
const PART_FRAME_BYTES: usize = 1024;
/// How long a lock lasts that nobody renews.
const LOCK_EXPIRATION: Duration = Duration::from_secs(30);
/// How long a vehicle may take to show that it is there.
const PROBE_PATIENCE: Duration = Duration::from_secs(3);

/// What exchanges with vehicles are limited by.
#[derive(Debug, Clone, Copy)]
pub struct SovdConfig {
    /// Time to reach a vehicle, TLS handshake included.
    pub connect_timeout: Duration,
    /// Bytes of the payload of one part.
    pub max_part_bytes: usize,
    /// Whether a vehicle may be on this machine, as simulated ones are.
    pub allow_loopback: bool,
}

/// The connector; cheap to clone.
///
/// Connections for reading are kept alive for all vehicles together; a change opens its own.
#[derive(Debug, Clone)]
pub struct Sovd {
    trust: Trust,
    max_part_bytes: usize,
    knowledge: Arc<Knowledge>,
    farewells: TaskTracker,
    lock_expiration: Duration,
    keys: KeySources,
}

impl Sovd {
    /// Sets the connector up; connects to nobody yet.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if TLS cannot be set up.
    pub fn new(config: SovdConfig) -> Result<Self, SetupError> {
        let SovdConfig { connect_timeout, max_part_bytes, allow_loopback } = config;
        let limits = Limits {
            connect_timeout,
            body_bytes: MAX_DOCUMENT_BYTES.max(max_part_bytes),
            part_bytes: max_part_bytes.saturating_add(PART_FRAME_BYTES),
        };
        let admits = guard::rule(allow_loopback);
        let trust = Trust::new(Transport { limits, admits, ..Transport::default() })?;
        Ok(Self {
            trust,
            max_part_bytes,
            knowledge: Arc::default(),
            farewells: TaskTracker::new(),
            lock_expiration: LOCK_EXPIRATION,
            keys: KeySources::default(),
        })
    }

    /// The same connector, taking locks that last so long if nobody renews them: how long a vehicle
    /// stays locked when this process dies. 30 s unless said otherwise; whole seconds.
    #[must_use]
    pub fn with_lock_expiration(self, lock_expiration: Duration) -> Self {
        Self { lock_expiration, ..self }
    }

    /// The same connector, with keys from the programs and files in this directory.
    #[must_use]
    pub fn with_key_sources(self, directory: &Path) -> Self {
        Self { keys: KeySources::within(directory), ..self }
    }

    /// Carries out an order: sends parts until the end, as fast as they are taken.
    ///
    /// `stop` is the wish of a user. A read is simply given up; an asynchronous operation ends as
    /// [`End::Stopped`] if the vehicle confirms, else with its result; any other change goes on
    /// once it was sent. There is no time limit: dropping the future closes the connection, and what
    /// was taken or made at the vehicle is given back afterwards, see [`Sovd::settle`].
    pub async fn execute(
        &self,
        order: Order,
        parts: mpsc::Sender<Part>,
        stop: CancellationToken,
    ) -> End {
        let outbox = Outbox::new(parts, self.max_part_bytes);
        let reach = Reach {
            trust: &self.trust,
            knowledge: &self.knowledge,
            keys: &self.keys,
            farewells: &self.farewells,
            lock_expiration: self.lock_expiration,
        };
        let mut attempt = Attempt::new(reach, &order, outbox);
        let carried_out = async {
            attempt.meet(&order.needs, &stop).await?;
            attempt.carry_out(&order.question, &stop).await
        };
        match carried_out.await {
            Ok(()) => End::Answered,
            Err(end) => {
                // What was learned by discovery may be the reason.
                self.knowledge.forget(&order.vehicle.sovd_url);
                failure::brief(attempt.truthful(end))
            }
        }
    }

    /// Waits until nothing is left to be given back at vehicles; takes seconds at most.
    ///
    /// For the end of the process: what is carried out afterwards is not waited for.
    pub async fn settle(&self) {
        self.farewells.close();
        self.farewells.wait().await;
    }

    /// Asks whether a SOVD server answers at the address; takes 3 s at most.
    pub async fn probe(&self, vehicle: &Address) -> Probe {
        let client = match vehicle::client(vehicle, &self.trust) {
            Ok(client) => client,
            Err(end) => {
                return Probe { status: ConnectionStatus::Disconnected, obstacle: words(end) };
            }
        };
        let answer = tokio::time::timeout(PROBE_PATIENCE, client.discover()).await;
        let status = answer.as_ref().map_or(ConnectionStatus::Disconnected, status);
        let obstacle = answer.ok().and_then(Result::err).and_then(obstacle);
        Probe { status, obstacle }
    }
}

/// What a probe has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What the connection is like.
    pub status: ConnectionStatus,
    /// Why an order would be refused by whoever answers there, whenever it came; `None` if nothing of
    /// that kind is known.
    pub obstacle: Option<String>,
}

fn status<T>(found: &Result<T, Error>) -> ConnectionStatus {
    match found {
        Ok(_) => ConnectionStatus::Connected,
        Err(Error::NotSent(_) | Error::NotAdmitted { .. } | Error::Lost(_)) => {
            ConnectionStatus::Disconnected
        }
        Err(
            Error::NotTrusted { .. }
            | Error::Malformed { .. }
            | Error::Truncated
            | Error::TooLarge { .. }
            | Error::Refused { .. }
            | Error::Unsupported { .. },
        ) => ConnectionStatus::Error,
    }
}

/// What somebody has to change before the vehicle is of use: trust, on either side.
fn obstacle(error: Error) -> Option<String> {
    let is_lasting =
        matches!(error, Error::NotTrusted { .. } | Error::Refused { status: 401 | 403, .. });
    is_lasting.then(|| words(failure::of_read(error))).flatten()
}

fn words(end: End) -> Option<String> {
    match failure::brief(end) {
        End::Refused(_, words) | End::VehicleError(words) => Some(words),
        End::Answered
        | End::NotSent
        | End::Lost
        | End::Malformed
        | End::Truncated
        | End::TooLarge
        | End::Stopped => None,
    }
}

impl Attempt<'_> {
    /// Each noun has its future on the heap: it would be part of all others.
    async fn carry_out(
        &mut self,
        question: &Question,
        stop: &CancellationToken,
    ) -> Result<(), End> {
        use Question as Q;
        match question {
            Q::ReadDtc { ecu_address } => reading(stop, self.read_dtc(ecu_address)).await,
            Q::ReadDataById { ecu_address, data_id } => {
                reading(stop, self.read_data_by_id(ecu_address, data_id)).await
            }
            Q::ClearDtc { ecu_address, dtc_code } => {
                self.clear_dtc(stop, ecu_address, dtc_code.as_deref()).await
            }
            Q::Vehicle(question) => Box::pin(self.about_vehicle(question, stop)).await,
            Q::Entity(question) => Box::pin(self.about_entity(question, stop)).await,
            Q::Data(question) => Box::pin(self.about_data(question, stop)).await,
            Q::Faults(question) => Box::pin(self.about_faults(question, stop)).await,
            Q::Operations(question) => Box::pin(self.about_operations(question, stop)).await,
            Q::Modes(question) => Box::pin(self.about_modes(question, stop)).await,
            Q::Locks(question) => Box::pin(self.about_locks(question, stop)).await,
            Q::Configurations(question) => {
                Box::pin(self.about_configurations(question, stop)).await
            }
            Q::Bulk(question) => Box::pin(self.about_bulk(question, stop)).await,
            Q::Logs(question) => Box::pin(self.about_logs(question, stop)).await,
            Q::Triggers(question) => Box::pin(self.about_triggers(question, stop)).await,
            Q::Scripts(question) => Box::pin(self.about_scripts(question, stop)).await,
            Q::Updates(question) => Box::pin(self.about_updates(question, stop)).await,
            Q::Uds(question) => Box::pin(self.about_uds(stop, question)).await,
        }
    }
}
