//! Keys that ID tokens are signed with, honestly or not. They outlive no test, and nobody else trusts them.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

/// Bytes that stand before an RSA key of 2048 bits in PKCS #8.
const RSA_PREFIX: usize = 26;

/// What a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// RSA with 2048 bits.
    Rsa,
    /// On the curve P-256.
    P256,
    /// Ed25519.
    Ed25519,
}

/// A key with its name.
#[derive(Clone)]
pub struct IssuerKey {
    name: String,
    algorithm: Algorithm,
    key: EncodingKey,
    published: Value,
}

impl std::fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuerKey").field("name", &self.name).finish_non_exhaustive()
    }
}

impl IssuerKey {
    /// A new one.
    pub fn make(kind: Kind, name: &str) -> Self {
        let (algorithm, key) = match kind {
            Kind::Rsa => (Algorithm::RS256, rsa()),
            Kind::P256 => (Algorithm::ES256, p256()),
            Kind::Ed25519 => (Algorithm::EdDSA, ed25519()),
        };
        let jwk = Jwk::from_encoding_key(&key, algorithm).expect("it has a public half");
        let mut published = serde_json::to_value(jwk).expect("it is JSON");
        published["kid"] = name.into();
        published["use"] = "sig".into();
        Self { name: name.to_owned(), algorithm, key, published }
    }

    /// One that signs as HS256, with what is published of this key as its secret.
    #[must_use]
    pub fn taken_for_a_secret(&self) -> Self {
        let secret = ["x", "n"].iter().find_map(|field| self.published[field].as_str());
        let secret = URL_SAFE_NO_PAD.decode(secret.expect("it is public")).expect("it is base64");
        let key = EncodingKey::from_secret(&secret);
        Self { algorithm: Algorithm::HS256, key, ..self.clone() }
    }

    /// The same key under another name.
    #[must_use]
    pub fn called(&self, name: &str) -> Self {
        let mut published = self.published.clone();
        published["kid"] = name.into();
        Self { name: name.to_owned(), published, ..self.clone() }
    }

    /// Its public half.
    pub fn published(&self) -> Value {
        self.published.clone()
    }

    /// The header of its tokens.
    pub fn header(&self) -> Value {
        json!({ "alg": self.algorithm, "typ": "JWT", "kid": self.name })
    }

    /// A token of it, whatever its header says; unsigned if that says `none`.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let [header_part, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header_part}.{claims}");
        let is_signed = header["alg"].as_str().is_none_or(|alg| !alg.eq_ignore_ascii_case("none"));
        let signed = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm);
        let signature = if is_signed { signed.expect("it signs") } else { String::new() };
        format!("{message}.{signature}")
    }
}

fn rsa() -> EncodingKey {
    let key = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).expect("there are keys");
    let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&key).expect("it is a key");
    EncodingKey::from_rsa_der(&der.as_ref()[RSA_PREFIX..])
}

fn p256() -> EncodingKey {
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    EncodingKey::from_ec_der(der.expect("there are keys").as_ref())
}

fn ed25519() -> EncodingKey {
    let key = Ed25519KeyPair::generate().expect("there are keys");
    EncodingKey::from_ed_der(key.to_pkcs8v1().expect("it is a key").as_ref())
}
