//! What a change works under: a lock and modes, taken before, kept alive meanwhile, put back whatever
//! happens.
//!
//! Takes no lock from anybody, and none beside one that is ours already.

mod renewal;

use std::sync::Arc;
use std::time::Duration;

use ::sovd::{Client, Entity, Error, Link, LockRequest};
use model::command::Refusal;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::attempt::{Attempt, Target, preparing};
use super::debt::{Debt, Debts};
use super::needs::Needs;
use super::pages::all;
use super::{failure, modes};
use crate::order::End;

/// How long the vehicle may take to grant a lock.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before asking whether a lock has been given back.
const PAUSE: Duration = Duration::from_millis(200);
/// Under these names entities link their locks.
const LINKS: [&str; 2] = ["locks", "lock"];

/// What wakes an entity that is shut down.
const WAKING: &str = "entity.start";

/// The payload of the last part, which follows when everything has been put back; `None` if the
/// vehicle's own parts have been handed on.
pub(super) type Last = Option<Box<RawValue>>;

/// What a command holds at a vehicle; put back when this is dropped, in a task of its own.
#[derive(Debug)]
pub(super) struct Hold {
    /// Does not name the command: locking is none of its changes.
    client: Client,
    tasks: TaskTracker,
    expiration: Duration,
    debts: Debts,
    /// Where there are locks; `None` if none was wanted, or the vehicle has none.
    lockable: Option<Arc<Entity>>,
    /// A lock of ours that no command took: used and prolonged, not given back.
    borrowed: Option<Link>,
}

/// What came of work that was done under a lock.
pub(super) struct Worked {
    outcome: Result<Last, End>,
    /// How the lock was lost meanwhile; `None` if it was not.
    loss: Option<String>,
}

impl Attempt<'_> {
    /// Takes what the row of this name needs, before its first change.
    pub(super) async fn hold(
        &self,
        stop: &CancellationToken,
        target: &Target<'_>,
        row: &str,
    ) -> Result<Hold, End> {
        if self.is_too_late() {
            return Err(End::NotSent);
        }
        let needs = Needs::of(row);
        preparing(stop, async {
            let mut hold = self.empty_handed(target);
            if needs.lock {
                hold = hold.locked_somewhere(target, row).await?;
            }
            for need in needs.modes {
                modes::meet(&hold, &target.entity, need).await?;
            }
            Ok(hold)
        })
        .await
    }

    /// Puts back what was held, then says what came of the work.
    pub(super) async fn conclude(&mut self, hold: Hold, worked: Worked) -> Result<(), End> {
        let Worked { outcome, mut loss } = worked;
        if let (Err(End::Refused(Refusal::Locked, _)), None) = (&outcome, &loss) {
            loss = hold.holder().await;
        }
        hold.put_back().await;
        let end = match outcome {
            Ok(last) => return self.finish(last).await,
            Err(end) => end,
        };
        let Some(loss) = loss else { return Err(end) };
        if let End::Lost | End::Malformed | End::Truncated = end {
            // These ends have no words: the part has them.
            self.outbox.part(&json!({ "lock": { "lost": true, "message": loss } })).await?;
        }
        Err(failure::with_words(end, &loss))
    }

    fn empty_handed(&self, target: &Target<'_>) -> Hold {
        Hold {
            client: target.vehicle.client.clone(),
            tasks: self.reach.farewells.clone(),
            expiration: self.reach.lock_expiration,
            debts: Debts::of(&target.vehicle),
            lockable: None,
            borrowed: None,
        }
    }
}

impl Hold {
    /// What it puts back in the end; more may be added.
    pub(super) fn debts(&self) -> Debts {
        self.debts.clone()
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// How long what it holds lasts if nobody renews it.
    pub(super) fn expiration(&self) -> Duration {
        self.expiration
    }

    /// Works while it keeps alive what it holds. The work goes on also if the lock is lost: what has
    /// become of it is the vehicle's to say.
    pub(super) async fn during(&self, work: impl Future<Output = Result<Last, End>>) -> Worked {
        tokio::pin!(work);
        let loss = tokio::select! {
            outcome = &mut work => return Worked { outcome, loss: None },
            loss = self.loss() => loss,
        };
        tracing::warn!(%loss, "the lock on an entity was lost amid a command");
        Worked { outcome: work.await, loss: Some(loss) }
    }

    /// Locks the entity; one that does not answer is locked with the vehicle as a whole.
    async fn locked_somewhere(mut self, target: &Target<'_>, row: &str) -> Result<Self, End> {
        let mut silence = None;
        for entity in lockable(target).await? {
            self.lockable = Some(Arc::clone(&entity));
            (self, silence) = self.locked(entity).await?;
            if silence.is_none() {
                return Ok(self);
            }
        }
        match silence {
            // Somebody who is asleep grants no lock, and is not woken without asking.
            Some(end) if row != WAKING => Err(end),
            _ => Ok(self),
        }
    }

    /// Locks the entity, unless a lock on it is ours already: then that one is used, and left alone.
    /// The end is that of an entity which does not answer.
    async fn locked(mut self, entity: Arc<Entity>) -> Result<(Self, Option<End>), End> {
        if let Some(place) = self.own_lock(&entity).await
            && !self.prolong(&place).await.is_err_and(|error| renewal::is_loss(&error))
        {
            self.borrowed = Some(place);
            return Ok((self, None));
        }
        let tasks = self.tasks.clone();
        let (sender, granted) = oneshot::channel();
        // A task, because whoever stops waiting must not leave a lock behind that is being granted: it
        // is given back when nobody takes it.
        tasks.spawn(async move {
            if let Err(unwanted) = sender.send(self.granted(&entity).await) {
                drop(unwanted);
            }
        });
        granted.await.unwrap_or(Err(End::Lost))
    }

    /// A lock that is ours and that no command took: a user's, or one whose grant got lost on its way.
    /// One that a command is giving back is waited for.
    async fn own_lock(&self, entity: &Entity) -> Option<Link> {
        let begun = Instant::now();
        loop {
            let known = all(|| self.client.locks(entity)).await.unwrap_or_default();
            let own = known.into_iter().filter(|lock| lock.owned == Some(true));
            let own: Vec<Link> = own.map(|lock| lock.href).collect();
            let free = own.iter().find(|place| !self.debts.are_owed(place)).cloned();
            if free.is_some() || own.is_empty() || begun.elapsed() >= PATIENCE {
                return free.or_else(|| own.into_iter().next());
            }
            sleep(PAUSE).await;
        }
    }

    async fn granted(self, entity: &Entity) -> Result<(Self, Option<End>), End> {
        let request = LockRequest::lasting(self.expiration);
        let lock = self.client.acquire_lock(entity, &request).into_future();
        match timeout(PATIENCE, lock).await {
            Ok(Ok(lock)) => self.debts.owe(Debt::Lock(lock.href)),
            // It links locks, and has none to give.
            Ok(Err(Error::Unsupported { .. })) => {}
            Ok(Err(error)) if failure::is_silent(&error) => {
                return Ok((self, Some(failure::of_read(error))));
            }
            Ok(Err(error)) => return Err(self.denied(error).await),
            Err(_) => return Err(End::Lost),
        }
        Ok((self, None))
    }

    async fn denied(&self, error: Error) -> End {
        let end = failure::of_read(error);
        if !matches!(end, End::Refused(Refusal::Locked, _)) {
            return end;
        }
        failure::with_words(end, &self.holder().await.unwrap_or_default())
    }

    /// Who holds the entity instead of us; `None` if that cannot be learned.
    async fn holder(&self) -> Option<String> {
        let locks = self.client.locks(self.lockable.as_deref()?).into_future();
        let locks = timeout(PATIENCE, locks).await.ok()?.ok()?;
        let other = locks.into_iter().find(|lock| lock.owned != Some(true))?;
        Some(match (other.owner, other.id) {
            (Some(owner), _) => format!("{owner} holds the lock"),
            (None, Some(id)) => format!("another client holds the lock {id}"),
            (None, None) => "another client holds the lock".to_owned(),
        })
    }

    /// Puts everything back; whoever stops waiting does not stop that.
    async fn put_back(mut self) {
        if let Some(task) = self.leave() {
            // It logs what it cannot do, and what is not put back expires.
            task.await.unwrap_or_default();
        }
    }

    fn leave(&mut self) -> Option<tokio::task::JoinHandle<()>> {
        let debts = self.debts.take();
        if debts.is_empty() {
            return None;
        }
        let runtime = Handle::try_current().ok()?;
        let repaid = self.debts.repaid(self.client.clone(), debts);
        Some(self.tasks.spawn_on(repaid, &runtime))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        drop(self.leave());
    }
}

/// Whose locks there are: the entity's and the vehicle's, as far as they have any.
async fn lockable(target: &Target<'_>) -> Result<Vec<Arc<Entity>>, End> {
    let root = target.vehicle.root().await?;
    let both = [Arc::clone(&target.entity), root].into_iter();
    let has_locks = |entity: &Arc<Entity>| LINKS.iter().any(|it| entity.links.contains_key(*it));
    Ok(both.filter(has_locks).collect())
}
