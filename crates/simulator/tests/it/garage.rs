//! One simulated vehicle with its control server, and the requests that tests make.
//!
//! Asserts nothing by itself.

use std::time::Duration;

use fleetwire_simulator::{Fleet, Running, Vehicle, fleet, full_fleet};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

const PATIENCE: Duration = Duration::from_secs(20);

/// A running fleet that stops when it is dropped.
pub(crate) struct Garage {
    pub(crate) fleet: Fleet,
    client: Client,
    _shutdown: DropGuard,
}

/// What came back.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    /// `Null` if the body was empty.
    pub(crate) body: Value,
}

/// An event stream, event by event.
pub(crate) struct Events {
    response: Response,
    text: String,
}

impl Garage {
    /// One vehicle that answers without delay.
    pub(crate) async fn open() -> Self {
        let garage = Self::with(fleet(1)).await;
        garage.set(json!({"delay_ms": 0})).await;
        garage
    }

    /// One vehicle with everything that SOVD knows.
    pub(crate) async fn full() -> Self {
        Self::with(full_fleet(1)).await
    }

    pub(crate) async fn with(vehicles: Vec<Vehicle>) -> Self {
        let shutdown = CancellationToken::new();
        let fleet = Fleet::start(vehicles, 0, shutdown.clone()).await.unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { fleet, client, _shutdown: shutdown.drop_guard() }
    }

    pub(crate) fn vehicle(&self) -> &Running {
        &self.fleet.vehicles()[0]
    }

    /// Host and port of the vehicle.
    pub(crate) fn address(&self) -> &str {
        self.vehicle().base_url.trim_start_matches("http://").split('/').next().unwrap()
    }

    /// A request to the vehicle; the path starts at the root of its server.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address()))
    }

    /// A request that a command causes.
    pub(crate) fn command(&self, id: &str, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).header("x-fleetwire-command-id", id)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    /// A request in the name of one of several clients.
    pub(crate) async fn by(&self, client: &str, method: Method, path: &str, body: Value) -> Answer {
        answer(self.request(method, path).header("x-client-id", client).json(&body)).await
    }

    /// A request to the control server, below the vehicle.
    pub(crate) fn control(&self, method: Method, path: &str) -> RequestBuilder {
        let vin = &self.vehicle().vin;
        let url = format!("{}/control/vehicles/{vin}{path}", self.fleet.control_url());
        self.client.request(method, url)
    }

    /// Sets the vehicle; the setting in force.
    pub(crate) async fn set(&self, setting: Value) -> Value {
        let answer = answer(self.control(Method::PUT, "").json(&setting)).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.body
    }

    pub(crate) async fn counts(&self) -> Value {
        answer(self.control(Method::GET, "/executions")).await.body
    }

    /// Codes in the fault memory of a control unit.
    pub(crate) async fn codes(&self, query: &str) -> Vec<String> {
        let body = self.get(&format!("/sovd/v1/components/{query}")).await.body;
        ids(&body, "code")
    }
}

/// One field of every item of a list.
pub(crate) fn ids(list: &Value, field: &str) -> Vec<String> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

/// Sends a request and takes the whole answer.
pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status();
    let location = response.headers().get("location");
    let location = location.map(|value| value.to_str().unwrap().to_owned());
    let body = response.bytes().await.unwrap();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Answer { status, location, body }
}

impl Events {
    /// Listens at the `event_source` of what was created.
    pub(crate) async fn of(garage: &Garage, created: &Answer) -> Self {
        let source = created.body["event_source"].as_str().unwrap();
        let response = garage.request(Method::GET, source).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
                let rest = rest.to_owned();
                self.text = rest;
                return Some(event);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.expect("no event came").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

/// Asks again until the condition holds.
pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it never came true");
}
