//! Secrets that say nothing by themselves: refresh tokens, tickets and the tokens of machines.
//!
//! Refuses to keep them: the store gets the hash, the client the only copy.

use super::MintError;
use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;

/// What an opaque secret is good for: its prefix, so that one is never taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Exchanges for the next access token.
    Refresh,
    /// Opens one socket.
    Ticket,
    /// Gives a machine access, until it is revoked.
    Api,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "fwr_",
            Self::Ticket => "fwt_",
            Self::Api => "fwa_",
        }
    }

    /// The kind that a text claims to be; `None` if it is no opaque secret.
    pub(super) fn of(text: &str) -> Option<Self> {
        let all = [Self::Refresh, Self::Ticket, Self::Api];
        all.into_iter().find(|kind| text.starts_with(kind.prefix()))
    }
}

/// A new secret, and the hash to store.
pub(super) struct Opaque {
    pub(super) secret: SecretString,
    pub(super) hash: Vec<u8>,
}

impl Opaque {
    /// Draws 256 random bits.
    pub(super) fn draw(kind: Kind) -> Result<Self, MintError> {
        let mut bits = [0; 32];
        rand::fill(&mut bits).map_err(|_| MintError::Random)?;
        let text = format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(bits));
        let hash = sha256(text.as_bytes()).to_vec();
        Ok(Self { secret: text.into(), hash })
    }
}

/// The name of a public key, which nothing else has.
pub(crate) fn kid_of(public_key: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(sha256(public_key))
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn every_secret_is_another_and_says_what_it_is_for() {
        let ticket = Opaque::draw(Kind::Ticket).unwrap();
        let refresh = Opaque::draw(Kind::Refresh).unwrap();
        let api = Opaque::draw(Kind::Api).unwrap();
        assert_eq!(Kind::of(api.secret.expose_secret()), Some(Kind::Api));
        assert_eq!(Kind::of(ticket.secret.expose_secret()), Some(Kind::Ticket));
        assert_eq!(Kind::of(refresh.secret.expose_secret()), Some(Kind::Refresh));
        assert_eq!(Kind::of("eyJhbGciOiJFZERTQSJ9.e30.x"), None);
        assert_ne!(ticket.hash, Opaque::draw(Kind::Ticket).unwrap().hash);
    }

    #[test]
    fn a_secret_has_256_bits_and_is_stored_as_its_hash() {
        let ticket = Opaque::draw(Kind::Ticket).unwrap();
        let text = ticket.secret.expose_secret();
        assert_eq!(text.len(), "fwt_".len() + 43);
        assert_eq!(ticket.hash, sha256(text.as_bytes()));
    }
}
