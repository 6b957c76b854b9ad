//! Keeping alive what a command works under.
//!
//! Calls no lock lost because something else was refused, and shortens none that a user took for longer.

use std::convert::Infallible;
use std::time::Duration;

use ::sovd::{Error, Link};
use model::Timestamp;
use tokio::time::{Instant, sleep, timeout};

use super::Hold;
use crate::clock;
use crate::sovd::debt::Debt;

/// How long to wait before a renewal that got no answer is tried again.
const PAUSE: Duration = Duration::from_secs(1);

impl Hold {
    /// Renews what is held; comes to an end only when the lock is lost, with the words for that.
    pub(super) async fn loss(&self) -> String {
        tokio::select! {
            loss = self.keep_locks() => loss,
            never = self.keep_modes() => match never {},
        }
    }

    /// Renews at half time.
    async fn keep_locks(&self) -> String {
        let (mut renewed, mut pause) = (Instant::now(), self.expiration / 2);
        loop {
            sleep(pause).await;
            match self.renew_locks().await {
                Ok(()) => (renewed, pause) = (Instant::now(), self.expiration / 2),
                Err(error) if is_loss(&error) => {
                    let cause = format!("the lock was lost: {error}");
                    let holder = self.holder().await;
                    return holder.map_or(cause.clone(), |holder| format!("{cause}; {holder}"));
                }
                Err(_) if renewed.elapsed() >= self.expiration => {
                    return "the lock was lost: the vehicle did not answer".to_owned();
                }
                Err(_) => pause = PAUSE,
            }
        }
    }

    /// Repeats modes twice before they fall back. What one that is refused means is for the command
    /// to find out.
    async fn keep_modes(&self) -> Infallible {
        loop {
            sleep(self.expiration / 3).await;
            for debt in self.debts.list() {
                let Debt::Mode { place, set, .. } = debt else { continue };
                let call = self.client.set_mode(&place, set).expiring_after(self.expiration);
                if let Err(error) = self.in_time(call).await {
                    tracing::warn!(%error, "a mode was not renewed");
                }
            }
        }
    }

    async fn renew_locks(&self) -> Result<(), Error> {
        if let Some(place) = &self.borrowed {
            self.prolong(place).await?;
        }
        for debt in self.debts.list() {
            if let Debt::Lock(place) = debt {
                self.in_time(self.client.renew_lock(&place, self.expiration)).await?;
            }
        }
        Ok(())
    }

    /// Renews a lock that no command took, unless it lasts as long anyway.
    pub(super) async fn prolong(&self, place: &Link) -> Result<(), Error> {
        self.in_time(async {
            let lock = self.client.lock(place).await.ok();
            let end = lock.and_then(|lock| lock.expires?.parse::<Timestamp>().ok());
            let needed = clock::now().saturating_add(self.expiration).ok();
            if end.is_some() && end >= needed {
                return Ok(());
            }
            self.client.renew_lock(place, self.expiration).await.map(drop)
        })
        .await
    }

    /// Waits so long only that it can be tried again before what is held expires.
    async fn in_time<T>(
        &self,
        renewal: impl IntoFuture<Output = Result<T, Error>>,
    ) -> Result<(), Error> {
        let answer = timeout(self.expiration / 3, renewal.into_future()).await;
        answer.unwrap_or(Err(Error::Truncated)).map(drop)
    }
}

/// Whether the vehicle says that the lock is not ours.
pub(super) fn is_loss(error: &Error) -> bool {
    matches!(error, Error::Refused { status: ..500, .. })
}
