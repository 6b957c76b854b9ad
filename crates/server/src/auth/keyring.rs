//! The keys that sign access tokens, and what a token must say to be believed.
//!
//! Refuses to let a token choose: the key decides the algorithm, and nothing in a header is followed.

use super::master_key::MasterKey;
use super::session::Basis;
use super::{MintError, OpenError, VerifyError};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use model::Timestamp;
use model::id::{SessionId, UserId};
use model::user::Role;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use store::{Ring, SigningKey, Store};

/// Who issues our tokens, and for whom they are.
const US: &str = "fleetwire";
/// The `typ` of a token that gives access.
const ACCESS: &str = "access";
/// The `kid` of the shared secret.
const SECRET_KID: &str = "jwt-secret";
/// Bytes of the shortest shared secret.
pub(super) const SECRET_BYTES: usize = 32;
/// Bytes of the longest token that is looked at.
const LONGEST_TOKEN: usize = 4096;
/// Characters of the longest `kid` that is looked up.
const LONGEST_KID: usize = 64;
/// How long after its making a key is known to every server: they read the ring every second.
const KNOWN_AFTER: Duration = Duration::from_secs(5);
/// How far the clock of whoever made a token may be ahead of ours.
const LEEWAY_SECONDS: u64 = 30;

/// The claims of an access token. Name and role are a courtesy to clients: what counts is what the
/// store says of the session.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: Option<String>,
    jti: String,
    iat: u64,
    nbf: u64,
    exp: u64,
    typ: String,
    username: Option<String>,
    role: Option<Role>,
}

/// Whom an access token is made for.
pub(super) struct Subject<'a> {
    pub(super) session_id: SessionId,
    pub(super) user_id: UserId,
    pub(super) username: &'a str,
    pub(super) role: Role,
}

/// What a token that is in order says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) basis: Basis,
    pub(super) user_id: UserId,
    pub(super) expires_at: Timestamp,
}

/// The keys that are known at some time.
pub(super) struct Keyring {
    kid: String,
    signing: EncodingKey,
    verifying: HashMap<String, VerifyingKey>,
    secret: Option<VerifyingKey>,
    published: Value,
    /// Each key, and when it is retired.
    terms: Vec<(String, Option<Timestamp>)>,
}

struct VerifyingKey {
    key: DecodingKey,
    rules: Validation,
    /// Whether its tokens always name a session.
    names_session: bool,
    /// When the last token that it signed has ended; `None` = it has not been retired.
    ends_at: Option<Timestamp>,
}

impl VerifyingKey {
    fn new(algorithm: Algorithm, key: DecodingKey) -> Self {
        let mut rules = Validation::new(algorithm);
        // The claims are checked below, against a clock that comes in as an argument.
        rules.required_spec_claims.clear();
        (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
        Self { key, rules, names_session: true, ends_at: None }
    }

    fn shared(secret: &SecretString) -> Result<Self, OpenError> {
        let secret = secret.expose_secret().as_bytes();
        if secret.len() < SECRET_BYTES {
            return Err(OpenError::ShortSecret);
        }
        let key = Self::new(Algorithm::HS256, DecodingKey::from_secret(secret));
        Ok(Self { names_session: false, ..key })
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.ends_at.is_some_and(|end| end <= now)
    }
}

impl Keyring {
    /// Reads the keys, and makes the first one if there is none.
    pub(super) async fn load(
        store: &Store,
        master: &MasterKey,
        secret: Option<&SecretString>,
        access_life: Duration,
    ) -> Result<Self, OpenError> {
        let mut keys = store.signing_keys(Ring::Tokens).await?;
        if keys.is_empty() {
            let first = master.make_key(store.now())?;
            keys = store.first_signing_key(Ring::Tokens, first).await?;
        }
        Self::of(&keys, master, secret, (access_life, store.now()))
    }

    /// What these keys are good for at some time.
    pub(super) fn of(
        keys: &[SigningKey],
        master: &MasterKey,
        secret: Option<&SecretString>,
        (access_life, now): (Duration, Timestamp),
    ) -> Result<Self, OpenError> {
        let secret = secret.map(VerifyingKey::shared).transpose()?;
        let signing = signing(keys, now).ok_or(OpenError::Retired)?;
        let private = master.open(&signing.kid, &signing.private_key)?;
        Ok(Self {
            kid: signing.kid.clone(),
            signing: EncodingKey::from_ed_der(&private),
            verifying: keys.iter().map(|key| verifying(key, access_life)).collect(),
            secret,
            published: json!({ "keys": keys.iter().map(published).collect::<Vec<_>>() }),
            terms: terms(keys),
        })
    }

    /// The name of the key that signs.
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether these keys, at that time, make the same ring.
    pub(super) fn is_of(&self, keys: &[SigningKey], now: Timestamp) -> bool {
        let signing = signing(keys, now).map(|key| key.kid.as_str());
        signing == Some(&*self.kid) && self.terms == terms(keys)
    }

    /// The public keys as a JWKS.
    pub(super) fn published(&self) -> Value {
        self.published.clone()
    }

    /// Makes an access token; both times count in whole seconds.
    pub(super) fn sign(
        &self,
        subject: &Subject<'_>,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<SecretString, MintError> {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = Claims {
            iss: US.into(),
            aud: US.into(),
            sub: subject.user_id.to_string(),
            sid: Some(subject.session_id.to_string()),
            jti: uuid::Uuid::now_v7().to_string(),
            iat: seconds(now),
            nbf: seconds(now),
            exp: seconds(expires_at),
            typ: ACCESS.into(),
            username: Some(subject.username.into()),
            role: Some(subject.role),
        };
        let token = jsonwebtoken::encode(&header, &claims, &self.signing);
        Ok(token.map_err(MintError::Sign)?.into())
    }

    /// Checks the signature, then what the token says.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Result<Verified, VerifyError> {
        if token.len() > LONGEST_TOKEN {
            return Err(VerifyError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| VerifyError::Invalid)?;
        // We understand no extension, so none may be critical.
        let key = self.select(&header).filter(|key| header.crit.is_none() && !key.is_over(now));
        let key = key.ok_or(VerifyError::Invalid)?;
        let decoded = jsonwebtoken::decode::<Claims>(token, &key.key, &key.rules);
        decoded.map_err(|_| VerifyError::Invalid)?.claims.check(key, now)
    }

    fn select(&self, header: &Header) -> Option<&VerifyingKey> {
        match header.kid.as_deref() {
            None | Some(SECRET_KID) => self.secret.as_ref(),
            Some(kid) if kid.len() <= LONGEST_KID => self.verifying.get(kid),
            Some(_) => None,
        }
    }
}

impl Claims {
    fn check(&self, key: &VerifyingKey, now: Timestamp) -> Result<Verified, VerifyError> {
        let expires_at = i64::try_from(self.exp).map_err(|_| VerifyError::Invalid)?;
        let expires_at = Timestamp::from_second(expires_at).map_err(|_| VerifyError::Invalid)?;
        let latest = seconds(now).saturating_add(LEEWAY_SECONDS);
        let is_ours = self.iss == US && self.aud == US && !self.jti.is_empty();
        if !is_ours || self.iat > latest || self.nbf > latest {
            return Err(VerifyError::Invalid);
        }
        if expires_at <= now {
            return Err(VerifyError::Expired);
        }
        if self.typ != ACCESS {
            return Err(VerifyError::WrongKind);
        }
        let user_id = self.sub.parse().map_err(|_| VerifyError::Invalid)?;
        Ok(Verified { basis: self.basis(key, user_id)?, user_id, expires_at })
    }

    fn basis(&self, key: &VerifyingKey, user_id: UserId) -> Result<Basis, VerifyError> {
        match &self.sid {
            Some(sid) => sid.parse().map(Basis::Session).map_err(|_| VerifyError::Invalid),
            None if key.names_session => Err(VerifyError::Invalid),
            None => Ok(Basis::User(user_id)),
        }
    }
}

fn terms(keys: &[SigningKey]) -> Vec<(String, Option<Timestamp>)> {
    keys.iter().map(|key| (key.kid.clone(), key.retired_at)).collect()
}

/// The newest of those that every server has read by now, or else the oldest.
fn signing(keys: &[SigningKey], now: Timestamp) -> Option<&SigningKey> {
    let in_service = || keys.iter().filter(|key| key.retired_at.is_none_or(|at| at > now));
    let is_known = |key: &&SigningKey| {
        key.created_at.checked_add(KNOWN_AFTER).is_ok_and(|known_at| known_at <= now)
    };
    in_service().rfind(is_known).or_else(|| in_service().next())
}

fn verifying(key: &SigningKey, access_life: Duration) -> (String, VerifyingKey) {
    let public = DecodingKey::from_ed_der(&key.public_key);
    let ends_at = key.retired_at.map(|at| at.checked_add(access_life).unwrap_or(Timestamp::MAX));
    let verifying = VerifyingKey { ends_at, ..VerifyingKey::new(Algorithm::EdDSA, public) };
    (key.kid.clone(), verifying)
}

fn published(key: &SigningKey) -> Value {
    json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "use": "sig",
        "kid": key.kid,
        "x": URL_SAFE_NO_PAD.encode(&key.public_key),
    })
}

/// Whole seconds since 1970.
fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_second()).unwrap_or(0)
}

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
#[cfg(test)]
mod tests;
