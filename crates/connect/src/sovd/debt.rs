//! What has to be put back at a vehicle when a command is over: locks, modes, executions.
//!
//! Asks for each once, in the reverse of the order in which it was taken, and for no longer than
//! [`PATIENCE`].

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::sovd::{Client, Error, Link, Operation, ScriptEnd};
use serde_json::Value;
use tokio::time::timeout;

use super::vehicle::Vehicle;
use super::{failure, output};
use crate::order::End;

/// How long the vehicle may take for each.
const PATIENCE: Duration = Duration::from_secs(5);

/// One thing that has to be put back.
#[derive(Debug, Clone)]
pub(super) enum Debt {
    /// A lock of ours.
    Lock(Link),
    /// A mode that was set, and what it was before; of `None` nobody knows, and it falls back by itself.
    Mode { place: Link, set: Value, before: Option<Value> },
    /// An execution: stopped if it goes on, and forgotten.
    Execution(Link),
    /// A run of a script: stopped; forgotten only if no restart is to repeat it.
    Script { place: Link, may_repeat: bool },
    /// An output that is given back in words.
    Output(Box<Operation>),
}

/// The locks that commands hold or are giving back, at all vehicles. Other locks of ours are users'.
#[derive(Debug, Clone, Default)]
pub(super) struct Owed(Arc<Mutex<BTreeSet<String>>>);

/// All that one command owes; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Debts {
    list: Arc<Mutex<Vec<Debt>>>,
    owed: Owed,
    vehicle: String,
}

impl Debts {
    /// Nothing yet, at this vehicle.
    pub(super) fn of(vehicle: &Vehicle<'_>) -> Self {
        let (vehicle, owed) = (vehicle.url.to_owned(), vehicle.owed());
        Self { list: Arc::default(), owed, vehicle }
    }

    pub(super) fn owe(&self, debt: Debt) {
        if let Debt::Lock(place) = &debt {
            locked(&self.owed.0).insert(self.key(place));
        }
        locked(&self.list).push(debt);
    }

    /// What is at this place is no longer owed, if it was.
    pub(super) fn strike(&self, place: &Link) {
        locked(&self.list).retain(|debt| debt.place() != place);
    }

    /// What is owed now.
    pub(super) fn list(&self) -> Vec<Debt> {
        locked(&self.list).clone()
    }

    /// Takes over what is owed.
    pub(super) fn take(&self) -> Vec<Debt> {
        std::mem::take(&mut *locked(&self.list))
    }

    /// Whether the lock at this place is one that some command owes.
    pub(super) fn are_owed(&self, place: &Link) -> bool {
        locked(&self.owed.0).contains(&self.key(place))
    }

    /// Puts these back, the last first. `client` does not name the command, which may be over.
    pub(super) fn repaid(
        &self,
        client: Client,
        debts: Vec<Debt>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let this = self.clone();
        async move {
            for debt in debts.iter().rev() {
                match timeout(PATIENCE, put_back(&client, debt)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(end)) => tracing::warn!(?end, ?debt, "not put back at a vehicle"),
                    Err(_) => tracing::warn!(?debt, "not put back at a vehicle: no answer"),
                }
                if let Debt::Lock(place) = debt {
                    locked(&this.owed.0).remove(&this.key(place));
                }
            }
        }
    }

    fn key(&self, place: &Link) -> String {
        format!("{} {place}", self.vehicle)
    }
}

impl Debt {
    fn place(&self) -> &Link {
        match self {
            Self::Lock(place)
            | Self::Mode { place, .. }
            | Self::Execution(place)
            | Self::Script { place, .. } => place,
            Self::Output(operation) => &operation.executions,
        }
    }
}

/// A panic elsewhere leaves a list a list.
fn locked<T>(list: &Mutex<T>) -> MutexGuard<'_, T> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn put_back(client: &Client, debt: &Debt) -> Result<(), End> {
    let done = match debt {
        Debt::Lock(place) => client.release_lock(place).await.map(drop),
        Debt::Mode { place, before: Some(before), .. } => {
            client.set_mode(place, before.clone()).await.map(drop)
        }
        Debt::Mode { before: None, .. } => Ok(()),
        Debt::Execution(place) => client.stop(place).await.map(drop),
        Debt::Script { place, may_repeat } => stop_script(client, place, *may_repeat).await,
        Debt::Output(operation) => return output::given_back(client, operation).await.map(drop),
    };
    done.map_err(failure::of_change)
}

/// One that is over already cannot be stopped, and is forgotten all the same.
async fn stop_script(client: &Client, place: &Link, may_repeat: bool) -> Result<(), Error> {
    let stopped = client.end_script(place, ScriptEnd::Stop).await.map(drop);
    if may_repeat { stopped } else { client.stop(place).await.map(drop) }
}
