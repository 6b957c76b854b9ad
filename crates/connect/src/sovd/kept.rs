//! What a command has made at a vehicle and that is to go with it: subscriptions, triggers.
//!
//! Asks for the removal once, whatever comes of it, and never for longer than [`PATIENCE`].

use std::mem;
use std::time::Duration;

use ::sovd::{Acknowledged, Call, Client, Link};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// How long the vehicle may take to remove it.
const PATIENCE: Duration = Duration::from_secs(5);
/// By these a vehicle says that it is gone already.
const GONE: [u16; 2] = [404, 410];

/// The request that removes it.
pub(super) type Remove = fn(&Client, &Link) -> Call<Acknowledged>;

/// It is removed when this is dropped, in a task of its own: the command may be over by then.
#[derive(Debug)]
pub(super) struct Kept {
    /// Does not name the command: clearing up is none of its changes.
    client: Client,
    tasks: TaskTracker,
    place: Link,
    remove: Remove,
    is_left: bool,
}

impl Kept {
    pub(super) fn new(client: &Client, tasks: &TaskTracker, place: Link, remove: Remove) -> Self {
        let (client, tasks) = (client.clone(), tasks.clone());
        Self { client, tasks, place, remove, is_left: false }
    }

    /// The same, to be removed in another way.
    pub(super) fn instead(mut self, remove: Remove) -> Self {
        self.remove = remove;
        self
    }

    /// Removes it, and says whether the vehicle has confirmed that it is gone.
    pub(super) async fn removed(mut self) -> bool {
        match self.leave() {
            // Whoever stops waiting does not stop the removal.
            Some(removal) => removal.await.unwrap_or(false),
            None => false,
        }
    }

    fn leave(&mut self) -> Option<JoinHandle<bool>> {
        if mem::replace(&mut self.is_left, true) {
            return None;
        }
        let runtime = Handle::try_current().ok()?;
        let call = (self.remove)(&self.client, &self.place);
        Some(self.tasks.spawn_on(is_gone(call), &runtime))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.leave());
    }
}

async fn is_gone(call: Call<Acknowledged>) -> bool {
    match timeout(PATIENCE, call.into_future()).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) if error.status().is_some_and(|status| GONE.contains(&status)) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "something stays at a vehicle until it expires");
            false
        }
        Err(_) => {
            tracing::warn!("something stays at a vehicle until it expires: no answer");
            false
        }
    }
}
