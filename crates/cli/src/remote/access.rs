//! Who asks: a token that was given, or the login that is kept, renewed when it is about to end.
//!
//! Refuses to send a kept login to another server than the one that gave it.

use super::credentials::{Credentials, Keeper};
use super::failure::{Failure, Kind};
use super::http::Http;
use super::said::{number, word};
use super::{HERE, Server};
use reqwest::Method;
use serde_json::{Value, json};
use std::env;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use url::Url;

/// A token that ends sooner is not used any more.
const MARGIN: Duration = Duration::from_secs(30);
const LOG_IN: &str = "log in with `fleetwire login`, or set FLEETWIRE_TOKEN";

/// Somebody at a server. No `Debug`: it may hold a token.
pub(super) struct Access {
    pub(super) http: Http,
    source: Source,
}

enum Source {
    /// A token that nobody can renew.
    Given(String),
    /// The login that is kept.
    Kept,
}

impl Access {
    /// # Errors
    ///
    /// [`Kind::Denied`] if there is neither a token nor a login.
    pub(super) fn new(choice: &Server) -> Result<Self, Failure> {
        let given = given(choice.token_file.as_deref())?;
        let server = match (choice.server.clone(), &given) {
            (Some(server), _) => server,
            (None, Some(_)) => here()?,
            (None, None) => {
                Keeper::open()?.read()?.map_or_else(here, |kept| address(&kept.server))?
            }
        };
        let source = given.map_or(Source::Kept, Source::Given);
        Ok(Self { http: Http::new(server)?, source })
    }

    /// A token that is good for a while.
    pub(super) async fn token(&self) -> Result<String, Failure> {
        match &self.source {
            Source::Given(token) => Ok(token.clone()),
            Source::Kept => self.kept().await,
        }
    }

    /// Asks for something as this user; what may be said twice is said again if nobody answers.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        adapt: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Result<Value, Failure> {
        let request = self.http.request(method, path)?.bearer_auth(self.token().await?);
        self.http.insist(adapt(request)).await
    }

    async fn kept(&self) -> Result<String, Failure> {
        // Held until what renews the login is stored: it is good once.
        let keeper = Keeper::open()?;
        let kept = keeper.read()?.filter(|kept| kept.server == self.http.server().as_str());
        let nobody = || Failure::new(Kind::Denied, "nobody is logged in").hint(LOG_IN);
        let kept = kept.ok_or_else(nobody)?;
        if kept.ends_at > now() + MARGIN.as_secs() {
            return Ok(kept.access_token);
        }
        let body = json!({ "refresh_token": kept.refresh_token });
        let request = self.http.request(Method::POST, "/api/v1/auth/refresh")?.json(&body);
        let renewed = credentials(self.http.server(), &self.http.send(request).await?)?;
        keeper.write(&renewed)?;
        Ok(renewed.access_token)
    }
}

/// The login that the server has answered with.
pub(super) fn credentials(server: &Url, answer: &Value) -> Result<Credentials, Failure> {
    let text = |name| Some(word(answer, name).to_owned()).filter(|text| !text.is_empty());
    let strange = || Failure::new(Kind::Other, "the server answered with no login");
    Ok(Credentials {
        server: server.to_string(),
        access_token: text("access_token").ok_or_else(strange)?,
        ends_at: now() + number(answer, "expires_in").ok_or_else(strange)?,
        refresh_token: text("refresh_token").ok_or_else(strange)?,
    })
}

/// The token of the file, or of the variable.
fn given(file: Option<&Path>) -> Result<Option<String>, Failure> {
    let text =
        match file {
            Some(path) => Some(fs::read_to_string(path).map_err(|error| {
                Failure::new(Kind::Usage, format!("{}: {error}", path.display()))
            })?),
            None => env::var("FLEETWIRE_TOKEN").ok(),
        };
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

fn here() -> Result<Url, Failure> {
    address(HERE)
}

/// Reads the address of a server.
pub(super) fn address(text: &str) -> Result<Url, Failure> {
    text.parse().map_err(|_| Failure::new(Kind::Usage, "name the server: --server URL"))
}

/// In seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a login outlives the process that keeps it")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
