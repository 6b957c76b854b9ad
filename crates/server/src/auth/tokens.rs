//! Tokens of machines: made, shown once, and known again by their hash.
//!
//! Refuses to give more than their owner has, and to last for ever.

use super::keyring::Verified;
use super::opaque::{Kind, Opaque, sha256};
use super::session::{Basis, Session, hash_of};
use super::{Auth, MintError, Origin, VerifyError, clock};
use crate::config::AuthConfig;
use model::Timestamp;
use model::command::later;
use model::id::{FleetId, SessionId, UserId};
use model::user::Role;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;
use store::{AuditEntry, Issued, NewToken, Sight, Store, StoreError, Token};

/// Bytes of a token: its prefix, and 256 bits in base64.
const LENGTH: usize = 47;

/// The token that somebody wants.
#[derive(Debug)]
pub struct TokenWish {
    /// What people call it.
    pub name: String,
    /// What it shall be; `None` = what its owner is.
    pub role: Option<Role>,
    /// The only fleets that it shall see; `None` = those that its owner sees.
    pub fleets: Option<Vec<FleetId>>,
    /// When it shall end.
    pub expires_at: Timestamp,
}

/// Whose token it becomes, and what there is to give.
#[derive(Debug, Clone, Copy)]
pub struct TokenOwner {
    /// Who.
    pub user_id: UserId,
    /// What they are.
    pub role: Role,
    /// What they see.
    pub sight: Sight,
    /// The login that makes it; `None` for `fleetwire admin`.
    pub issuer: Option<SessionId>,
}

impl From<&Session> for TokenOwner {
    fn from(session: &Session) -> Self {
        let (user_id, role) = (session.user_id(), session.role());
        Self { user_id, role, sight: session.sight(), issuer: session.session_id() }
    }
}

/// How long a token may live, and how many a user may have.
#[derive(Debug, Clone, Copy)]
pub struct TokenBounds {
    /// Its longest life.
    pub life: Duration,
    /// How many of one user.
    pub count: u32,
}

impl From<&AuthConfig> for TokenBounds {
    fn from(config: &AuthConfig) -> Self {
        Self { life: config.token_life, count: config.max_tokens_per_user }
    }
}

/// A new token. Its secret is nowhere else.
#[derive(Debug)]
pub struct ApiToken {
    /// What is stored of it.
    pub token: Token,
    /// What opens it.
    pub secret: SecretString,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It would be more than its owner.
    #[error("its role must not permit what its owner may not do")]
    Role,
    /// It would see what its owner does not, or what is not there.
    #[error("it names a fleet that its owner does not see")]
    Fleets,
    /// It would be over already, or last too long.
    #[error("its end must be in the future, and at most {} days away", .0.as_secs() / 86_400)]
    End(Duration),
    /// Its owner has too many.
    #[error("its owner has {0} tokens: revoke one")]
    TooMany(u32),
    /// Its owner may not log in any more, or the login that makes it has ended.
    #[error("its owner may not log in")]
    Denied,
    /// It could not be made.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ApiToken {
    /// Makes a token. `deed` makes the audit row of an object and its details.
    ///
    /// # Errors
    ///
    /// Every [`TokenError`].
    pub async fn issue(
        store: &Store,
        bounds: TokenBounds,
        owner: TokenOwner,
        wish: TokenWish,
        deed: impl FnOnce(String, Value) -> AuditEntry,
    ) -> Result<Self, TokenError> {
        let role = wish.role.unwrap_or(owner.role);
        if !role.is_within(owner.role) {
            return Err(TokenError::Role);
        }
        let now = store.now();
        if wish.expires_at <= now || wish.expires_at > later(now, bounds.life) {
            return Err(TokenError::End(bounds.life));
        }
        let fleets = wish.fleets.map(distinct);
        if !store.are_seen(owner.sight, fleets.as_deref().unwrap_or_default()).await? {
            return Err(TokenError::Fleets);
        }
        let (session_id, drawn) = (SessionId::new(), Opaque::draw(Kind::Api)?);
        let TokenWish { name, expires_at, .. } = wish;
        let of = owner.user_id;
        let details = json!({
            "name": name, "user_id": of, "role": role, "fleets": fleets, "expires_at": expires_at,
        });
        let audit = deed(object(session_id), details);
        let (user_id, issuer, token_hash) = (owner.user_id, owner.issuer, drawn.hash);
        let new =
            NewToken { session_id, user_id, token_hash, name, role, fleets, expires_at, issuer };
        match store.issue_token(new, bounds.count, audit).await? {
            Issued::Stored(token) => Ok(Self { token: *token, secret: drawn.secret }),
            Issued::TooMany => Err(TokenError::TooMany(bounds.count)),
            Issued::Denied => Err(TokenError::Denied),
        }
    }
}

/// What is named twice is one.
fn distinct(mut fleets: Vec<FleetId>) -> Vec<FleetId> {
    fleets.sort_unstable();
    fleets.dedup();
    fleets
}

/// What the audit calls a token; its deeds have the same hash.
fn object(id: SessionId) -> String {
    format!("token/{}", hash_of(id))
}

/// Ends a token. `false` if there is none of that id that is alive and, where `of` says whose it has
/// to be, of that user. `deed` makes the audit row of an object.
///
/// # Errors
///
/// [`StoreError`] as for any write.
pub async fn revoke_token(
    store: &Store,
    id: SessionId,
    of: Option<UserId>,
    deed: impl FnOnce(String) -> AuditEntry,
) -> Result<bool, StoreError> {
    store.end_token(id, of, deed(object(id))).await
}

impl Auth {
    /// Makes a token of the holder of a session.
    ///
    /// # Errors
    ///
    /// Every [`TokenError`].
    pub async fn issue_api_token(
        &self,
        session: &Session,
        wish: TokenWish,
        from: &Origin,
    ) -> Result<ApiToken, TokenError> {
        let Self { inner } = self;
        let deed = |object, details| {
            from.detailed_deed_of(session, "authn_token_created", object, details)
        };
        ApiToken::issue(&inner.store, inner.settings.tokens, session.into(), wish, deed).await
    }

    /// What the token of a machine says: asked of the store once, and then remembered.
    pub(super) async fn check_api_token(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Verified, VerifyError> {
        if token.len() != LENGTH {
            return Err(VerifyError::Invalid);
        }
        let hash = sha256(token.as_bytes());
        if let Some(verified) = self.inner.verified.recall(&hash) {
            return verified.alive(now);
        }
        let found = self.inner.store.session_of_token(&hash).await?;
        let (session_id, user_id, expires_at) = found.ok_or(VerifyError::Invalid)?;
        let verified = Verified { basis: Basis::Session(session_id), user_id, expires_at };
        self.inner.verified.remember(hash, verified);
        verified.alive(clock::now())
    }
}
