//! Connections by who trusts whom: the machine's authorities or a vehicle's own, and who we are to it.
//!
//! Never lets a vehicle be believed by what another one was given, nor shows it another one's identity.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::sovd::{Http, Identity, SetupError, Transport};
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;

use crate::order::Address;

/// How many have their connections kept. Of authorities a fleet mostly has one set, of identities it may
/// have as many as vehicles.
const MAX_KEPT: usize = 4096;

/// The connections of a connector; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    common: Http,
    transport: Arc<Transport>,
    own: Arc<Mutex<BTreeMap<String, Http>>>,
}

impl Trust {
    /// Connections as `transport` says, but for the authorities and the identity.
    pub(super) fn new(transport: Transport) -> Result<Self, SetupError> {
        let common = Http::over(&transport)?;
        Ok(Self { common, transport: Arc::new(transport), own: Arc::default() })
    }

    /// Connections to who is believed by a vehicle's authorities, or else by those of the machine, as
    /// whom the vehicle knows us.
    pub(super) fn http(&self, vehicle: &Address) -> Result<Http, SetupError> {
        let (authorities, identity) = (vehicle.authorities.as_deref(), vehicle.identity.as_ref());
        let identity = identity.map(ExposeSecret::expose_secret);
        if authorities.is_none() && identity.is_none() {
            return Ok(self.common.clone());
        }
        let key = fingerprint(&[authorities, identity]);
        if let Some(http) = self.own().get(&key) {
            return Ok(http.clone());
        }
        let http = Http::over(&Transport {
            authorities: authorities.map(|pem| pem.as_bytes().to_vec()),
            identity: identity.map(|pem| Identity::from_pem(pem.as_bytes())).transpose()?,
            ..(*self.transport).clone()
        })?;
        let mut kept = self.own();
        // Any one: by its key it stands at no place in particular, and it is made anew when it is needed.
        if kept.len() >= MAX_KEPT {
            kept.pop_first();
        }
        kept.insert(key, http.clone());
        Ok(http)
    }

    fn own(&self) -> MutexGuard<'_, BTreeMap<String, Http>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says whether credentials are the same, and not what they are.
pub(super) fn fingerprint(credentials: &[Option<&str>]) -> String {
    let mut digest = Context::new(&SHA256);
    for text in credentials {
        digest.update(&text.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
        digest.update(text.unwrap_or_default().as_bytes());
    }
    URL_SAFE_NO_PAD.encode(digest.finish())
}

/// Whether this is PEM of certificates that a server can be believed by, and of nothing else.
pub fn are_authorities(pem: &str) -> bool {
    let authorities = Some(pem.as_bytes().to_vec());
    // A key beside them would be stored where it does not belong.
    has_certificate(pem)
        && !has_key(pem)
        && Http::over(&Transport { authorities, ..Transport::default() }).is_ok()
}

/// Whether this is PEM of a certificate and of the private key that belongs to it.
pub fn is_identity(pem: &str) -> bool {
    let over =
        |identity| Http::over(&Transport { identity: Some(identity), ..Transport::default() });
    has_certificate(pem)
        && has_key(pem)
        && Identity::from_pem(pem.as_bytes()).and_then(over).is_ok()
}

fn has_certificate(pem: &str) -> bool {
    pem.contains("-----BEGIN CERTIFICATE-----")
}

fn has_key(pem: &str) -> bool {
    pem.contains("PRIVATE KEY-----")
}
