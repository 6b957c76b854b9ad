//! The provider as we talk to it: what it says of itself, its keys, and what it gives for a code.
//!
//! Refuses redirects, long answers, and addresses that others could listen to; asks for keys again
//! only when a token names one that it does not know, and not more often than once a minute.

use super::SignInError;
use super::attempt::Attempt;
use super::id_token::{Expected, Keys, Said, Untrusted};
use crate::config::OidcConfig;
use crate::config::oidc::{is_loopback, is_safe};
use crate::tls::STRANGERS;
use model::Timestamp;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Certificate, Client, RequestBuilder, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{Deserialize, Deserializer, Error};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use url::{Url, form_urlencoded};

/// How long an answer may take, in all.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of the longest answer.
const LONGEST_ANSWER: usize = 256 * 1024;
/// How long what the provider says of itself is believed.
const KNOWN_FOR: Duration = Duration::from_hours(1);
/// How far apart keys are asked for because a token names one that is not known.
const REFETCH: Duration = Duration::from_mins(1);
/// Bytes of the longest secret.
const LONGEST_SECRET: usize = 4096;
/// Where browsers come back to.
pub(crate) const CALLBACK: &str = "/auth/oidc/callback";

/// Why nobody can sign in by OpenID Connect.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A file cannot be read.
    #[error("cannot read {}, the file of {setting}", path.display())]
    Read {
        /// The setting that names it.
        setting: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Strangers can read the secret.
    #[error("others can read or change {path}, the file of oidc.client_secret_file: run chmod 600 {path}", path = .0.display())]
    Readable(PathBuf),
    /// The file holds no secret.
    #[error("{} must hold a secret of 1 to {LONGEST_SECRET} bytes", .0.display())]
    Secret(PathBuf),
    /// Nobody can be believed by that file.
    #[error("oidc.ca_file = {} is no readable file of certificates in PEM", .0.display())]
    Authority(PathBuf),
    /// The client cannot be set up.
    #[error("the client of the OpenID provider cannot be set up")]
    Client(#[source] reqwest::Error),
}

/// What a provider did wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    /// There was no answer.
    #[error("no answer of its {0}")]
    Unanswered(&'static str, #[source] reqwest::Error),
    /// Somebody else was asking, and it did not do its part.
    #[error("it has just failed somebody else")]
    Away,
    /// It answered with another status.
    #[error("its {0} answered {1}")]
    Status(&'static str, StatusCode),
    /// The answer is too long.
    #[error("its {0} answered with more than {LONGEST_ANSWER} bytes")]
    TooLong(&'static str),
    /// The answer is not what it should be.
    #[error("the answer of its {0} cannot be read")]
    Malformed(&'static str),
    /// It says that it is somebody else.
    #[error("it names another issuer than oidc.issuer")]
    OtherIssuer,
    /// It leads where others could listen.
    #[error("its {0} is no https address")]
    Unsafe(&'static str),
}

/// What the provider says of itself.
#[derive(Debug, Clone, serde::Deserialize)]
struct Discovery {
    issuer: String,
    #[serde(deserialize_with = "address")]
    authorization_endpoint: Url,
    #[serde(deserialize_with = "address")]
    token_endpoint: Url,
    #[serde(deserialize_with = "address")]
    jwks_uri: Url,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

fn address<'de, D: Deserializer<'de>>(value: D) -> Result<Url, D::Error> {
    Url::parse(&String::deserialize(value)?).map_err(Error::custom)
}

/// What a code is good for; the access token is nothing to us.
#[derive(serde::Deserialize)]
struct Redeemed {
    id_token: String,
}

struct Known {
    discovery: Discovery,
    told_at: Instant,
    /// `None` = not asked for yet.
    keys: Option<Keys>,
    refetched_at: Option<Instant>,
}

#[derive(Default)]
struct Memory {
    known: Option<Known>,
    failure: Failure,
}

/// When the provider was asked last for what is remembered, and did not say it.
#[derive(Default)]
struct Failure(Option<Instant>);

impl Failure {
    /// Asks it. Who has come at `came_at` and waited for an answer that did not come does not wait for
    /// another one: a provider that is away would keep the last of many for minutes.
    async fn shared<T>(
        &mut self,
        came_at: Instant,
        asked: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        if self.0.is_some_and(|at| at >= came_at) {
            return Err(ProviderError::Away);
        }
        asked.await.inspect_err(|_| self.0 = Some(Instant::now()))
    }
}

/// One provider. What is remembered of it is remembered of this issuer alone.
pub(super) struct Provider {
    issuer: String,
    client_id: String,
    secret: Option<SecretString>,
    redirect_uri: String,
    scope: String,
    http: Client,
    memory: Mutex<Memory>,
}

impl Provider {
    pub(super) fn open(config: &OidcConfig) -> Result<Option<Self>, SetupError> {
        let OidcConfig { issuer, client_id, public_url, .. } = config.clone();
        let (Some(issuer), Some(client_id), Some(origin)) = (issuer, client_id, public_url) else {
            return Ok(None);
        };
        Ok(Some(Self {
            http: client(&issuer, config.ca_file.as_deref())?,
            secret: config.client_secret_file.as_deref().map(read_secret).transpose()?,
            redirect_uri: format!("{origin}{CALLBACK}"),
            scope: config.scopes.join(" "),
            issuer,
            client_id,
            memory: Mutex::default(),
        }))
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The page that asks somebody who they are.
    pub(super) async fn page(&self, attempt: &Attempt) -> Result<Url, ProviderError> {
        let mut page = self.discovery().await?.authorization_endpoint;
        page.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", &self.scope)
            .append_pair("state", &attempt.state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(page)
    }

    /// Checks who is said to have answered, by RFC 9207.
    pub(super) async fn check_speaker(&self, iss: Option<&str>) -> Result<(), SignInError> {
        let says_so = self.discovery().await?.authorization_response_iss_parameter_supported;
        match iss {
            Some(iss) if iss == self.issuer => Ok(()),
            None if !says_so => Ok(()),
            Some(_) | None => Err(Untrusted::Issuer.into()),
        }
    }

    /// Exchanges a code for an ID token, which is not verified yet.
    pub(super) async fn redeem(&self, code: &str, verifier: &str) -> Result<String, SignInError> {
        const ENDPOINT: &str = "token endpoint";
        let request = self.redemption(&self.discovery().await?, code, verifier);
        let body = match answer(request, ENDPOINT).await {
            // It was asked and says no: the code is used, too old or somebody else's.
            Err(ProviderError::Status(_, StatusCode::BAD_REQUEST)) => {
                return Err(SignInError::Refused("invalid_grant".into()));
            }
            body => body?,
        };
        let redeemed: Result<Redeemed, _> = serde_json::from_slice(&body);
        Ok(redeemed.map_err(|_| ProviderError::Malformed(ENDPOINT))?.id_token)
    }

    fn redemption(&self, discovery: &Discovery, code: &str, verifier: &str) -> RequestBuilder {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("code_verifier", verifier);
        let mut request = self.http.post(discovery.token_endpoint.clone());
        let secret = self.secret.as_ref().map(ExposeSecret::expose_secret);
        if let Some(secret) = secret.filter(|_| discovery.wants_basic()) {
            request = request.basic_auth(encoded(&self.client_id), Some(encoded(secret)));
        } else {
            form.append_pair("client_id", &self.client_id);
            form.extend_pairs(secret.map(|secret| ("client_secret", secret)));
        }
        let form_type = "application/x-www-form-urlencoded";
        request.header(CONTENT_TYPE, form_type).body(form.finish())
    }

    /// Verifies an ID token, by keys that are asked for again if it names one that is not known.
    pub(super) async fn verify(
        &self,
        id_token: &str,
        nonce: &str,
        now: Timestamp,
    ) -> Result<Said, SignInError> {
        let (issuer, client_id) = (&*self.issuer, &*self.client_id);
        let expected = Expected { issuer, client_id, nonce };
        self.discovery().await?;
        let came_at = Instant::now();
        let mut memory = self.memory.lock().await;
        let Memory { known: Some(known), failure } = &mut *memory else {
            return Err(SignInError::Busy);
        };
        let uri = known.discovery.jwks_uri.clone();
        let keys = match known.keys.take() {
            Some(keys) => keys,
            None => failure.shared(came_at, self.keys(&uri)).await?,
        };
        let keys = known.keys.insert(keys);
        let said = keys.verify(id_token, &expected, now);
        let is_early = known.refetched_at.is_some_and(|at| at.elapsed() < REFETCH);
        if !matches!(said, Err(Untrusted::UnknownKey)) || is_early {
            return Ok(said?);
        }
        known.refetched_at = Some(Instant::now());
        *keys = failure.shared(came_at, self.keys(&uri)).await?;
        Ok(keys.verify(id_token, &expected, now)?)
    }

    async fn keys(&self, uri: &Url) -> Result<Keys, ProviderError> {
        const KEYS: &str = "set of keys";
        let body = answer(self.http.get(uri.clone()), KEYS).await?;
        Keys::read(&body).ok_or(ProviderError::Malformed(KEYS))
    }

    /// What the provider says of itself, asked for once by all who want to know.
    async fn discovery(&self) -> Result<Discovery, ProviderError> {
        let came_at = Instant::now();
        let mut memory = self.memory.lock().await;
        let Memory { known, failure } = &mut *memory;
        if let Some(known) = known.as_ref().filter(|it| it.told_at.elapsed() < KNOWN_FOR) {
            return Ok(known.discovery.clone());
        }
        let discovery = failure.shared(came_at, self.discover()).await?;
        let refetched_at = known.as_ref().and_then(|known| known.refetched_at);
        let discovered = discovery.clone();
        *known = Some(Known { discovery, told_at: Instant::now(), keys: None, refetched_at });
        Ok(discovered)
    }

    async fn discover(&self) -> Result<Discovery, ProviderError> {
        const DISCOVERY: &str = "discovery document";
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let body = answer(self.http.get(url), DISCOVERY).await?;
        let discovery = serde_json::from_slice::<Discovery>(&body);
        let discovery = discovery.map_err(|_| ProviderError::Malformed(DISCOVERY))?;
        if discovery.issuer != self.issuer {
            return Err(ProviderError::OtherIssuer);
        }
        for (name, url) in [
            ("authorization endpoint", &discovery.authorization_endpoint),
            ("token endpoint", &discovery.token_endpoint),
            ("jwks_uri", &discovery.jwks_uri),
        ] {
            if !self.may_lead_to(url) {
                return Err(ProviderError::Unsafe(name));
            }
        }
        Ok(discovery)
    }

    /// Only a provider on this machine may lead to plain HTTP, and only on this machine.
    fn may_lead_to(&self, url: &Url) -> bool {
        let is_plain = self.issuer.starts_with("http:");
        is_safe(url) && (is_plain || url.scheme() == "https")
    }
}

impl Discovery {
    /// The way that every provider knows, unless it says that it knows another one only.
    fn wants_basic(&self) -> bool {
        let knows = |methods: &Vec<String>, way: &str| methods.iter().any(|method| method == way);
        let post_only = |methods: &Vec<String>| {
            knows(methods, "client_secret_post") && !knows(methods, "client_secret_basic")
        };
        !self.token_endpoint_auth_methods_supported.as_ref().is_some_and(post_only)
    }
}

fn client(issuer: &str, ca_file: Option<&Path>) -> Result<Client, SetupError> {
    let mut builder = Client::builder()
        .redirect(redirect::Policy::none())
        .timeout(PATIENCE)
        .https_only(issuer.starts_with("https:"));
    if Url::parse(issuer).is_ok_and(|issuer| is_loopback(&issuer)) {
        builder = builder.no_proxy();
    }
    if let Some(path) = ca_file {
        let nobody = || SetupError::Authority(path.to_owned());
        let pem = std::fs::read(path).map_err(|_| nobody())?;
        let authorities = Certificate::from_pem_bundle(&pem).map_err(|_| nobody())?;
        if authorities.is_empty() {
            return Err(nobody());
        }
        builder = builder.tls_certs_only(authorities);
    }
    builder.build().map_err(SetupError::Client)
}

fn read_secret(path: &Path) -> Result<SecretString, SetupError> {
    let failed = |source| SetupError::Read {
        setting: "oidc.client_secret_file",
        path: path.to_owned(),
        source,
    };
    if std::fs::metadata(path).map_err(failed)?.permissions().mode() & STRANGERS != 0 {
        return Err(SetupError::Readable(path.to_owned()));
    }
    let text = SecretString::from(std::fs::read_to_string(path).map_err(failed)?);
    let secret = text.expose_secret().trim_end();
    if (1..=LONGEST_SECRET).contains(&secret.len()) {
        Ok(secret.into())
    } else {
        Err(SetupError::Secret(path.to_owned()))
    }
}

/// As a form has it: that is how RFC 6749 wants names and secrets in the header.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The body of an answer that is in order.
async fn answer(request: RequestBuilder, of: &'static str) -> Result<Vec<u8>, ProviderError> {
    let unanswered = |error: reqwest::Error| ProviderError::Unanswered(of, error.without_url());
    let mut answer = request.header(ACCEPT, "application/json").send().await.map_err(unanswered)?;
    if answer.status() != StatusCode::OK {
        return Err(ProviderError::Status(of, answer.status()));
    }
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(unanswered)? {
        if body.len() + piece.len() > LONGEST_ANSWER {
            return Err(ProviderError::TooLong(of));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_client_secret_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        assert!(matches!(read_secret(&path), Err(SetupError::Read { .. })));
        fs::write(&path, "swordfish\n").unwrap();
        for (mode, is_good) in [(0o600, true), (0o640, true), (0o644, false), (0o660, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read_secret(&path).is_ok(), is_good, "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_secret(&path).unwrap().expose_secret(), "swordfish");
        fs::write(&path, "\n").unwrap();
        assert!(matches!(read_secret(&path), Err(SetupError::Secret(_))));
    }
}
