//! What has to be put back at a vehicle when a command is over: locks, modes, outputs.
//!
//! Asks for each once, in the reverse of the order in which it was taken, and for no longer than
//! [`PATIENCE`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::sovd::{Client, Error, Link};
use serde_json::Value;
use tokio::time::timeout;

/// How long the vehicle may take for each.
const PATIENCE: Duration = Duration::from_secs(5);

/// One thing that has to be put back.
#[derive(Debug, Clone)]
pub(super) enum Debt {
    /// A lock of ours.
    Lock(Link),
    /// A mode that was set, and what it was before.
    Mode { place: Link, set: Value, before: Value },
    /// An execution that holds an output.
    Output(Link),
}

/// All that one command owes; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Debts(Arc<Mutex<Vec<Debt>>>);

impl Debts {
    pub(super) fn owe(&self, debt: Debt) {
        self.all().push(debt);
    }

    /// The last one is no longer owed.
    pub(super) fn strike_last(&self) {
        self.all().pop();
    }

    /// What is owed now.
    pub(super) fn list(&self) -> Vec<Debt> {
        self.all().clone()
    }

    /// Takes over what is owed.
    pub(super) fn take(&self) -> Vec<Debt> {
        std::mem::take(&mut *self.all())
    }

    /// A panic elsewhere leaves a list a list.
    fn all(&self) -> MutexGuard<'_, Vec<Debt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts everything back, the last first. `client` does not name the command, which may be over.
pub(super) async fn repay(client: Client, debts: Vec<Debt>) {
    for debt in debts.iter().rev() {
        match timeout(PATIENCE, put_back(&client, debt)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, ?debt, "not put back at a vehicle"),
            Err(_) => tracing::warn!(?debt, "not put back at a vehicle: no answer"),
        }
    }
}

async fn put_back(client: &Client, debt: &Debt) -> Result<(), Error> {
    match debt {
        Debt::Lock(place) => client.release_lock(place).await.map(drop),
        Debt::Mode { place, before, .. } => client.set_mode(place, before.clone()).await.map(drop),
        Debt::Output(place) => client.stop(place).await.map(drop),
    }
}
