//! Credentials of vehicles in requests and answers: they are written, and never read back.
//!
//! Refuses to take a token along to another server.

use super::App;
use super::problem::Problem;
use crate::contact::{CredentialError, checked_authorities};
use model::vehicle::{Connector, Credentials};
use model::vin::Vin;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use url::Url;

/// What a request says of something that can be there or not.
#[derive(Default)]
pub(super) enum Said<T> {
    /// Nothing: it stays as it is.
    #[default]
    Nothing,
    /// `null`: it goes.
    Null,
    /// This.
    This(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Said<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::This))
    }
}

/// The credentials that a request names.
pub(super) struct Named {
    pub(super) token: Said<SecretString>,
    pub(super) authorities: Said<String>,
    pub(super) identity: Said<SecretString>,
}

impl Named {
    /// Whether any credential is given.
    pub(super) fn is_some(&self) -> Option<&'static str> {
        match (&self.token, &self.authorities, &self.identity) {
            (Said::This(_), _, _) => Some("/sovd_token"),
            (_, Said::This(_), _) => Some("/sovd_ca"),
            (_, _, Said::This(_)) => Some("/sovd_identity"),
            _ => None,
        }
    }

    /// The credentials for the server at `url`, where those `before` stay unless something is said.
    pub(super) fn over(
        self,
        before: &Connector,
        url: &str,
        vin: &Vin,
        app: &App,
    ) -> Result<Credentials, Problem> {
        let known = before.credentials().cloned().unwrap_or_default();
        let is_same = before.sovd_url().is_some_and(|before| origin(before) == origin(url));
        let sealed_token = match self.token {
            Said::This(token) => {
                Some(app.seal.seal_token(vin, &token).map_err(refused("/sovd_token"))?)
            }
            Said::Null => None,
            Said::Nothing if known.sealed_token.is_none() || is_same => known.sealed_token,
            Said::Nothing => {
                let rule = "must be given again, or be null: sovd_url leads to another server";
                return Err(Problem::invalid().field("/sovd_token", rule));
            }
        };
        let authorities = match self.authorities {
            Said::This(pem) => Some(checked_authorities(pem).map_err(refused("/sovd_ca"))?),
            Said::Null => None,
            Said::Nothing => known.authorities,
        };
        // Another server learns nothing from it but who we are: it stays.
        let sealed_identity = match self.identity {
            Said::This(pem) => {
                Some(app.seal.seal_identity(vin, &pem).map_err(refused("/sovd_identity"))?)
            }
            Said::Null => None,
            Said::Nothing => known.sealed_identity,
        };
        Ok(Credentials { sealed_token, authorities, sealed_identity })
    }
}

fn refused(pointer: &'static str) -> impl FnOnce(CredentialError) -> Problem {
    move |error| match error {
        CredentialError::Token | CredentialError::Authorities | CredentialError::Identity => {
            Problem::invalid().field(pointer, error.to_string())
        }
        CredentialError::WrongMasterKey(_) | CredentialError::Crypto(_) => {
            tracing::error!(%error, "cannot encrypt a credential");
            Problem::internal()
        }
    }
}

/// Scheme, host and port: whom a token would go to.
fn origin(url: &str) -> Option<url::Origin> {
    Url::parse(url).ok().map(|url| url.origin())
}

/// Whether a token goes over the wire for everybody to read.
pub(super) fn is_exposed(connector: &Connector) -> bool {
    let has_token = connector.credentials().is_some_and(|it| it.sealed_token.is_some());
    has_token && connector.sovd_url().is_some_and(|url| url.starts_with("http:"))
}
