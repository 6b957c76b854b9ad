//! The log of a server: JSON lines, named events with their fields, and never a secret.

use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Backend, Client, PASSWORD, Process, Site};

const WRONG_PASSWORD: &str = "incorrect horse battery staple";
/// How long a line may take to be written.
const SOON: Duration = Duration::from_secs(5);

/// What a session of a user did, and the secrets that it used.
struct Session {
    user_id: String,
    vehicle_id: String,
    command_id: String,
    secrets: Vec<String>,
}

impl Session {
    /// Logs in wrongly and rightly, renews, submits, watches by token and ticket, resumes, leaves.
    async fn spend(site: &Site) -> Self {
        let mut secrets = vec![PASSWORD.to_owned(), WRONG_PASSWORD.to_owned()];
        let wrong = json!({ "username": "engineer", "password": WRONG_PASSWORD });
        let anonymous = Client::anonymous(&site.url);
        assert_eq!(anonymous.post("/api/v1/auth/login", wrong).await.status, 401);
        let client = site.engineer().await;
        let renewal = json!({ "refresh_token": client.tokens["refresh_token"] });
        let renewed = client.post("/api/v1/auth/refresh", renewal.clone()).await.json;
        for tokens in [&client.tokens, &renewed] {
            let both = ["access_token", "refresh_token"];
            secrets.extend(both.map(|name| tokens[name].as_str().unwrap().to_owned()));
        }
        let params = json!({ "ecuAddress": "0x10" });
        let command_id = client.submit(&site.vehicle_ids[0], "ReadDTC", params).await;
        let events = client.watch(&command_id).await.until_end().await;
        client.watch_after(&command_id, events[0]["offset"].as_u64().unwrap()).await.next().await;
        let mut full = client.session().await;
        full.send(json!({ "action": "subscribe", "command_id": command_id })).await;
        full.next().await;
        let ticket = client.post("/api/v1/ws-tickets", json!({})).await.json;
        let ticket = ticket["ticket"].as_str().unwrap().to_owned();
        client.connect(&format!("/ws/responses/{command_id}?ticket={ticket}")).await.next().await;
        secrets.push(ticket);
        let foreign = client.with_token("not.a.token");
        assert_eq!(foreign.watch(&command_id).await.close_code().await, 1008);
        let stolen = client.post("/api/v1/auth/refresh", renewal).await;
        assert_eq!(stolen.status, 401, "{}", stolen.json);
        secrets.push("not.a.token".to_owned());
        let (user_id, vehicle_id) = (site.engineer_id.clone(), site.vehicle_ids[0].clone());
        Self { user_id, vehicle_id, command_id, secrets }
    }
}

#[tokio::test]
async fn what_happens_is_logged_by_name_with_its_fields() {
    let mut site = Site::new(Backend::Sqlite, 1).await;
    site.start().await;
    let session = Session::spend(&site).await;
    let server = site.server();
    let watcher = ["command_id", "user_id", "username", "vehicle_id"];
    let logged = |name: &str, fields: &[&str]| event(server, name, fields);
    logged("server_started", &["version", "store"]);
    logged("authn_login_fail", &["username", "address"]);
    logged("authn_login_success", &["user_id", "username", "address"]);
    logged("authn_token_reuse", &["user_id", "address"]);
    logged("vehicle_connection_changed", &["vehicle_id", "connection_status"]);
    let following = [&watcher[..], &["after"]].concat();
    logged("websocket_connection_established", &following);
    logged("websocket_subscribed", &following);
    let rejected = logged("websocket_connection_rejected", &["reason"]);
    assert_eq!(rejected["reason"], "token invalid");
    assert_eq!(rejected["level"], "WARN");
    logged("websocket_closed", &[&watcher[..], &["reason"]].concat());
    let moved = logged("command_transition", &["command_id", "user_id", "vehicle_id", "state"]);
    assert_eq!(moved["command_id"], session.command_id.as_str());
    assert_eq!(moved["user_id"], session.user_id.as_str());
    assert_eq!(moved["vehicle_id"], session.vehicle_id.as_str());
}

/// The first event of that name, which has to have these fields.
fn event(server: &Process, name: &str, fields: &[&str]) -> Value {
    let line = server.log_line(&format!("\"message\":\"{name}\""), SOON);
    let event: Value = serde_json::from_str(&line).unwrap();
    for field in fields {
        assert!(!event[field].is_null(), "{name} without {field}: {event:#}");
    }
    event
}

#[tokio::test]
async fn every_line_is_json_without_a_secret_and_without_an_error() {
    let mut site = Site::new(Backend::Sqlite, 1).await;
    site.set_variable("FLEETWIRE_LOG_FILTER", "debug");
    site.start().await;
    let session = Session::spend(&site).await;
    assert_eq!(site.terminate(Duration::from_secs(30)).code(), Some(0));
    let log = site.server().log();
    assert!(log.len() > 10, "{log:#?}");
    for line in &log {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        assert!(event["timestamp"].is_string() && event["level"].is_string(), "{line}");
        assert_ne!(event["level"], "ERROR", "{line}");
        for secret in &session.secrets {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}
