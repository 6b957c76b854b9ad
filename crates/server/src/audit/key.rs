//! What is signed about the chain, with which key, and whose signatures are believed.
//!
//! Refuses a public key because it stands beside what it signs: it is believed if it belongs to a
//! private key that only the master key opens, or if somebody brought it from elsewhere.

use crate::auth::opaque::kid_of;
use crate::auth::{MasterKey, OpenError};
use crate::hex;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Timestamp;
use std::collections::BTreeMap;
use store::{Link, Ring, Seal, SigningKey, Store};

/// What stands in front of the 32 bytes of an Ed25519 key in a `SubjectPublicKeyInfo`.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// What is said about a place of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The chain has come by here.
    Checkpoint,
    /// The chain begins after here.
    Anchor,
    /// The chain ends here.
    End,
}

impl Claim {
    fn word(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Anchor => "anchor",
            Self::End => "end",
        }
    }

    /// What is signed. Each claim has a text of its own: a checkpoint cannot be passed off as the end.
    fn text(self, link: &Link, signed_at: Timestamp) -> String {
        let (claim, hash) = (self.word(), hex::encode(&link.row_hash));
        let (position, signed_at) = (link.position, signed_at.as_microsecond());
        format!("fleetwire-audit v1\n{claim}\n{position}\n{hash}\n{signed_at}\n")
    }
}

/// The key that signs.
pub struct Signer {
    kid: String,
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl Signer {
    /// The newest key of the store; the first one is made.
    ///
    /// # Errors
    ///
    /// [`OpenError::WrongMasterKey`], [`OpenError::Crypto`] and [`OpenError::Store`].
    pub async fn open(store: &Store, master: &MasterKey) -> Result<Self, OpenError> {
        let mut keys = store.signing_keys(Ring::Audit).await?;
        if keys.is_empty() {
            let first = master.make_key(store.now())?;
            keys = store.first_signing_key(Ring::Audit, first).await?;
        }
        let newest = keys.last().ok_or(OpenError::Crypto)?;
        Self::of(newest, master)
    }

    fn of(key: &SigningKey, master: &MasterKey) -> Result<Self, OpenError> {
        let private = master.open(&key.kid, &key.private_key)?;
        let pair = Ed25519KeyPair::from_pkcs8(&private).map_err(|_| OpenError::Crypto)?;
        Ok(Self { kid: key.kid.clone(), pair })
    }

    /// Signs a claim about a place.
    pub fn sign(&self, claim: Claim, link: Link, signed_at: Timestamp) -> Seal {
        let signature = self.pair.sign(claim.text(&link, signed_at).as_bytes());
        Seal { link, signed_at, kid: self.kid.clone(), signature: signature.as_ref().to_vec() }
    }

    /// Its public half.
    pub fn public(&self) -> PublicKeys {
        let mut keys = PublicKeys::default();
        keys.add(self.pair.public_key().as_ref());
        keys
    }
}

/// Why keys cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text holds no such key.
    #[error("not an Ed25519 public key in PEM")]
    Pem,
    /// The keys of the store do not open.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Keys whose signatures are believed.
#[derive(Clone, Default)]
pub struct PublicKeys(BTreeMap<String, Vec<u8>>);

impl std::fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl PublicKeys {
    /// Those of private keys that the master key opens.
    ///
    /// # Errors
    ///
    /// [`OpenError::WrongMasterKey`] if it does not open one of them.
    pub fn of_store(keys: &[SigningKey], master: &MasterKey) -> Result<Self, OpenError> {
        let mut believed = Self::default();
        for key in keys {
            believed.add(Signer::of(key, master)?.pair.public_key().as_ref());
        }
        Ok(believed)
    }

    /// Those of a text in PEM; there may be several, one after the other.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pem`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let mut believed = Self::default();
        for block in text.split_inclusive(PEM_END).filter(|block| !block.trim().is_empty()) {
            let body =
                block.trim().strip_prefix(PEM_BEGIN).and_then(|rest| rest.strip_suffix(PEM_END));
            let body: String = body.ok_or(KeyError::Pem)?.split_whitespace().collect();
            let bytes = STANDARD.decode(body).map_err(|_| KeyError::Pem)?;
            let key = bytes.strip_prefix(&SPKI).filter(|key| key.len() == 32);
            believed.add(key.ok_or(KeyError::Pem)?);
        }
        if believed.0.is_empty() { Err(KeyError::Pem) } else { Ok(believed) }
    }

    /// As PEM, as every tool reads it.
    pub fn to_pem(&self) -> String {
        let block = |key: &Vec<u8>| {
            let body = STANDARD.encode([SPKI.as_slice(), key].concat());
            format!("{PEM_BEGIN}\n{body}\n{PEM_END}\n")
        };
        self.0.values().map(block).collect()
    }

    fn add(&mut self, key: &[u8]) {
        self.0.insert(kid_of(key), key.to_vec());
    }

    /// Whether one of them has signed this.
    pub fn has_signed(&self, claim: Claim, seal: &Seal) -> bool {
        let text = claim.text(&seal.link, seal.signed_at);
        self.0.get(&seal.kid).is_some_and(|key| {
            let key = UnparsedPublicKey::new(&ED25519, key);
            key.verify(text.as_bytes(), &seal.signature).is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(master: &MasterKey) -> SigningKey {
        master.make_key(Timestamp::UNIX_EPOCH).unwrap()
    }

    fn link() -> Link {
        Link { position: 7, row_hash: vec![7; 32] }
    }

    #[test]
    fn a_claim_is_believed_of_its_place_its_time_and_its_kind_only() {
        let master = MasterKey::from([1; 32]);
        let signer = Signer::of(&key(&master), &master).unwrap();
        let keys = signer.public();
        let seal = signer.sign(Claim::Checkpoint, link(), Timestamp::UNIX_EPOCH);
        assert!(keys.has_signed(Claim::Checkpoint, &seal));
        assert!(!keys.has_signed(Claim::End, &seal));
        assert!(!keys.has_signed(Claim::Anchor, &seal));
        let elsewhere = Link { position: 8, ..link() };
        assert!(!keys.has_signed(Claim::Checkpoint, &Seal { link: elsewhere, ..seal.clone() }));
        let later = Seal { signed_at: Timestamp::MAX, ..seal.clone() };
        assert!(!keys.has_signed(Claim::Checkpoint, &later));
        let foreign = Signer::of(&key(&master), &master).unwrap().public();
        assert!(!foreign.has_signed(Claim::Checkpoint, &seal));
        let renamed = Seal { kid: foreign.0.keys().next().unwrap().clone(), ..seal };
        assert!(!foreign.has_signed(Claim::Checkpoint, &renamed));
    }

    #[test]
    fn the_public_half_survives_pem_and_nothing_else_is_read_as_one() {
        let master = MasterKey::from([1; 32]);
        let signer = Signer::of(&key(&master), &master).unwrap();
        let seal = signer.sign(Claim::End, link(), Timestamp::UNIX_EPOCH);
        let pem = signer.public().to_pem();
        assert!(PublicKeys::from_pem(&pem).unwrap().has_signed(Claim::End, &seal));
        let both =
            format!("{}\n{pem}", Signer::of(&key(&master), &master).unwrap().public().to_pem());
        assert!(PublicKeys::from_pem(&both).unwrap().has_signed(Claim::End, &seal));
        for other in ["", "key", &pem.replace("MCow", "MCoA"), &pem.replace("END PUBLIC", "END")] {
            assert!(PublicKeys::from_pem(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_key_that_the_master_key_does_not_open_is_not_believed() {
        let (master, other) = (MasterKey::from([1; 32]), MasterKey::from([2; 32]));
        let keys = [key(&master), key(&other)];
        assert!(matches!(PublicKeys::of_store(&keys, &master), Err(OpenError::WrongMasterKey)));
        // Whoever swaps the public half only gains nothing.
        let swapped = SigningKey { public_key: key(&other).public_key, ..key(&master) };
        let signer = Signer::of(&swapped, &master).unwrap();
        let seal = signer.sign(Claim::End, link(), Timestamp::UNIX_EPOCH);
        assert!(PublicKeys::of_store(&[swapped], &master).unwrap().has_signed(Claim::End, &seal));
    }
}
