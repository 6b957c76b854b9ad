//! Connections by whom they believe: the machine's authorities, or a vehicle's own.
//!
//! Never lets a vehicle be believed by what another one was given.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::sovd::{Http, SetupError, Transport};

/// How many sets of authorities have their connections kept. A fleet mostly has one.
const MAX_KEPT: usize = 64;

/// The connections of a connector; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    common: Http,
    transport: Arc<Transport>,
    own: Arc<Mutex<BTreeMap<String, Http>>>,
}

impl Trust {
    /// Connections as `transport` says, but for the authorities.
    pub(super) fn new(transport: Transport) -> Result<Self, SetupError> {
        let common = Http::over(&transport)?;
        Ok(Self { common, transport: Arc::new(transport), own: Arc::default() })
    }

    /// Connections to who is believed by these authorities, or else by those of the machine.
    pub(super) fn http(&self, authorities: Option<&str>) -> Result<Http, SetupError> {
        let Some(authorities) = authorities else { return Ok(self.common.clone()) };
        if let Some(http) = self.own().get(authorities) {
            return Ok(http.clone());
        }
        let own = Some(authorities.as_bytes().to_vec());
        let http = Http::over(&Transport { authorities: own, ..(*self.transport).clone() })?;
        let mut kept = self.own();
        // Rare, and they are made anew as they are needed.
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(authorities.to_owned(), http.clone());
        Ok(http)
    }

    fn own(&self) -> MutexGuard<'_, BTreeMap<String, Http>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this is PEM of certificates that a server can be believed by, and of nothing else.
pub fn are_authorities(pem: &str) -> bool {
    let begins = |kind: &str| pem.contains(&format!("-----BEGIN {kind}"));
    let authorities = Some(pem.as_bytes().to_vec());
    // A key beside them would be stored where it does not belong.
    let has_key = pem.contains("PRIVATE KEY-----");
    begins("CERTIFICATE-----")
        && !has_key
        && Http::over(&Transport { authorities, ..Transport::default() }).is_ok()
}
