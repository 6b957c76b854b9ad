//! The durable truth of Fleetwire, on SQLite or PostgreSQL: the only crate that knows SQL.
//!
//! Refuses to publish, to dispatch and to decide: how a command moves is the model's rule, applied
//! here inside the transaction that stores it.

mod audit;
mod backup;
mod capabilities;
mod cause;
mod chain;
mod claim;
mod clock;
mod commands;
mod drive;
mod engine;
mod events;
mod external;
mod fault_reads;
mod faults;
mod fleets;
mod idempotency;
mod identities;
mod keys;
mod ledger;
mod logins;
mod migrate;
mod nodes;
mod post;
mod row;
mod sessions;
mod snapshot;
mod sqlite;
mod tokens;
mod users;
mod vehicles;
mod writer;

pub use audit::{AuditEntry, AuditFilter, AuditPage};
pub use backup::{BackupError, BackupReport, backup};
pub use capabilities::Capabilities;
pub use cause::Cause;
pub use chain::{AuditRow, ChainEnd, Link, Mark, Seal, SealedRow, Sealing, Trim};
pub use claim::{Claimed, Claims, Reach};
pub use commands::{Accepted, Draft, Filter, Start};
pub use drive::{Applied, Held};
pub use engine::{OpenError, Target};
pub use events::{Head, Page};
pub use external::{Heard, Spoken};
pub use fault_reads::{FaultReading, FaultSeen, Finding};
pub use faults::{FaultCoverage, FaultFilter, FaultyVehicle, FleetFault};
pub use idempotency::IdempotencyKey;
pub use identities::{SignIn, SignedIn};
pub use keys::{Ring, SigningKey};
pub use logins::Login;
pub use sessions::{Access, NewSession, Redeemed, Rotation, Sight};
pub use snapshot::Snapshot;
pub use tokens::{Issued, NewToken, Token};
pub use users::{NewUser, User, UserChange};
pub use vehicles::{NewVehicle, ProbeResult, VehicleChange, VehicleFilter};

use clock::Clock;
use engine::Readers;
use model::Timestamp;
use model::id::NodeId;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::TaskTracker;
use writer::Writer;

/// A handle to the store; cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: Readers,
    writer: Writer,
    clock: Arc<Clock>,
    tasks: TaskTracker,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached; nothing is known to be stored.
    #[error("the database cannot be reached")]
    Unavailable(#[source] Arc<Cause>),
    /// There is no room on the disk.
    #[error("the database's disk is full")]
    Full(#[source] Arc<Cause>),
    /// A row of ours does not read as what we write.
    #[error("a stored {0} cannot be read")]
    Corrupt(&'static str),
    /// The write was not taken: too many are waiting, another node is in the way, or the store is
    /// closing.
    #[error("the store takes no more writes now")]
    Busy,
    /// A rule of the database was broken.
    #[error("the database refused")]
    Failed(#[source] Arc<Cause>),
}

impl StoreError {
    /// Whether it is the fault of one write, so that its neighbours may be tried without it.
    fn is_of_one_write(&self) -> bool {
        match self {
            Self::Failed(_) | Self::Corrupt(_) => true,
            Self::Unavailable(_) | Self::Full(_) | Self::Busy => false,
        }
    }

    /// Whether another node's transaction waited for this one, and this one for it.
    fn is_deadlock(&self) -> bool {
        matches!(self, Self::Failed(cause) if cause.is_deadlock())
    }

    /// Another node's transaction in the way is no fault of the write: it may be asked for again.
    fn without_contention(self) -> Self {
        if matches!(&self, Self::Failed(cause) if cause.is_contention()) {
            return Self::Busy;
        }
        self
    }
}

impl Store {
    /// Opens the store and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// [`OpenError`], in a sentence that says what to do.
    pub async fn open(target: &Target) -> Result<Self, OpenError> {
        let readers = engine::open(target).await?;
        let clock = Arc::new(Clock::start());
        let tasks = TaskTracker::new();
        let writer = Writer::start(target.clone(), Arc::clone(&clock), &tasks)?;
        let store = Self { readers, writer, clock, tasks };
        store.write(writer::Nothing).await.map_err(OpenError::Unusable)?;
        Ok(store)
    }

    /// Commits what waits and closes every connection.
    pub async fn close(self) {
        let Self { readers, writer, tasks, .. } = self;
        writer.close();
        tasks.close();
        tasks.wait().await;
        readers.close().await;
    }

    /// Whether the database takes the writes of this node, and answers its reads.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write and any read.
    pub async fn check(&self, node: NodeId) -> Result<(), StoreError> {
        self.beat(node, Duration::ZERO).await?;
        self.heads(&[]).await?;
        Ok(())
    }

    /// The time by which the store decides: the database's where several nodes share one.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

#[doc(hidden)]
pub mod testing {
    //! What the crate's own tests need and nobody else may use.
    //!
    //! Refuses to be an interface.

    pub use crate::engine::all_statements;
}
