//! Who somebody is, and what they may do: logins, tokens, tickets and sessions.
//!
//! Refuses HTTP, and refuses to keep or log a secret: the store has hashes, the log has names.

mod change;
pub(crate) mod keyring;
mod keys;
mod login;
mod master_key;
pub(crate) mod names;
#[cfg(feature = "oidc")]
pub(crate) mod oidc;
pub(crate) mod opaque;
pub mod password;
mod session;
mod throttle;
mod tokens;
mod uses;
mod verified;

pub use change::ChangeError;
pub use keys::rotate_keys;
pub use login::{LoginError, RefreshError, Tokens};
pub use master_key::MasterKey;
#[cfg(feature = "oidc")]
pub use oidc::SetupError as OidcError;
pub use password::PasswordError;
pub use session::Session;
pub(crate) use session::hash_of;
pub use throttle::Limits;
pub use tokens::{ApiToken, TokenBounds, TokenError, TokenOwner, TokenWish, revoke_token};

use crate::clock;
use crate::config::Config;
use keyring::SECRET_BYTES;
use keys::Keys;
use model::Timestamp;
use model::id::CommandId;
use opaque::{Kind, Opaque, sha256};
use password::Threads;
use secrecy::SecretString;
use serde_json::json;
use session::{Basis, Recalled, Sessions};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{AuditEntry, Redeemed, Store, StoreError};
use throttle::Gate;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use uses::Uses;
use verified::VerifiedTokens;

/// How often changes of rights are asked for.
const FOLLOW: Duration = Duration::from_millis(500);
/// How often the ring of keys is read.
const FOLLOW_KEYS: Duration = Duration::from_secs(1);
/// How far back they are asked for each time: a change becomes visible when its transaction commits,
/// which on a PostgreSQL under stress is seconds after its time.
const OVERLAP: Duration = Duration::from_secs(15);

/// How long things live, and what is tolerated.
#[derive(Clone)]
pub struct Settings {
    /// Life of an access token.
    pub access_life: Duration,
    /// Life of a session that is not refreshed.
    pub refresh_idle: Duration,
    /// Longest life of a session.
    pub session_life: Duration,
    /// Life of a ticket.
    pub ticket_life: Duration,
    /// How long tokens of machines may live, and how many a user may have.
    pub tokens: TokenBounds,
    /// A key that others sign tokens with; `None` = only our own tokens are believed.
    pub jwt_secret: Option<SecretString>,
    /// Passwords hashed at the same time.
    pub hash_threads: usize,
    /// How much guessing is tolerated.
    pub limits: Limits,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            access_life: config.auth.access_life,
            refresh_idle: config.auth.refresh_idle,
            session_life: config.auth.session_life,
            ticket_life: config.auth.ticket_life,
            tokens: TokenBounds::from(&config.auth),
            jwt_secret: config.jwt_secret.clone(),
            hash_threads: config.auth.hash_threads,
            limits: Limits::default(),
        }
    }
}

/// Where a request came from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The client's address, without port.
    pub address: String,
    /// The id of the request; `None` if it has none.
    pub request_id: Option<String>,
    /// The W3C trace that the request belongs to; `None` outside a request.
    pub trace_id: Option<String>,
}

impl Origin {
    /// What the holder of a session did from here, for the audit: successfully, to `object`, for
    /// example `fleet/01890a5d-…`.
    pub(crate) fn deed_of(
        &self,
        session: &Session,
        action: &'static str,
        object: String,
    ) -> AuditEntry {
        AuditEntry {
            action,
            actor_id: Some(session.user_id()),
            actor: session.username().to_owned(),
            session_hash: session.session_hash(),
            address: Some(self.address.clone()),
            request_id: self.request_id.clone(),
            object,
            outcome: "success",
            reason: None,
            details: session.api_token().map(|name| json!({ "api_token": name })),
        }
    }

    /// The same, with what else is worth knowing.
    pub(crate) fn detailed_deed_of(
        &self,
        session: &Session,
        action: &'static str,
        object: String,
        mut details: serde_json::Value,
    ) -> AuditEntry {
        if let (Some(name), Some(details)) = (session.api_token(), details.as_object_mut()) {
            details.insert("api_token".to_owned(), name.into());
        }
        AuditEntry { details: Some(details), ..self.deed_of(session, action, object) }
    }
}

/// What a token that is in order gives.
#[derive(Debug, Clone)]
pub struct Pass {
    /// Who it is.
    pub session: Arc<Session>,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// A secret that opens one socket, once.
#[derive(Debug)]
pub struct Ticket {
    /// The secret.
    pub ticket: SecretString,
    /// How long it is good.
    pub expires_in: Duration,
}

/// Why nobody can be logged in.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file with the master key can neither be read nor made.
    #[error("cannot read or make the master key {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file with the master key holds something else.
    #[error("the master key {} must have 32 bytes", path.display())]
    Length {
        /// Which file.
        path: PathBuf,
    },
    /// Others can read the file with the master key.
    #[error("the master key {0} can be read by others: run chmod 600 {0}", path.display())]
    Readable {
        /// Which file.
        path: PathBuf,
    },
    /// The signing keys were encrypted with another master key.
    #[error("the signing keys in the database were encrypted with another master key")]
    WrongMasterKey,
    /// Every signing key has been retired.
    #[error("every signing key in the database has been retired")]
    Retired,
    /// The secret that tokens of others are signed with can be guessed.
    #[error("the JWT secret must have at least {SECRET_BYTES} bytes")]
    ShortSecret,
    /// The cryptography failed.
    #[error("no key can be made")]
    Crypto,
    /// The store did not answer.
    #[error("the signing keys cannot be read")]
    Store(#[from] StoreError),
}

/// Why a token or ticket opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// There is none.
    #[error("token missing")]
    Missing,
    /// It is not one of ours, or not in order.
    #[error("token invalid")]
    Invalid,
    /// It was good once.
    #[error("token expired")]
    Expired,
    /// It is good for something else.
    #[error("wrong kind of token")]
    WrongKind,
    /// Its session has ended, or its user may not log in any more.
    #[error("token revoked")]
    Revoked,
    /// The store did not answer.
    #[error("the session cannot be looked up")]
    Store(#[from] StoreError),
}

impl VerifyError {
    /// A short text for a close frame.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "token missing",
            Self::Invalid => "token invalid",
            Self::Expired => "token expired",
            Self::WrongKind => "wrong kind of token",
            Self::Revoked => "token revoked",
            Self::Store(_) => "service unavailable",
        }
    }
}

/// Why a token could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The system gave no random bits.
    #[error("no random bits")]
    Random,
    /// The key did not sign.
    #[error("the token could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// Why there is no ticket.
#[derive(Debug, thiserror::Error)]
pub enum TicketError {
    /// The caller's token was made without a login, so that no login could end the ticket.
    #[error("a ticket needs a session")]
    NoSession,
    /// It could not be made.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The one who knows who is who; cheap to clone.
#[derive(Clone)]
pub struct Auth {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    settings: Settings,
    keys: Keys,
    verified: VerifiedTokens,
    sessions: Sessions,
    uses: Uses,
    threads: Threads,
    gate: Gate,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

impl Auth {
    /// Loads the keys; makes the first one if there is none.
    ///
    /// # Errors
    ///
    /// [`OpenError`], in a sentence that says what is wrong.
    pub async fn open(
        store: Store,
        master_key: MasterKey,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let keys = Keys::open(&store, master_key, &settings).await?;
        let inner = Inner {
            keys,
            verified: VerifiedTokens::new(),
            sessions: Sessions::new(),
            uses: Uses::new(),
            threads: Threads::new(settings.hash_threads),
            gate: Gate::new(settings.limits.clone()),
            store,
            settings,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Checks an access token or the token of a machine, and that its session is alive.
    ///
    /// # Errors
    ///
    /// Every [`VerifyError`]; `Store` only if nothing is remembered of the session.
    pub async fn verify(&self, token: &str) -> Result<Pass, VerifyError> {
        if token.is_empty() {
            return Err(VerifyError::Missing);
        }
        let now = clock::now();
        let verified = match Kind::of(token) {
            None => self.inner.verified.check(token, now, &self.inner.keys.ring())?,
            Some(Kind::Api) => self.check_api_token(token, now).await?,
            Some(Kind::Refresh | Kind::Ticket) => return Err(VerifyError::WrongKind),
        };
        let session = self.session(verified.basis).await?.ok_or(VerifyError::Revoked)?;
        if session.user_id() != verified.user_id {
            return Err(VerifyError::Invalid);
        }
        if let (Some(_), Some(token)) = (session.api_token(), session.session_id()) {
            self.inner.uses.note(token, now);
        }
        let expires_at = session.end_of(verified.expires_at);
        Ok(Pass { session, expires_at })
    }

    /// Makes a ticket; `None` = good for any command.
    ///
    /// # Errors
    ///
    /// Every [`TicketError`].
    pub async fn issue_ticket(
        &self,
        session: &Session,
        command_id: Option<CommandId>,
    ) -> Result<Ticket, TicketError> {
        let session_id = session.session_id().ok_or(TicketError::NoSession)?;
        let Opaque { secret: ticket, hash } = Opaque::draw(Kind::Ticket)?;
        let stands_for = Redeemed { session_id, command_id };
        let expires_in = self.inner.settings.ticket_life;
        self.inner.store.issue_ticket(hash, stands_for, expires_in).await?;
        Ok(Ticket { ticket, expires_in })
    }

    /// Uses a ticket up. Gives access as long as a token that is made now, to the one command that
    /// comes with it; `None` = to any.
    ///
    /// # Errors
    ///
    /// Every [`VerifyError`]; a ticket that was used or is too old is `Invalid`.
    pub async fn redeem_ticket(
        &self,
        ticket: &str,
    ) -> Result<(Pass, Option<CommandId>), VerifyError> {
        match Kind::of(ticket) {
            Some(Kind::Ticket) => {}
            Some(Kind::Refresh | Kind::Api) => return Err(VerifyError::WrongKind),
            None if ticket.is_empty() => return Err(VerifyError::Missing),
            None if jsonwebtoken::decode_header(ticket).is_ok() => {
                return Err(VerifyError::WrongKind);
            }
            None => return Err(VerifyError::Invalid),
        }
        let hash = sha256(ticket.as_bytes()).to_vec();
        let redeemed = self.inner.store.redeem_ticket(hash).await?.ok_or(VerifyError::Invalid)?;
        let basis = Basis::Session(redeemed.session_id);
        let session = self.session(basis).await?.ok_or(VerifyError::Revoked)?;
        let expires_at = session.end_of(self.access_end(clock::now()));
        Ok((Pass { session, expires_at }, redeemed.command_id))
    }

    /// Looks again after [`Session::changed`]; `None` = the session has ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if nobody knows. The session goes on until somebody does: ask again later.
    pub async fn recheck(&self, session: &Session) -> Result<Option<Arc<Session>>, StoreError> {
        self.session(session.basis()).await
    }

    /// Ends a session: here at once, on other nodes within a second. A token without a session has
    /// nothing to end.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn logout(&self, session: &Session, from: &Origin) -> Result<(), StoreError> {
        if let Some(session_id) = session.session_id() {
            let (user_id, username) = (session.user_id(), session.username());
            let deed = from.deed_of(session, "session_logout", format!("user/{user_id}"));
            self.inner.store.end_session(session_id, deed).await?;
            self.inner.sessions.forget(session.basis());
            tracing::info!(%user_id, username, address = from.address, "session_logout");
        }
        Ok(())
    }

    /// The public keys, as a JWKS.
    pub fn jwks(&self) -> serde_json::Value {
        self.inner.keys.ring().published()
    }

    /// Hashes a password that is good enough, on one of the threads for that.
    ///
    /// # Errors
    ///
    /// Every [`PasswordError`].
    pub async fn hash_password(&self, password: SecretString) -> Result<String, PasswordError> {
        self.inner.threads.hash(password).await
    }

    /// Forgets what has changed in the store, until `shutdown`: sockets learn it by
    /// [`Session::changed`], whichever node made the change.
    pub async fn follow_changes(&self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(FOLLOW);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut followed_at = self.inner.store.now();
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            // A failed look leaves the time where it is: nothing is missed while the store is away.
            let asked_at = self.inner.store.now();
            match shutdown.run_until_cancelled(self.forget_changed_since(followed_at)).await {
                Some(Ok(())) => followed_at = asked_at,
                Some(Err(error)) => tracing::warn!(%error, "changes of rights cannot be followed"),
                None => return,
            }
        }
    }

    /// Follows the ring of keys, until `shutdown`.
    pub async fn follow_keys(&self, shutdown: CancellationToken) {
        let Inner { keys, store, settings, .. } = &*self.inner;
        let mut ticks = tokio::time::interval(FOLLOW_KEYS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = keys.follow(store, settings).await {
                tracing::warn!(%error, "the ring of keys cannot be followed");
            }
        }
    }

    async fn forget_changed_since(&self, followed_at: Timestamp) -> Result<(), StoreError> {
        let since = followed_at.checked_sub(OVERLAP).unwrap_or(Timestamp::MIN);
        let changes = self.inner.store.access_changed_since(since).await?;
        self.inner.sessions.forget_changed(&changes);
        Ok(())
    }

    /// The session behind a basis, remembered or read; `None` if it has ended.
    async fn session(&self, basis: Basis) -> Result<Option<Arc<Session>>, StoreError> {
        let session = match self.inner.sessions.recall(basis, Instant::now()) {
            Recalled::Fresh(session) => Some(session),
            Recalled::Aged(session) => self.read(basis).await.unwrap_or(Some(session)),
            Recalled::Unknown => self.read(basis).await?,
        };
        Ok(session.filter(|session| !session.is_over(self.inner.store.now())))
    }

    async fn read(&self, basis: Basis) -> Result<Option<Arc<Session>>, StoreError> {
        let (read_at, now) = (self.inner.store.now(), Instant::now());
        let access = match basis {
            Basis::Session(id) => self.inner.store.access(id).await?,
            Basis::User(id) => self.inner.store.access_of_user(id).await?,
        };
        let Some(access) = access else {
            self.inner.sessions.forget(basis);
            return Ok(None);
        };
        Ok(Some(self.inner.sessions.remember(Session::new(basis, access), read_at, now)))
    }

    /// When an access token that is made now ends.
    fn access_end(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.inner.settings.access_life).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests;
