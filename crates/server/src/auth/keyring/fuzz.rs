//! Access tokens, read by a fuzz target: as they come, and with a signature that is right.
//!
//! Refuses to be an interface: it is compiled for `fuzz/` and for the replay of its seeds only.

use super::{ACCESS, Algorithm, Keyring, MasterKey, US, Value};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use model::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use std::sync::LazyLock;
use std::time::Duration;

/// The shared secret of the seeds.
const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The moment at which the seeds are good.
const NOW: i64 = 1_800_000_000;

static RING: LazyLock<Keyring> = LazyLock::new(|| {
    let (master, now) = (MasterKey::from([1; 32]), now());
    let key = master.make_key(Timestamp::UNIX_EPOCH);
    let secret = SecretString::from(SECRET);
    let life = Duration::from_mins(15);
    match key.and_then(|key| Keyring::of(&[key], &master, Some(&secret), (life, now))) {
        Ok(ring) => ring,
        Err(error) => unreachable!("a ring of one key: {error}"),
    }
});

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap_or(Timestamp::MAX)
}

/// A token; or, after a 0 or 1 as the first byte, the header and in the next line the claims of one
/// that is signed with the shared secret or with our key.
///
/// # Panics
///
/// If a token is believed that does not say all that one has to say.
pub fn tokens(data: &[u8]) {
    let token = match data {
        [kind @ (0 | 1), parts @ ..] => signed(*kind == 1, parts),
        token => str::from_utf8(token).ok().map(ToOwned::to_owned),
    };
    let Some(token) = token else { return };
    let Ok(verified) = RING.verify(&token, now()) else { return };
    assert!(verified.expires_at > now());
    let part = |index| {
        let part = token.split('.').nth(index).unwrap_or_default();
        let read = URL_SAFE_NO_PAD.decode(part).ok();
        read.and_then(|bytes| serde_json::from_slice::<Said>(&bytes).ok()).unwrap_or_default()
    };
    let (header, claims) = (part(0), part(1));
    assert!(matches!(header.alg.as_str(), Some("EdDSA" | "HS256")), "{header:?}");
    assert!(header.crit.is_null(), "{header:?}");
    let is_for_us = [&claims.iss, &claims.aud, &claims.typ].map(Value::as_str);
    assert_eq!(is_for_us, [US, US, ACCESS].map(Some), "{claims:?}");
    assert!([&claims.iat, &claims.nbf, &claims.exp].into_iter().all(Value::is_u64), "{claims:?}");
    assert!(claims.jti.is_string() && claims.sub.is_string(), "{claims:?}");
}

/// What a header or claims have to say. What else they say is not decoded by anybody, and may be no text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    alg: Value,
    crit: Value,
    iss: Value,
    aud: Value,
    typ: Value,
    iat: Value,
    nbf: Value,
    exp: Value,
    jti: Value,
    sub: Value,
}

fn signed(is_ours: bool, parts: &[u8]) -> Option<String> {
    let mut lines = parts.splitn(2, |byte| *byte == b'\n');
    let header = lines.next()?.to_vec();
    // The name of our key is made anew by every process.
    let header = String::from_utf8(header).ok()?.replace("OURS", RING.kid());
    let claims = URL_SAFE_NO_PAD.encode(lines.next()?);
    let message = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header));
    let secret = EncodingKey::from_secret(SECRET.as_bytes());
    let (key, algorithm) =
        if is_ours { (&RING.signing, Algorithm::EdDSA) } else { (&secret, Algorithm::HS256) };
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).ok()?;
    Some(format!("{message}.{signature}"))
}
