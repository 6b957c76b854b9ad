//! The key that encrypts the signing keys and the tokens of vehicles in the store.
//!
//! Refuses to be stored beside them, or to lie where others can read it.

use super::OpenError;
use super::opaque::{kid_of, sha256};
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use model::Timestamp;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use store::SigningKey;

/// Bytes of the nonce in front of what is encrypted.
const NONCE: usize = 12;
/// The permissions that let others read or change a file.
const OTHERS: u32 = 0o077;

/// 256 random bits from a file; clones share them.
#[derive(Clone)]
pub struct MasterKey(Arc<SecretBox<[u8; 32]>>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MasterKey").finish_non_exhaustive()
    }
}

impl MasterKey {
    /// Reads the key; makes the file if it is missing.
    ///
    /// # Errors
    ///
    /// [`OpenError::File`], [`OpenError::Length`] or [`OpenError::Readable`].
    pub fn load(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::File { path: path.to_owned(), source };
        let mut file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return make(path).map_err(failed);
            }
            opened => opened.map_err(failed)?,
        };
        if file.metadata().map_err(failed)?.permissions().mode() & OTHERS != 0 {
            return Err(OpenError::Readable { path: path.to_owned() });
        }
        let mut bits = Zeroizing::new(Vec::new());
        Read::by_ref(&mut file).take(33).read_to_end(&mut bits).map_err(failed)?;
        let bits: Result<[u8; 32], _> = bits.as_slice().try_into();
        Ok(Self::from(bits.map_err(|_| OpenError::Length { path: path.to_owned() })?))
    }

    /// Makes the file from a secret instead of by chance: for a directory that does not last, beside a
    /// database that does. Whoever knows the secret can make the key.
    ///
    /// # Errors
    ///
    /// [`OpenError::File`], also if the file exists.
    pub fn make_from(path: &Path, secret: &SecretString) -> Result<Self, OpenError> {
        let bits = sha256(format!("fleetwire master key\n{}", secret.expose_secret()).as_bytes());
        write(path, bits).map_err(|source| OpenError::File { path: path.to_owned(), source })
    }

    /// Makes an Ed25519 key that is named after its public half.
    pub(crate) fn make_key(&self, created_at: Timestamp) -> Result<SigningKey, OpenError> {
        let private = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let private = private.map_err(|_| OpenError::Crypto)?;
        let pair = Ed25519KeyPair::from_pkcs8(private.as_ref()).map_err(|_| OpenError::Crypto)?;
        let public_key = pair.public_key().as_ref().to_vec();
        let kid = kid_of(&public_key);
        let private_key = self.seal(&kid, private.as_ref())?;
        Ok(SigningKey { kid, private_key, public_key, created_at, retired_at: None })
    }

    /// Encrypts something private so that it opens under its own name only: nonce, text, tag.
    pub(crate) fn seal(&self, name: &str, private: &[u8]) -> Result<Vec<u8>, OpenError> {
        let mut text = private.to_vec();
        let nonce = self.cipher()?.seal_in_place_append_tag(Aad::from(name), &mut text);
        let nonce = nonce.map_err(|_| OpenError::Crypto)?;
        Ok([nonce.as_ref().as_slice(), &text].concat())
    }

    /// Decrypts what was encrypted under that name.
    pub(crate) fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (nonce, text) = sealed.split_at_checked(NONCE).ok_or(OpenError::WrongMasterKey)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Crypto)?;
        let mut text = Zeroizing::new(text.to_vec());
        let private = self.cipher()?.open_in_place(nonce, Aad::from(name), &mut text);
        let private = private.map_err(|_| OpenError::WrongMasterKey)?;
        Ok(Zeroizing::new(private.to_vec()))
    }

    fn cipher(&self) -> Result<RandomizedNonceKey, OpenError> {
        RandomizedNonceKey::new(&AES_256_GCM, self.0.expose_secret()).map_err(|_| OpenError::Crypto)
    }
}

impl From<[u8; 32]> for MasterKey {
    fn from(bits: [u8; 32]) -> Self {
        Self(Arc::new(SecretBox::new(Box::new(bits))))
    }
}

fn make(path: &Path) -> io::Result<MasterKey> {
    let mut bits = [0; 32];
    rand::fill(&mut bits).map_err(|_| io::Error::other("no random bits"))?;
    write(path, bits)
}

fn write(path: &Path, bits: [u8; 32]) -> io::Result<MasterKey> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&bits)?;
    // What the store keeps is worth nothing without this file.
    file.sync_all()?;
    Ok(MasterKey::from(bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_missing_file_is_made_for_its_owner_only_and_read_the_next_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let sealed = MasterKey::load(&path).unwrap().seal("name", b"private").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = MasterKey::load(&path).unwrap();
        assert_eq!(again.open("name", &sealed).unwrap().as_slice(), b"private");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        MasterKey::load(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = MasterKey::load(&path).unwrap_err();
        assert!(error.to_string().ends_with(&format!("run chmod 600 {}", path.display())));
    }

    #[test]
    fn a_file_that_is_no_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        for length in [0, 31, 33, 4096] {
            MasterKey::load(&path).unwrap();
            fs::write(&path, vec![7; length]).unwrap();
            assert!(matches!(MasterKey::load(&path), Err(OpenError::Length { .. })), "{length}");
            fs::remove_file(&path).unwrap();
        }
        let missing = MasterKey::load(&dir.path().join("missing/master.key"));
        assert!(matches!(missing, Err(OpenError::File { .. })));
    }

    #[test]
    fn a_sealed_key_opens_with_its_master_key_and_under_its_name_only() {
        let (master, other) = (MasterKey::from([1; 32]), MasterKey::from([2; 32]));
        let sealed = master.seal("name", b"private").unwrap();
        let mut broken = sealed.clone();
        broken[20] ^= 1;
        for opened in [
            other.open("name", &sealed),
            master.open("other", &sealed),
            master.open("name", &broken),
            master.open("name", &[]),
        ] {
            assert!(matches!(opened, Err(OpenError::WrongMasterKey)));
        }
        assert_ne!(sealed, master.seal("name", b"private").unwrap());
    }
}
