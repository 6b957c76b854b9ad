//! What a command makes at a vehicle and that is to go with it: subscriptions, triggers.
//!
//! Loses nothing that the vehicle says it has made, and asks for its removal once, whatever comes of it.

use std::mem;
use std::time::Duration;

use ::sovd::{Acknowledged, Call, Client, Link};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::failure;
use super::patience::ANSWER_PATIENCE;
use crate::order::End;

/// How long the vehicle may take to remove it.
const PATIENCE: Duration = Duration::from_secs(5);
/// By these a vehicle says that it is gone already.
const GONE: [u16; 2] = [404, 410];

/// The request that removes it.
pub(super) type Remove = fn(&Client, &Link) -> Call<Acknowledged>;

/// Where something is that a vehicle has made.
pub(super) type Place<T> = fn(&T) -> &Link;

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
    /// Has something made at the vehicle, and keeps it.
    ///
    /// In a task, because whoever stops waiting must not leave behind what is being made: it is removed
    /// when nobody takes it.
    pub(super) async fn make<T: Send + 'static>(
        client: &Client,
        tasks: &TaskTracker,
        call: Call<T>,
        place: Place<T>,
        remove: Remove,
    ) -> Result<(T, Self), End> {
        let (sender, answer) = oneshot::channel();
        let (client, tasks, tracker) = (client.clone(), tasks.clone(), tasks);
        tracker.spawn(async move {
            let answer = answered(call).await.map(|it| {
                let place = place(&it).clone();
                (it, Self { client, tasks, place, remove, is_left: false })
            });
            if let Err(unwanted) = sender.send(answer) {
                drop(unwanted);
            }
        });
        answer.await.unwrap_or(Err(End::Lost))
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

/// The answer to a change that no vehicle takes long for.
pub(super) async fn answered<T: 'static>(call: Call<T>) -> Result<T, End> {
    let answer = timeout(ANSWER_PATIENCE, call.into_future()).await;
    answer.map_or(Err(End::Lost), |answer| answer.map_err(failure::of_change))
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
