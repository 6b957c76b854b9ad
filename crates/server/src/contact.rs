//! How this server gets in touch with vehicles: the connector, and what opens the secrets they want.
//!
//! Refuses to show a secret to anybody but the vehicle that it was given for.

use crate::auth::MasterKey;
use connect::{Address, Probe, Sovd, are_authorities, is_identity};
use model::vehicle::{ConnectionStatus, Connector, Vehicle};
use model::vin::Vin;
use secrecy::{ExposeSecret, SecretString};

/// Bytes of the longest token.
const LONGEST_TOKEN: usize = 8 * 1024;
/// Bytes of the longest list of authorities, and of the longest identity.
const LONGEST_PEM: usize = 64 * 1024;

/// Why a vehicle's credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// It is no token that a header can carry.
    #[error("must be a token of 1 to {LONGEST_TOKEN} visible ASCII characters")]
    Token,
    /// They are no certificates.
    #[error("must be certificates as PEM, without a private key, of at most {LONGEST_PEM} bytes")]
    Authorities,
    /// It is no certificate with its key.
    #[error(
        "must be a certificate and its private key, unencrypted, as PEM, of at most {LONGEST_PEM} bytes"
    )]
    Identity,
    /// It was encrypted with another master key.
    #[error("the vehicle's {0} was encrypted with another master key: set it again")]
    WrongMasterKey(&'static str),
    /// The cryptography failed.
    #[error("the vehicle's {0} cannot be encrypted")]
    Crypto(&'static str),
}

/// What secrets of vehicles are encrypted with before they are stored.
#[derive(Debug, Clone)]
pub struct VehicleSeal(MasterKey);

/// The name under which a token is sealed, with the field that it comes in.
const TOKEN: (&str, &str) = ("sovd token", "sovd_token");
/// The same of an identity.
const IDENTITY: (&str, &str) = ("sovd identity", "sovd_identity");

impl VehicleSeal {
    /// Encrypts with this key.
    pub fn new(key: MasterKey) -> Self {
        Self(key)
    }

    /// Encrypts the token of a vehicle, so that it opens for that vehicle only.
    ///
    /// # Errors
    ///
    /// [`CredentialError::Token`] or [`CredentialError::Crypto`].
    pub fn seal_token(&self, vin: &Vin, token: &SecretString) -> Result<Vec<u8>, CredentialError> {
        let text = token.expose_secret();
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > LONGEST_TOKEN || !is_visible {
            return Err(CredentialError::Token);
        }
        self.seal(TOKEN, vin, token)
    }

    /// Encrypts the certificate and the private key, as PEM, that are shown to a vehicle, so that they
    /// open for that vehicle only.
    ///
    /// # Errors
    ///
    /// [`CredentialError::Identity`] or [`CredentialError::Crypto`].
    pub fn seal_identity(&self, vin: &Vin, pem: &SecretString) -> Result<Vec<u8>, CredentialError> {
        let text = pem.expose_secret();
        if text.len() > LONGEST_PEM || !is_identity(text) {
            return Err(CredentialError::Identity);
        }
        self.seal(IDENTITY, vin, pem)
    }

    fn seal(
        &self,
        (kind, field): (&str, &'static str),
        vin: &Vin,
        secret: &SecretString,
    ) -> Result<Vec<u8>, CredentialError> {
        let sealed = self.0.seal(&format!("{kind} of {vin}"), secret.expose_secret().as_bytes());
        sealed.map_err(|_| CredentialError::Crypto(field))
    }

    fn open(
        &self,
        (kind, field): (&str, &'static str),
        vin: &Vin,
        sealed: &[u8],
    ) -> Result<SecretString, CredentialError> {
        let wrong = || CredentialError::WrongMasterKey(field);
        let opened = self.0.open(&format!("{kind} of {vin}"), sealed).map_err(|_| wrong())?;
        Ok(std::str::from_utf8(&opened).map_err(|_| wrong())?.into())
    }
}

/// Checks the certificates of the authorities that a vehicle is believed by.
///
/// # Errors
///
/// [`CredentialError::Authorities`].
pub fn checked_authorities(pem: String) -> Result<String, CredentialError> {
    let is_good = pem.len() <= LONGEST_PEM && are_authorities(&pem);
    is_good.then_some(pem).ok_or(CredentialError::Authorities)
}

/// The connector with what it needs to reach vehicles of the registry; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    pub(crate) connector: Sovd,
    pub(crate) seal: VehicleSeal,
}

impl Contact {
    /// Where a vehicle is and what it is shown; `None` if it is not reached by the connector.
    pub(crate) fn address(&self, vehicle: &Vehicle) -> Result<Option<Address>, CredentialError> {
        let Connector::Sovd { url, credentials } = &vehicle.connector else { return Ok(None) };
        let open = |name, sealed: &Option<Vec<u8>>| {
            sealed.as_deref().map(|sealed| self.seal.open(name, &vehicle.vin, sealed)).transpose()
        };
        Ok(Some(Address {
            token: open(TOKEN, &credentials.sealed_token)?,
            identity: open(IDENTITY, &credentials.sealed_identity)?,
            authorities: credentials.authorities.clone(),
            ..Address::new(url, &vehicle.metadata)
        }))
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
    use testkit::Authority;

    fn vin(text: &str) -> Vin {
        text.parse().unwrap()
    }

    #[test]
    fn a_token_opens_for_its_own_vehicle_only() {
        let seal = VehicleSeal::new(MasterKey::from([1; 32]));
        let (own, other) = (vin("WVWZZZ1JZXW000001"), vin("WVWZZZ1JZXW000002"));
        let sealed = seal.seal_token(&own, &"s3cret".into()).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("s3cret"));
        assert_eq!(seal.open(TOKEN, &own, &sealed).unwrap().expose_secret(), "s3cret");
        let strangers = VehicleSeal::new(MasterKey::from([2; 32])).open(TOKEN, &own, &sealed);
        let as_identity = seal.open(IDENTITY, &own, &sealed);
        for refused in [seal.open(TOKEN, &other, &sealed), strangers, as_identity] {
            assert!(matches!(refused, Err(CredentialError::WrongMasterKey(_))));
        }
    }

    #[test]
    fn an_identity_is_a_certificate_with_its_own_key() {
        let seal = VehicleSeal::new(MasterKey::from([1; 32]));
        let vin = vin("WVWZZZ1JZXW000001");
        let authority = Authority::default();
        let ((certificate, key), (_, other)) = (authority.identify("us"), authority.identify("us"));
        assert!(seal.seal_identity(&vin, &format!("{certificate}{key}").into()).is_ok());
        for pem in [String::new(), certificate.clone(), key, format!("{certificate}{other}")] {
            let refused = seal.seal_identity(&vin, &pem.into());
            assert!(matches!(refused, Err(CredentialError::Identity)));
        }
    }

    #[test]
    fn a_token_is_what_a_header_can_carry() {
        let seal = VehicleSeal::new(MasterKey::from([1; 32]));
        let vin = vin("WVWZZZ1JZXW000001");
        for token in ["", "Bearer abc", "a\nb", "é", &"x".repeat(LONGEST_TOKEN + 1)] {
            let refused = seal.seal_token(&vin, &token.into());
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
