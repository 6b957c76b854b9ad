//! ID tokens: the keys of a provider, and what a token must say to be believed.
//!
//! Refuses to let a token choose: the key decides the algorithm, `kid` only selects among the keys
//! that the provider publishes, and nothing else in a header is looked at.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use model::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Bytes of the longest ID token.
const LONGEST: usize = 64 * 1024;
/// Characters of the longest `kid`.
const LONGEST_KID: usize = 64;
/// Bytes of the longest `sub`.
const LONGEST_SUBJECT: usize = 255;
/// Keys of a provider that are looked at.
const MOST_KEYS: usize = 64;
/// How far the clock of the provider may be from ours.
const LEEWAY_SECONDS: u64 = 30;

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Untrusted {
    /// It is no token, or one for something else.
    #[error("no ID token")]
    Malformed,
    /// The provider has no such key.
    #[error("signed by no key of the provider")]
    UnknownKey,
    /// The key did not sign it, or not by its algorithm.
    #[error("the signature is wrong")]
    Signature,
    /// A claim is missing, or of another type.
    #[error("a claim is missing or of the wrong type")]
    Claims,
    /// It comes from somebody else.
    #[error("issued by somebody else")]
    Issuer,
    /// It is meant for somebody else.
    #[error("meant for somebody else")]
    Audience,
    /// It is over, or of the future.
    #[error("not of this time")]
    Time,
    /// It is of another sign-in.
    #[error("of another sign-in")]
    Nonce,
}

/// What a token that is in order says.
#[derive(Debug)]
pub(crate) struct Said {
    pub(super) subject: String,
    pub(super) all: Map<String, Value>,
}

impl Said {
    /// A claim by its name, or by a JSON pointer.
    pub(super) fn at(&self, claim: &str) -> Option<&Value> {
        let Some(path) = claim.strip_prefix('/') else { return self.all.get(claim) };
        let (first, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
        self.all.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(rest)
    }
}

/// What a token is held against.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
}

/// The keys that a provider signs with.
#[derive(Default)]
pub(crate) struct Keys(Vec<Key>);

struct Key {
    kid: Option<String>,
    verifies: DecodingKey,
    rules: Validation,
}

/// A set as it is published; keys of kinds that we do not know are passed over.
#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: u64,
    iat: u64,
    nbf: Option<u64>,
    nonce: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Keys {
    /// Reads a published set; `None` if it is none.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let published: Published = serde_json::from_slice(body).ok()?;
        let keys = published.keys.into_iter().take(MOST_KEYS);
        Some(Self(keys.filter_map(Key::read).collect()))
    }

    /// Checks the signature, then what the token says.
    pub(crate) fn verify(
        &self,
        token: &str,
        expected: &Expected<'_>,
        now: Timestamp,
    ) -> Result<Said, Untrusted> {
        if token.len() > LONGEST {
            return Err(Untrusted::Malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Untrusted::Malformed)?;
        // We understand no extension, so none may be critical; and other kinds of tokens say so.
        let is_plain = header.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case("jwt"));
        if header.crit.is_some() || !is_plain {
            return Err(Untrusted::Malformed);
        }
        let key = self.select(&header).ok_or(Untrusted::UnknownKey)?;
        let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &key.verifies, &key.rules);
        let all = decoded.map_err(|_| Untrusted::Signature)?.claims;
        let claims = Claims::deserialize(Value::Object(all.clone()));
        let subject = claims.map_err(|_| Untrusted::Claims)?.check(expected, now)?;
        Ok(Said { subject, all })
    }

    /// Without a name, a token is of the only key that there is.
    fn select(&self, header: &Header) -> Option<&Key> {
        match (&header.kid, self.0.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(kid), _) if kid.len() > LONGEST_KID => None,
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_ref() == Some(kid)),
        }
    }
}

impl Key {
    fn read(published: Value) -> Option<Self> {
        let jwk = Jwk::deserialize(published).ok()?;
        if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        let mut rules = Validation::new(algorithm(&jwk)?);
        // The claims are checked below, against a clock that comes in as an argument.
        rules.required_spec_claims.clear();
        (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
        let verifies = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { kid: jwk.common.key_id, verifies, rules })
    }
}

/// The one algorithm of a key; `None` = none that we believe: not a secret one above all.
#[expect(clippy::wildcard_enum_match_arm, reason = "the enums are not exhaustive")]
fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    let natural = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => return rsa(jwk.common.key_algorithm),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => Algorithm::ES256,
            EllipticCurve::P384 => Algorithm::ES384,
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        _ => return None,
    };
    let said = jwk.common.key_algorithm;
    said.is_none_or(|said| said == KeyAlgorithm::from(natural)).then_some(natural)
}

fn rsa(said: Option<KeyAlgorithm>) -> Option<Algorithm> {
    match said {
        None | Some(KeyAlgorithm::RS256) => Some(Algorithm::RS256),
        Some(KeyAlgorithm::RS384) => Some(Algorithm::RS384),
        Some(KeyAlgorithm::RS512) => Some(Algorithm::RS512),
        Some(KeyAlgorithm::PS256) => Some(Algorithm::PS256),
        Some(KeyAlgorithm::PS384) => Some(Algorithm::PS384),
        Some(KeyAlgorithm::PS512) => Some(Algorithm::PS512),
        Some(_) => None,
    }
}

impl Claims {
    fn check(self, expected: &Expected<'_>, now: Timestamp) -> Result<String, Untrusted> {
        if self.iss != expected.issuer {
            return Err(Untrusted::Issuer);
        }
        if !self.is_for(expected.client_id) {
            return Err(Untrusted::Audience);
        }
        if !self.is_of(now) {
            return Err(Untrusted::Time);
        }
        if self.nonce != expected.nonce {
            return Err(Untrusted::Nonce);
        }
        let length = (1..=LONGEST_SUBJECT).contains(&self.sub.len());
        if !length || self.sub.chars().any(char::is_control) {
            return Err(Untrusted::Claims);
        }
        Ok(self.sub)
    }

    /// Whether we are meant, and if others are meant too, are the one that it was issued to.
    fn is_for(&self, client_id: &str) -> bool {
        let (is_meant, is_alone) = match &self.aud {
            Audience::One(aud) => (aud == client_id, true),
            Audience::Several(all) => (all.iter().any(|aud| aud == client_id), all.len() == 1),
        };
        let is_party = self.azp.as_deref().map_or(is_alone, |azp| azp == client_id);
        is_meant && is_party
    }

    fn is_of(&self, now: Timestamp) -> bool {
        let now = u64::try_from(now.as_second()).unwrap_or(0);
        let latest = now.saturating_add(LEEWAY_SECONDS);
        let has_begun = self.iat <= latest && self.nbf.is_none_or(|nbf| nbf <= latest);
        has_begun && self.exp.saturating_add(LEEWAY_SECONDS) > now
    }
}

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
#[cfg(test)]
mod tests;
