//! From a password to a session, and from a refresh token to the next.
//!
//! Refuses to tell why: whoever has no right to know hears one answer for every cause, equally late.

use super::keyring::Subject;
use super::opaque::{Kind, Opaque, sha256};
use super::password::{Busy, NOBODY, Proof};
use super::session::{Basis, Session, hash_of};
use super::{Auth, MintError, Origin, clock};
use crate::observe;
use model::id::{SessionId, UserId};
use secrecy::SecretString;
use std::time::Duration;
use store::{AuditEntry, NewSession, Rotation, StoreError, User};

/// Bytes of the longest name that is looked up.
const LONGEST_NAME: usize = 256;
/// When to come back if every thread is hashing.
const THREAD_WAIT: Duration = Duration::from_secs(2);

/// What a login gives.
#[derive(Debug)]
pub struct Tokens {
    /// Gives access to the API.
    pub access_token: SecretString,
    /// Exchanges for the next pair, once.
    pub refresh_token: SecretString,
    /// How long the access token lives, in whole seconds.
    pub expires_in: Duration,
}

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Name and password do not belong together, or their user may not log in.
    #[error("wrong user name or password")]
    Denied,
    /// The password is right, and somebody else has set it.
    #[error("the password has to be changed")]
    ChangeNeeded,
    /// Too many attempts.
    #[error("too many attempts")]
    Throttled {
        /// When the next one is looked at.
        retry_after: Duration,
    },
    /// The tokens could not be made.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a refresh token gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// It is unknown or used, or its session has ended.
    #[error("refresh token refused")]
    Denied,
    /// The tokens could not be made.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// Opens a session.
    ///
    /// # Errors
    ///
    /// Every [`LoginError`].
    pub async fn login(
        &self,
        username: &str,
        password: SecretString,
        from: &Origin,
    ) -> Result<Tokens, LoginError> {
        let (mut user, proof) = self.proved(username, password.clone(), from).await?;
        if user.must_change_password {
            return Err(LoginError::ChangeNeeded);
        }
        if proof.is_dated {
            user = self.rehash(user, password).await?;
        }
        self.open_session(&user, from).await
    }

    /// The user of that name, who may log in, if the password is theirs.
    pub(super) async fn proved(
        &self,
        username: &str,
        password: SecretString,
        from: &Origin,
    ) -> Result<(User, Proof), LoginError> {
        let attempt = self.inner.gate.admit(username, &from.address);
        let attempt = attempt.map_err(|wait| throttled(wait, from))?;
        let user = self.named(username).await?;
        let proof = self.prove(user.as_ref(), password).await;
        let proof = proof.map_err(|Busy| throttled(THREAD_WAIT, from))?;
        let known = user.as_ref().map(|user| user.username.clone());
        let Some(user) = user.filter(|user| proof.is_right && user.is_active) else {
            attempt.failed();
            return Err(denied(known.as_deref(), from));
        };
        attempt.succeeded();
        Ok((user, proof))
    }

    /// Exchanges a refresh token for the next pair. Presenting one twice ends the session: one of
    /// the two has stolen it.
    ///
    /// # Errors
    ///
    /// Every [`RefreshError`].
    pub async fn refresh(
        &self,
        refresh_token: &str,
        from: &Origin,
    ) -> Result<Tokens, RefreshError> {
        if Kind::of(refresh_token) != Some(Kind::Refresh) {
            return Err(RefreshError::Denied);
        }
        let presented = sha256(refresh_token.as_bytes()).to_vec();
        let next = Opaque::draw(Kind::Refresh)?;
        let idle = self.inner.settings.refresh_idle;
        let rotation = self.inner.store.rotate(presented, next.hash.clone(), idle, from.reuse());
        match rotation.await? {
            Rotation::Rotated(id, _) => {
                let session = self.session(Basis::Session(id)).await?;
                let session = session.ok_or(RefreshError::Denied)?;
                Ok(self.tokens(id, &session, next.secret)?)
            }
            Rotation::Reused(id, user_id) => {
                self.inner.sessions.forget(Basis::Session(id));
                tracing::warn!(%user_id, address = from.address, "authn_token_reuse");
                Err(RefreshError::Denied)
            }
            Rotation::Refused => Err(RefreshError::Denied),
        }
    }

    async fn named(&self, username: &str) -> Result<Option<User>, StoreError> {
        // A text that PostgreSQL cannot hold is nobody's name.
        if username.len() > LONGEST_NAME || username.contains('\0') {
            return Ok(None);
        }
        self.inner.store.user_named(username).await
    }

    /// Compares the password, with nobody's if there is no such user: that takes as long.
    async fn prove(&self, user: Option<&User>, password: SecretString) -> Result<Proof, Busy> {
        let hash = user.map_or(NOBODY, |user| user.password_hash.as_str());
        self.inner.threads.verify(hash.to_owned(), password).await
    }

    /// Stores the password under today's parameters. Waits for the next login if every thread is
    /// hashing.
    async fn rehash(&self, user: User, password: SecretString) -> Result<User, StoreError> {
        let new = match self.inner.threads.rehash(password).await {
            Ok(new) => new,
            Err(error) => {
                tracing::warn!(%error, "password not hashed again");
                return Ok(user);
            }
        };
        let old = user.password_hash.clone();
        self.inner.store.rehash(user.user_id, old, new.clone()).await?;
        Ok(User { password_hash: new, ..user })
    }

    async fn open_session(&self, user: &User, from: &Origin) -> Result<Tokens, LoginError> {
        let (id, refresh) = (SessionId::new(), Opaque::draw(Kind::Refresh)?);
        let new = NewSession {
            session_id: id,
            user_id: user.user_id,
            refresh_hash: refresh.hash,
            life: self.inner.settings.session_life,
            idle: self.inner.settings.refresh_idle,
        };
        let deed = from.deed("authn_login_success", user.user_id, &user.username, Some(id));
        let proved = user.password_hash.clone();
        if !self.inner.store.open_session(new, proved, deed).await? {
            return Err(denied(Some(&user.username), from));
        }
        // Whoever was disabled in the meantime has a session that gives no access.
        let session = self.session(Basis::Session(id)).await?.ok_or(LoginError::Denied)?;
        let (user_id, address) = (session.user_id(), &from.address);
        tracing::info!(%user_id, username = session.username(), address, "authn_login_success");
        Ok(self.tokens(id, &session, refresh.secret)?)
    }

    fn tokens(
        &self,
        session_id: SessionId,
        session: &Session,
        refresh_token: SecretString,
    ) -> Result<Tokens, MintError> {
        let now = clock::now();
        let expires_at = session.end_of(self.access_end(now));
        let subject = Subject {
            session_id,
            user_id: session.user_id(),
            username: session.username(),
            role: session.role(),
        };
        let access_token = self.inner.keys.ring().sign(&subject, now, expires_at)?;
        let life_s = expires_at.as_second().saturating_sub(now.as_second());
        let expires_in = Duration::from_secs(u64::try_from(life_s).unwrap_or(0));
        Ok(Tokens { access_token, refresh_token, expires_in })
    }
}

fn throttled(retry_after: Duration, from: &Origin) -> LoginError {
    observe::login_failed("throttled");
    tracing::warn!(address = from.address, ?retry_after, "excess_rate_limit_exceeded");
    LoginError::Throttled { retry_after }
}

/// `username` is that of a user who exists: what others type there may be their password.
pub(super) fn denied(username: Option<&str>, from: &Origin) -> LoginError {
    observe::login_failed("denied");
    tracing::warn!(username, address = from.address, "authn_login_fail");
    LoginError::Denied
}

impl Origin {
    /// What a user did at the door: no session is loaded yet, unlike for `deed_of`.
    pub(super) fn deed(
        &self,
        action: &'static str,
        user_id: UserId,
        username: &str,
        session_id: Option<SessionId>,
    ) -> AuditEntry {
        AuditEntry {
            action,
            actor_id: Some(user_id),
            actor: username.to_owned(),
            session_hash: session_id.map(hash_of),
            address: Some(self.address.clone()),
            request_id: self.request_id.clone(),
            object: format!("user/{user_id}"),
            outcome: "success",
            reason: None,
            details: None,
        }
    }

    /// Whoever presents a used token may be either of two: the entry accuses nobody.
    fn reuse(&self) -> AuditEntry {
        AuditEntry {
            object: "session".into(),
            outcome: "session ended",
            ..self.unknown("authn_token_reuse")
        }
    }

    /// What nobody whom we know does from here.
    pub(super) fn unknown(&self, action: &'static str) -> AuditEntry {
        AuditEntry {
            action,
            actor_id: None,
            actor: "unknown".into(),
            session_hash: None,
            address: Some(self.address.clone()),
            request_id: self.request_id.clone(),
            object: "unknown".into(),
            outcome: "success",
            reason: None,
            details: None,
        }
    }
}
