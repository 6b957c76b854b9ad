//! The connector to vehicles whose SOVD server has an address that can be reached.
//!
//! Repeats no change by itself and takes no locks; what it learns by discovery it keeps for seconds.

mod asker;
mod attempt;
mod bulk;
mod catalog;
mod clearing;
mod configurations;
mod data_watch;
mod download;
mod ecu;
mod failure;
mod faults_watch;
mod feed;
mod fresh;
mod inherited;
mod kept;
mod live;
mod logs;
mod operation;
mod outbox;
mod patience;
mod recordings;
mod scripts;
mod triggers;
mod updates;
mod vehicle;

use std::sync::Arc;
use std::time::Duration;

use ::sovd::{Error, Http, Limits, SetupError};
use model::catalog::Question;
use model::vehicle::ConnectionStatus;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::guard;
use crate::order::{Address, End, Order, Part};
use attempt::{Attempt, Reach, reading};
use live::Span;
use outbox::Outbox;
use vehicle::Knowledge;

/// Bytes of the largest document that is read; what is handed on is limited as a part.
const MAX_DOCUMENT_BYTES: usize = 8 << 20;
/// Bytes that a streamed part may have beside its payload.
const PART_FRAME_BYTES: usize = 1024;
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
    http: Http,
    max_part_bytes: usize,
    knowledge: Arc<Knowledge>,
    farewells: TaskTracker,
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
        let http = Http::admitting(limits, guard::rule(allow_loopback))?;
        let farewells = TaskTracker::new();
        Ok(Self { http, max_part_bytes, knowledge: Arc::default(), farewells })
    }

    /// Carries out an order: sends parts until the end, as fast as they are taken.
    ///
    /// `stop` is the wish of a user. A read is simply given up; an asynchronous operation ends as
    /// [`End::Stopped`] if the vehicle confirms, else with its result; any other change goes on
    /// once it was sent. There is no time limit: dropping the future closes the connection, and what
    /// a live command has made at the vehicle is taken away afterwards, see [`Sovd::settle`].
    pub async fn execute(
        &self,
        order: Order,
        parts: mpsc::Sender<Part>,
        stop: CancellationToken,
    ) -> End {
        let outbox = Outbox::new(parts, self.max_part_bytes);
        let reach =
            Reach { http: &self.http, knowledge: &self.knowledge, farewells: &self.farewells };
        let attempt = Attempt::new(reach, &order, outbox);
        match attempt.carry_out(&order.question, &stop).await {
            Ok(()) => End::Answered,
            Err(end) => {
                // What was learned by discovery may be the reason.
                self.knowledge.forget(&order.vehicle.sovd_url);
                end
            }
        }
    }

    /// Waits until nothing is left to be taken away at vehicles; takes seconds at most.
    ///
    /// For the end of the process: what is carried out afterwards is not waited for.
    pub async fn settle(&self) {
        self.farewells.close();
        self.farewells.wait().await;
    }

    /// Asks whether a SOVD server answers at the address; takes 3 s at most.
    pub async fn probe(&self, vehicle: &Address) -> ConnectionStatus {
        let Some(client) = vehicle::client(&vehicle.sovd_url, &self.http) else {
            return ConnectionStatus::Disconnected;
        };
        let answer = tokio::time::timeout(PROBE_PATIENCE, client.discover()).await;
        answer.map_or(ConnectionStatus::Disconnected, |found| match found {
            Ok(_) => ConnectionStatus::Connected,
            Err(Error::NotSent(_) | Error::NotAdmitted { .. } | Error::Lost(_)) => {
                ConnectionStatus::Disconnected
            }
            Err(
                Error::Malformed { .. }
                | Error::Truncated
                | Error::TooLarge { .. }
                | Error::Refused { .. }
                | Error::Unsupported { .. },
            ) => ConnectionStatus::Error,
        })
    }
}

impl Attempt<'_> {
    /// What is more than an exchange or two has its future on the heap: it would be part of all others.
    async fn carry_out(mut self, question: &Question, stop: &CancellationToken) -> Result<(), End> {
        use Question as Q;
        match question {
            Q::ReadDtc { ecu_address } => reading(stop, self.read_dtc(ecu_address)).await,
            Q::ReadDataById { ecu_address, data_id } => {
                reading(stop, self.read_data_by_id(ecu_address, data_id)).await
            }
            Q::Discover {} => reading(stop, self.discover()).await,
            Q::DataList { entity } => reading(stop, self.list_data(entity)).await,
            Q::DataRead { entity, ids } => reading(stop, self.read_data(entity, ids)).await,
            Q::FaultsList { entity } => reading(stop, self.list_faults(entity)).await,
            Q::OperationsList { entity } => reading(stop, self.list_operations(entity)).await,
            Q::ClearDtc { ecu_address, dtc_code } => {
                self.clear_dtc(stop, ecu_address, dtc_code.as_deref()).await
            }
            Q::FaultsClear { entity, code } => {
                self.clear_faults(stop, entity, code.as_deref()).await
            }
            Q::DataWrite { entity, id, value } => self.write_data(stop, entity, id, value).await,
            Q::OperationRun { entity, id, params } => {
                self.run_operation(stop, entity, id, params.as_ref()).await
            }
            Q::DataWatch { entity, ids, interval, duration } => {
                let span = Span { stop, duration: (*duration).into() };
                Box::pin(self.watch_data(span, entity, ids, *interval)).await
            }
            Q::FaultsWatch { entity, status, duration } => {
                let span = Span { stop, duration: (*duration).into() };
                Box::pin(self.watch_faults(span, entity, status)).await
            }
            Q::Bulk(question) => Box::pin(self.bulk(stop, question)).await,
            Q::Configurations(question) => Box::pin(self.configurations(stop, question)).await,
            Q::Logs(question) => Box::pin(self.logs(stop, question)).await,
            Q::Scripts(question) => Box::pin(self.scripts(stop, question)).await,
            Q::Triggers(question) => Box::pin(self.triggers(stop, question)).await,
            Q::Updates(question) => Box::pin(self.updates(stop, question)).await,
        }
    }
}
