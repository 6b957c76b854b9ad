//! Verifies the log of this server for those who ask it.
//!
//! Refuses to do so twice at a time, and on a thread that others need.

use super::key::PublicKeys;
use super::verify::{Verdict, verify};
use std::sync::Arc;
use store::{OpenError, Snapshot, StoreError, Target};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What it takes to verify.
pub(crate) struct Auditor {
    target: Target,
    keys: Arc<PublicKeys>,
    turn: Semaphore,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Auditor {
    pub(crate) fn new(
        target: Target,
        keys: PublicKeys,
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        Self { target, keys: Arc::new(keys), turn: Semaphore::new(1), tasks, shutdown }
    }

    /// Reads the whole log. Whoever gives up waiting for it ends it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] while somebody else's runs or the server goes down; else as for any read.
    pub(crate) async fn verify(&self) -> Result<Verdict, StoreError> {
        let _turn = self.turn.try_acquire().map_err(|_| StoreError::Busy)?;
        let stop = self.shutdown.child_token();
        let _ended = stop.clone().drop_guard();
        let (target, keys) = (self.target.clone(), Arc::clone(&self.keys));
        let reading = self.tasks.spawn_blocking(move || {
            Handle::current().block_on(async {
                let mut snapshot = Snapshot::open(&target).await.map_err(closed)?;
                verify(&mut snapshot, &keys, &stop).await
            })
        });
        reading.await.unwrap_or(Err(StoreError::Busy))
    }
}

fn closed(error: OpenError) -> StoreError {
    match error {
        OpenError::Connect { source, .. } => StoreError::Unavailable(Arc::new(source)),
        OpenError::Unusable(error) => error,
        OpenError::Url | OpenError::Migrate(_) | OpenError::Thread(_) => StoreError::Busy,
    }
}
