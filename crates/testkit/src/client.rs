//! A user's client: REST and WebSocket, in the words of a test.
//!
//! It is written against the public contract alone and shares no code with the server.

use crate::platform::PATIENCE;
use crate::watch::Watch;
use reqwest::{Method, StatusCode};
use rustls::ClientConfig;
use serde_json::{Value, json};
use std::sync::Arc;

/// What a request was answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body; `null` if it is no JSON.
    pub json: Value,
}

/// A client with the token of one user, or none.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
    tls: Option<Arc<ClientConfig>>,
    /// What the login answered; `null` without one.
    pub tokens: Value,
}

impl Client {
    /// A client without a token.
    pub fn anonymous(url: &str) -> Self {
        let http = reqwest::Client::builder().timeout(PATIENCE).build();
        Self::with(http.expect("a client can be built"), url, None)
    }

    /// The same with its own idea of whom to trust.
    pub fn trusting(url: &str, tls: Arc<ClientConfig>) -> Self {
        let http = reqwest::Client::builder().timeout(PATIENCE);
        let http = http.tls_backend_preconfigured(ClientConfig::clone(&tls)).build();
        Self::with(http.expect("a client can be built"), url, Some(tls))
    }

    fn with(http: reqwest::Client, url: &str, tls: Option<Arc<ClientConfig>>) -> Self {
        Self { http, url: url.to_owned(), token: None, tls, tokens: Value::Null }
    }

    /// A client of a user who can log in.
    pub async fn login(url: &str, username: &str, password: &str) -> Self {
        Self::anonymous(url).log_in(username, password).await
    }

    /// The same client with a token of its own.
    pub async fn log_in(mut self, username: &str, password: &str) -> Self {
        let body = json!({ "username": username, "password": password });
        let reply = self.post("/api/v1/auth/login", body).await;
        assert_eq!(reply.status, StatusCode::OK, "login of {username}: {}", reply.json);
        self.token = reply.json["access_token"].as_str().map(ToOwned::to_owned);
        self.tokens = reply.json;
        self
    }

    /// The same client with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client, token and all, at another node.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// Its access token.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// Gets a path.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None, &[]).await
    }

    /// Posts a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(Method::POST, path, Some(body), &[]).await
    }

    /// Sends any request.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let sent = self.try_send(method, path, body.as_ref(), headers).await;
        sent.expect("the server answers")
    }

    /// Sends any request to a server that may be dying.
    ///
    /// # Errors
    ///
    /// [`reqwest::Error`] if no whole answer came.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Reply, reqwest::Error> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await?;
        Ok(Reply { status, headers, json: serde_json::from_str(&text).unwrap_or_default() })
    }

    /// The text of a path.
    pub async fn text(&self, path: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await;
        answer.expect("the server answers").text().await.expect("the body arrives")
    }

    /// Submits a command, which has to be accepted; answers its id.
    pub async fn submit(&self, vehicle_id: impl ToString, name: &str, params: Value) -> String {
        let body = json!({
            "vehicle_id": vehicle_id.to_string(),
            "command_name": name,
            "command_params": params,
        });
        self.submit_body(body).await
    }

    /// Submits a command with all that can be said of it; answers its id.
    pub async fn submit_body(&self, body: Value) -> String {
        let reply = self.post("/api/v1/commands", body).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.json);
        reply.json["command_id"].as_str().expect("it has an id").to_owned()
    }

    /// Where a command stands.
    pub async fn command(&self, command_id: &str) -> Value {
        let reply = self.get(&format!("/api/v1/commands/{command_id}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json);
        reply.json
    }

    /// Watches a command from its beginning.
    pub async fn watch(&self, command_id: &str) -> Watch {
        self.watch_after(command_id, 0).await
    }

    /// Watches what follows an offset.
    pub async fn watch_after(&self, command_id: &str, after: u64) -> Watch {
        let token = self.token();
        self.connect(&format!("/ws/responses/{command_id}?token={token}&after={after}")).await
    }

    /// The same on a server that may be dying; `None` if there was no upgrade.
    pub async fn try_watch_after(&self, command_id: &str, after: u64) -> Option<Watch> {
        let token = self.token();
        let path = format!("/ws/responses/{command_id}?token={token}&after={after}");
        Watch::try_open_as(&self.socket_url(&path), None, self.tls.clone()).await.ok()
    }

    /// Opens a session of the full protocol, on which nothing is followed yet.
    pub async fn session(&self) -> Watch {
        self.connect_as("/ws", &format!("fleetwire.v1, bearer.{}", self.token())).await
    }

    /// Opens a WebSocket that offers subprotocols, on any path.
    pub async fn connect_as(&self, path: &str, protocols: &str) -> Watch {
        let url = self.socket_url(path);
        let opened = Watch::try_open_as(&url, Some(protocols), self.tls.clone()).await;
        opened.unwrap_or_else(|error| panic!("no WebSocket at {url}: {error}"))
    }

    /// Opens a WebSocket on any path.
    pub async fn connect(&self, path: &str) -> Watch {
        let url = self.socket_url(path);
        let opened = Watch::try_open_as(&url, None, self.tls.clone()).await;
        opened.unwrap_or_else(|error| panic!("no WebSocket at {url}: {error}"))
    }

    /// Opens a WebSocket over a connection that holds almost nothing which has not been read.
    pub async fn connect_narrow(&self, path: &str) -> Watch {
        Watch::open_narrow(&self.socket_url(path), self.tls.clone()).await
    }

    fn socket_url(&self, path: &str) -> String {
        format!("{}{path}", self.url.replacen("http", "ws", 1))
    }
}
