//! Changing one's own password, which also is the way in for whoever was given one.
//!
//! Refuses whoever does not know the present one, as slowly and in the same words as a login.

use super::login::denied;
use super::{Auth, LoginError, Origin, PasswordError};
use secrecy::{ExposeSecret, SecretString};
use store::StoreError;

/// Why a password is the same as before.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Whoever asks does not know the present one, or tries too often.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// It would be no change.
    #[error("the new password must be another one")]
    Same,
    /// It is not good enough, or cannot be hashed now.
    #[error(transparent)]
    New(#[from] PasswordError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// Changes the password of whoever knows it, and ends all their sessions and tokens.
    ///
    /// # Errors
    ///
    /// Every [`ChangeError`].
    pub async fn change_password(
        &self,
        username: &str,
        current: SecretString,
        new: SecretString,
        from: &Origin,
    ) -> Result<(), ChangeError> {
        let is_same = current.expose_secret() == new.expose_secret();
        let (user, _) = self.proved(username, current, from).await?;
        if is_same {
            return Err(ChangeError::Same);
        }
        let hash = self.hash_password(new).await?;
        let (user_id, address) = (user.user_id, &from.address);
        let deed = from.deed("authn_password_change", user_id, &user.username, None);
        let store = &self.inner.store;
        if !store.change_password(user_id, user.password_hash, hash, deed).await? {
            return Err(denied(Some(&user.username), from).into());
        }
        tracing::info!(%user_id, username = user.username, address, "authn_password_change");
        Ok(())
    }
}
