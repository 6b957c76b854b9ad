//! Requests to a server, and what is not a success as a failure.
//!
//! Refuses to follow elsewhere: a token goes to the server that was named, and to no other.

use super::failure::{Failure, Kind};
use reqwest::{Method, RequestBuilder, redirect};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// How long a connection, and an answer, may take.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_mins(1);
/// How often what may be said twice is tried, and the pause between.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

/// A server.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    server: Url,
}

impl Http {
    /// # Errors
    ///
    /// [`Kind::Usage`] if the address is of nothing that speaks HTTP.
    pub(super) fn new(server: Url) -> Result<Self, Failure> {
        if !matches!(server.scheme(), "http" | "https") {
            return Err(Failure::new(Kind::Usage, "the server has no http or https address"));
        }
        let client = reqwest::Client::builder().connect_timeout(CONNECT);
        let client = client.redirect(redirect::Policy::none()).build();
        let client = client.map_err(|error| Failure::new(Kind::Other, error.to_string()))?;
        Ok(Self { client, server })
    }

    /// Its address, without what follows the host.
    pub(super) fn server(&self) -> &Url {
        &self.server
    }

    /// A request that has not been sent yet.
    pub(super) fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        let url = self.server.join(path);
        let url = url.map_err(|error| Failure::new(Kind::Usage, error.to_string()))?;
        Ok(self.client.request(method, url))
    }

    /// Sends what may be said twice, again and again while nobody answers.
    pub(super) async fn insist(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let mut tries = 1;
        loop {
            let Some(copy) = request.try_clone() else { return self.send(request).await };
            match self.send(copy).await {
                Err(failure) if is_silence(&failure) && tries < TRIES => tries += 1,
                done => return done,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends it; what was answered, `null` for nothing.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let answer = request.timeout(ANSWER).send().await.map_err(|error| self.silence(&error))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| self.silence(&error))?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if status.is_success() { Ok(body) } else { Err(Failure::refused(status.as_u16(), body)) }
    }

    /// Nobody answered.
    pub(super) fn silence(&self, error: &reqwest::Error) -> Failure {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        let cause = cause.unwrap_or_else(|| error.to_string());
        let message = format!("{} does not answer: {cause}", self.server);
        Failure::new(Kind::Other, message)
            .hint("name the server: --server URL, or FLEETWIRE_SERVER")
    }
}

/// Whether nobody answered.
fn is_silence(failure: &Failure) -> bool {
    failure.problem.is_none() && failure.kind == Kind::Other
}
