//! The ring of keys as it is now: followed while the server runs, and turned from the command line.
//!
//! Refuses to sign with a key before every server has had the time to learn of it.

use super::keyring::Keyring;
use super::master_key::MasterKey;
use super::{OpenError, Settings};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use store::{AuditEntry, Ring, Store};

/// How long the keys before a new one go on signing, at the latest: longer than any server needs to
/// take the new one.
const HANDOVER: Duration = Duration::from_mins(1);

/// The ring, as it was last read.
pub(super) struct Keys {
    ring: RwLock<Arc<Keyring>>,
    master: MasterKey,
}

impl Keys {
    pub(super) async fn open(
        store: &Store,
        master: MasterKey,
        settings: &Settings,
    ) -> Result<Self, OpenError> {
        let secret = settings.jwt_secret.as_ref();
        let ring = Keyring::load(store, &master, secret, settings.access_life).await?;
        Ok(Self { ring: RwLock::new(Arc::new(ring)), master })
    }

    pub(super) fn ring(&self) -> Arc<Keyring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the ring again. After an error the ring stays as it was.
    pub(super) async fn follow(&self, store: &Store, settings: &Settings) -> Result<(), OpenError> {
        let keys = store.signing_keys(Ring::Tokens).await?;
        let (now, before) = (store.now(), self.ring());
        if before.is_of(&keys, now) {
            return Ok(());
        }
        let secret = settings.jwt_secret.as_ref();
        let ring = Keyring::of(&keys, &self.master, secret, (settings.access_life, now))?;
        tracing::info!(kid = ring.kid(), keys = keys.len(), "the ring of keys has turned");
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(())
    }
}

/// Adds a key to the ring, and retires those before it: what they have signed stays good until it ends.
/// Answers the name of the new one.
///
/// # Errors
///
/// [`OpenError::WrongMasterKey`] if the ring is of another master key; [`OpenError::Crypto`] and
/// [`OpenError::Store`].
pub async fn rotate_keys(
    store: &Store,
    master: &MasterKey,
    audit: AuditEntry,
) -> Result<String, OpenError> {
    for key in store.signing_keys(Ring::Tokens).await? {
        master.open(&key.kid, &key.private_key)?;
    }
    let key = master.make_key(store.now())?;
    let (kid, object) = (key.kid.clone(), format!("key/{}", key.kid));
    store.rotate_signing_key(key, HANDOVER, AuditEntry { object, ..audit }).await?;
    Ok(kid)
}
