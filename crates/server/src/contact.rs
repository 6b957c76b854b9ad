//! How this server gets in touch with vehicles: the connector, and what opens the tokens they want.
//!
//! Refuses to show a token to anybody but the vehicle that it was given for.

use crate::auth::MasterKey;
use connect::{Address, Probe, Sovd, are_authorities};
use model::vehicle::{ConnectionStatus, Connector, Vehicle};
use model::vin::Vin;
use secrecy::{ExposeSecret, SecretString};

/// Bytes of the longest token.
const LONGEST_TOKEN: usize = 8 * 1024;
/// Bytes of the longest list of authorities.
const LONGEST_AUTHORITIES: usize = 64 * 1024;

/// Why a vehicle's credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// It is no token that a header can carry.
    #[error("must be a token of 1 to {LONGEST_TOKEN} visible ASCII characters")]
    Token,
    /// They are no certificates.
    #[error(
        "must be certificates as PEM, without a private key, of at most {LONGEST_AUTHORITIES} bytes"
    )]
    Authorities,
    /// It was encrypted with another master key.
    #[error("the vehicle's sovd_token was encrypted with another master key: set it again")]
    WrongMasterKey,
    /// The cryptography failed.
    #[error("the vehicle's sovd_token cannot be encrypted")]
    Crypto,
}

/// What tokens of vehicles are encrypted with before they are stored.
#[derive(Debug, Clone)]
pub struct TokenSeal(MasterKey);

impl TokenSeal {
    /// Encrypts with this key.
    pub fn new(key: MasterKey) -> Self {
        Self(key)
    }

    /// Encrypts the token of a vehicle, so that it opens for that vehicle only.
    ///
    /// # Errors
    ///
    /// [`CredentialError::Token`] or [`CredentialError::Crypto`].
    pub fn seal(&self, vin: &Vin, token: &SecretString) -> Result<Vec<u8>, CredentialError> {
        let token = token.expose_secret();
        let is_visible = token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.is_empty() || token.len() > LONGEST_TOKEN || !is_visible {
            return Err(CredentialError::Token);
        }
        let sealed = self.0.seal(&name(vin), token.as_bytes());
        sealed.map_err(|_| CredentialError::Crypto)
    }

    fn open(&self, vin: &Vin, sealed: &[u8]) -> Result<SecretString, CredentialError> {
        let opened = self.0.open(&name(vin), sealed);
        let opened = opened.map_err(|_| CredentialError::WrongMasterKey)?;
        let token = std::str::from_utf8(&opened).map_err(|_| CredentialError::WrongMasterKey)?;
        Ok(token.into())
    }
}

/// The name under which a vehicle's token is sealed.
fn name(vin: &Vin) -> String {
    format!("sovd token of {vin}")
}

/// Checks the certificates of the authorities that a vehicle is believed by.
///
/// # Errors
///
/// [`CredentialError::Authorities`].
pub fn checked_authorities(pem: String) -> Result<String, CredentialError> {
    let is_good = pem.len() <= LONGEST_AUTHORITIES && are_authorities(&pem);
    is_good.then_some(pem).ok_or(CredentialError::Authorities)
}

/// The connector with what it needs to reach vehicles of the registry; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    pub(crate) connector: Sovd,
    pub(crate) seal: TokenSeal,
}

impl Contact {
    /// Where a vehicle is and what it is shown; `None` if it is not reached by the connector.
    pub(crate) fn address(&self, vehicle: &Vehicle) -> Result<Option<Address>, CredentialError> {
        let Connector::Sovd { url, credentials } = &vehicle.connector else { return Ok(None) };
        let sealed = credentials.sealed_token.as_deref();
        let token = sealed.map(|sealed| self.seal.open(&vehicle.vin, sealed)).transpose()?;
        let authorities = credentials.authorities.clone();
        Ok(Some(Address { token, authorities, ..Address::new(url, &vehicle.metadata) }))
    }

    /// Asks a vehicle whether it is there; `None` if it is not reached by the connector.
    pub(crate) async fn probe(&self, vehicle: &Vehicle) -> Option<Probe> {
        match self.address(vehicle) {
            Ok(address) => Some(self.connector.probe(&address?).await),
            Err(error) => {
                let obstacle = Some(error.to_string());
                Some(Probe { status: ConnectionStatus::Error, obstacle })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vin(text: &str) -> Vin {
        text.parse().unwrap()
    }

    #[test]
    fn a_token_opens_for_its_own_vehicle_only() {
        let seal = TokenSeal::new(MasterKey::from([1; 32]));
        let (own, other) = (vin("WVWZZZ1JZXW000001"), vin("WVWZZZ1JZXW000002"));
        let sealed = seal.seal(&own, &"s3cret".into()).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("s3cret"));
        assert_eq!(seal.open(&own, &sealed).unwrap().expose_secret(), "s3cret");
        let strangers = TokenSeal::new(MasterKey::from([2; 32])).open(&own, &sealed);
        for refused in [seal.open(&other, &sealed), strangers] {
            assert!(matches!(refused, Err(CredentialError::WrongMasterKey)));
        }
    }

    #[test]
    fn a_token_is_what_a_header_can_carry() {
        let seal = TokenSeal::new(MasterKey::from([1; 32]));
        let vin = vin("WVWZZZ1JZXW000001");
        for token in ["", "Bearer abc", "a\nb", "é", &"x".repeat(LONGEST_TOKEN + 1)] {
            let refused = seal.seal(&vin, &token.into());
            assert!(matches!(refused, Err(CredentialError::Token)), "{token:?}");
        }
    }

    #[test]
    fn authorities_are_certificates_and_nothing_else() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in
            ["", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", broken]
        {
            assert!(checked_authorities(pem.to_owned()).is_err(), "{pem:?}");
        }
    }
}
