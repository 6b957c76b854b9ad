//! Locks on an entity, whole or by collection, and who holds them.
//!
//! Takes an identity as it comes: whether it is genuine is nobody's business here.

use std::time::Duration;

use serde::Deserialize;

use crate::clock::Moment;
use crate::refusal::Refusal;
use crate::shelf::{Kept, Shelf};

const MAX_EXPIRATION_S: u64 = 3600;

/// Who sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client(pub(crate) String);

/// The body that asks for a lock.
#[derive(Debug, Deserialize)]
pub(crate) struct Wish {
    lock_expiration: u64,
    scopes: Option<Vec<String>>,
    #[serde(default)]
    break_lock: bool,
}

/// A lock that is held, or was until somebody broke it.
#[derive(Debug)]
pub(crate) struct Lock {
    owner: Client,
    /// The collections that it covers; `None` is all of them.
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) expires: Moment,
    is_broken: bool,
}

/// The locks of an entity.
#[derive(Debug, Default)]
pub(crate) struct Locks(Shelf<Lock>);

impl Kept for Lock {
    const KIND: &'static str = "lock";
    const LIMIT: usize = 16;
}

impl Locks {
    /// Takes a lock; its id.
    ///
    /// # Errors
    ///
    /// [`Refusal::InvalidParameters`] for an expiration or a scope that there is not,
    /// [`Refusal::Locked`] if another client is in the way and the wish is not to break its lock.
    pub(crate) fn acquire(
        &mut self,
        client: &Client,
        wish: Wish,
        known: &[&str],
        now: Moment,
    ) -> Result<String, Refusal> {
        let expires = expiry(wish.lock_expiration, now)?;
        let unknown = wish.scopes.iter().flatten().find(|scope| !known.contains(&scope.as_str()));
        if let Some(scope) = unknown {
            return Err(Refusal::InvalidParameters(format!("there is no scope `{scope}`")));
        }
        self.forget_expired(now);
        let lock = Lock { owner: client.clone(), scopes: wish.scopes, expires, is_broken: false };
        if !wish.break_lock && self.held().any(|held| held.overlaps(&lock)) {
            let own = self.held().all(|held| held.owner == *client);
            return Err(Refusal::Locked(if own { "a lock of your own" } else { "another client" }));
        }
        self.0.break_those(&lock);
        self.0.add(lock)
    }

    /// The locks in force, with their ids.
    pub(crate) fn list(&mut self, now: Moment) -> impl Iterator<Item = (&str, &Lock)> {
        self.forget_expired(now);
        self.0.iter().filter(|(_, lock)| !lock.is_broken)
    }

    /// # Errors
    ///
    /// [`Refusal::Unknown`] once it has expired, [`Refusal::LockBroken`] to its former owner.
    pub(crate) fn show(
        &mut self,
        id: &str,
        client: &Client,
        now: Moment,
    ) -> Result<&Lock, Refusal> {
        self.forget_expired(now);
        self.0.get(id)?.unbroken(client)
    }

    /// Lets a lock last `expiration_s` from now.
    ///
    /// # Errors
    ///
    /// As [`Self::show`], and [`Refusal::Locked`] if it is another client's.
    pub(crate) fn renew(
        &mut self,
        id: &str,
        client: &Client,
        expiration_s: u64,
        now: Moment,
    ) -> Result<(), Refusal> {
        let expires = expiry(expiration_s, now)?;
        self.show(id, client, now)?.owned_by(client)?;
        self.0.get_mut(id)?.expires = expires;
        Ok(())
    }

    /// # Errors
    ///
    /// As [`Self::renew`].
    pub(crate) fn release(
        &mut self,
        id: &str,
        client: &Client,
        now: Moment,
    ) -> Result<(), Refusal> {
        self.show(id, client, now)?.owned_by(client)?;
        self.0.take(id).map(|_| ())
    }

    /// Says whether a client may change something in a collection.
    ///
    /// # Errors
    ///
    /// [`Refusal::Locked`], [`Refusal::LockBroken`] to who has lost a lock that covered it, and
    /// [`Refusal::Denied`] to who has none where one is needed.
    pub(crate) fn permit(
        &mut self,
        client: &Client,
        scope: &str,
        needs_lock: bool,
        now: Moment,
    ) -> Result<(), Refusal> {
        self.forget_expired(now);
        let covering = || self.0.iter().map(|(_, lock)| lock).filter(|lock| lock.covers(scope));
        if covering().any(|lock| !lock.is_broken && lock.owner == *client) {
            return Ok(());
        }
        if covering().any(|lock| lock.is_broken && lock.owner == *client) {
            return Err(Refusal::LockBroken);
        }
        if covering().any(|lock| !lock.is_broken) {
            return Err(Refusal::Locked("another client"));
        }
        if needs_lock { Err(Refusal::Denied("this takes a lock")) } else { Ok(()) }
    }

    /// Whether a client holds a lock that covers a scope.
    pub(crate) fn are_held_by(&mut self, client: &Client, scope: &str, now: Moment) -> bool {
        self.forget_expired(now);
        self.held().any(|lock| lock.owner == *client && lock.covers(scope))
    }

    fn held(&self) -> impl Iterator<Item = &Lock> {
        self.0.iter().map(|(_, lock)| lock).filter(|lock| !lock.is_broken)
    }

    /// A broken lock is remembered for as long as it would have lasted.
    fn forget_expired(&mut self, now: Moment) {
        self.0.retain(|lock| now < lock.expires);
    }
}

impl Shelf<Lock> {
    /// The owner of the new lock keeps no memory of what was taken from it.
    fn break_those(&mut self, by: &Lock) {
        self.retain(|lock| lock.owner != by.owner || !lock.overlaps(by));
        for lock in self.iter_mut().filter(|lock| lock.overlaps(by)) {
            lock.is_broken = true;
        }
    }
}

impl Lock {
    pub(crate) fn is_owned_by(&self, client: &Client) -> bool {
        self.owner == *client
    }

    fn unbroken(&self, client: &Client) -> Result<&Self, Refusal> {
        if self.is_broken && self.is_owned_by(client) { Err(Refusal::LockBroken) } else { Ok(self) }
    }

    fn owned_by(&self, client: &Client) -> Result<(), Refusal> {
        if self.is_owned_by(client) { Ok(()) } else { Err(Refusal::Locked("another client")) }
    }

    fn covers(&self, scope: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|it| it == scope))
    }

    fn overlaps(&self, other: &Self) -> bool {
        match (&self.scopes, &other.scopes) {
            (Some(these), Some(those)) => these.iter().any(|scope| those.contains(scope)),
            (None, _) | (_, None) => true,
        }
    }
}

fn expiry(expiration_s: u64, now: Moment) -> Result<Moment, Refusal> {
    if !(1..=MAX_EXPIRATION_S).contains(&expiration_s) {
        let fault = format!("`lock_expiration` is from 1 to {MAX_EXPIRATION_S} seconds");
        return Err(Refusal::InvalidParameters(fault));
    }
    Ok(now.plus(Duration::from_secs(expiration_s)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(s: u64) -> Moment {
        Moment::at(Duration::from_secs(s))
    }

    fn client(name: &str) -> Client {
        Client(name.to_owned())
    }

    fn wish(lock_expiration: u64, break_lock: bool) -> Wish {
        Wish { lock_expiration, scopes: None, break_lock }
    }

    #[test]
    fn an_expired_lock_protects_nothing() {
        let mut locks = Locks::default();
        locks.acquire(&client("a"), wish(5, false), &[], second(0)).unwrap();
        assert!(locks.permit(&client("b"), "data", false, second(4)).is_err());
        assert!(locks.permit(&client("b"), "data", false, second(5)).is_ok());
        let needed = locks.permit(&client("a"), "data", true, second(5));
        assert!(matches!(needed, Err(Refusal::Denied(_))));
    }

    #[test]
    fn renewal_counts_from_now() {
        let mut locks = Locks::default();
        let id = locks.acquire(&client("a"), wish(5, false), &[], second(0)).unwrap();
        locks.renew(&id, &client("a"), 3, second(1)).unwrap();
        assert!(locks.show(&id, &client("a"), second(3)).is_ok());
        assert!(locks.show(&id, &client("a"), second(4)).is_err());
    }

    #[test]
    fn the_former_owner_learns_that_its_lock_was_broken() {
        let mut locks = Locks::default();
        let id = locks.acquire(&client("a"), wish(5, false), &[], second(0)).unwrap();
        assert!(locks.acquire(&client("b"), wish(5, false), &[], second(1)).is_err());
        locks.acquire(&client("b"), wish(5, true), &[], second(1)).unwrap();
        let lost = locks.permit(&client("a"), "data", true, second(2));
        assert!(matches!(lost, Err(Refusal::LockBroken)));
        assert!(matches!(locks.show(&id, &client("a"), second(2)), Err(Refusal::LockBroken)));
        assert!(locks.permit(&client("b"), "data", true, second(2)).is_ok());
    }
}
