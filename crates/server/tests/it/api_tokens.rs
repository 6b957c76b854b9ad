//! Tokens of machines over HTTP: what they open, what they do not, and how soon they are out.

use crate::on_both;
use crate::openapi::operations;
use crate::websocket::read;
use model::Timestamp;
use model::user::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::{Backend, Client, Platform, eventually};

on_both! {
    a_token_that_is_revoked_is_out_within_a_second
    a_token_follows_its_owner_within_a_second
    a_token_sees_only_its_fleets
}

const OUT: Duration = Duration::from_secs(1);
const NO_ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

#[expect(clippy::disallowed_methods, reason = "the server's clock is this machine's")]
pub(crate) fn in_days(days: u64) -> String {
    (Timestamp::now() + Duration::from_hours(24 * days)).to_string()
}

fn draft(more: &Value) -> Value {
    let mut draft = json!({ "name": "bench 7", "expires_at": in_days(30) });
    draft.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    draft
}

/// A client with a new token of `owner`, and the path of the token.
async fn token_of(owner: &Client, more: &Value) -> (Client, String) {
    let made = owner.post("/api/v1/tokens", draft(more)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json);
    let path = made.headers["location"].to_str().unwrap().to_owned();
    (owner.with_token(made.json["token"].as_str().unwrap()), path)
}

async fn delete(who: &Client, path: &str) -> StatusCode {
    who.send(Method::DELETE, path, None, &[]).await.status
}

async fn me(who: &Client) -> Value {
    who.get("/api/v1/auth/me").await.json
}

async fn a_token_that_is_revoked_is_out_within_a_second(backend: Backend) {
    let p = Platform::start_on(backend).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let (machine, path) = token_of(&engineer, &json!({})).await;
    let id = read(&p, &machine).await;
    let mut watch = machine.watch(&id).await;
    let ticket = machine.post("/api/v1/ws-tickets", json!({})).await;
    assert_eq!(ticket.status, StatusCode::CREATED, "{}", ticket.json);
    let revoked = Instant::now();
    assert_eq!(delete(&engineer, &path).await, StatusCode::NO_CONTENT);
    assert_eq!(watch.close_code().await, 1008);
    eventually("the end", async || machine.get("/api/v1/auth/me").await.status == 401).await;
    assert!(revoked.elapsed() <= OUT, "{:?}", revoked.elapsed());
    assert_eq!(delete(&engineer, &path).await, StatusCode::NOT_FOUND);
    assert_eq!(engineer.get("/api/v1/tokens").await.json, json!([]));

    let audit = p.admin().await.get("/api/v1/audit?limit=100").await.json;
    let deed = |action: &str| {
        let all = audit["entries"].as_array().unwrap();
        all.iter()
            .find(|deed| deed["action"] == action)
            .unwrap_or_else(|| panic!("{audit}"))
            .clone()
    };
    let (created, ended) = (deed("authn_token_created"), deed("authn_token_revoked"));
    assert_eq!(created["object"], ended["object"]);
    assert_eq!(created["details"]["name"], "bench 7");
    let submitted = deed("command_submitted");
    assert_eq!(
        (&submitted["actor"], &submitted["details"]["api_token"]),
        (&json!("engineer"), &json!("bench 7"))
    );
    let hash = submitted["session_hash"].as_str().unwrap();
    assert_eq!(created["object"], format!("token/{hash}"));
    assert!(p.log().lines_with(machine.token()).is_empty(), "the secret is in the log");
}

async fn a_token_follows_its_owner_within_a_second(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let (admin, senior) = (p.admin().await, p.user("sue", Role::Senior, &[p.fleet_id()]).await);
    let (machine, _) = token_of(&senior, &json!({ "role": "engineer" })).await;
    let id = me(&machine).await;
    assert_eq!((&id["username"], &id["role"]), (&json!("sue"), &json!("engineer")));
    let user = format!("/api/v1/users/{}", id["user_id"].as_str().unwrap());
    let change = async |body: Value| {
        let reply = admin.send(Method::PATCH, &user, Some(body), &[]).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json);
        Instant::now()
    };
    for (owner, role) in [("viewer", "viewer"), ("senior", "engineer")] {
        let changed = change(json!({ "role": owner })).await;
        eventually(role, async || me(&machine).await["role"] == role).await;
        assert!(changed.elapsed() <= OUT, "{:?}", changed.elapsed());
    }
    let disabled = change(json!({ "is_active": false })).await;
    eventually("the end", async || machine.get("/api/v1/auth/me").await.status == 401).await;
    assert!(disabled.elapsed() <= OUT, "{:?}", disabled.elapsed());
    change(json!({ "is_active": true })).await;
    assert_eq!(machine.get("/api/v1/auth/me").await.status, StatusCode::UNAUTHORIZED);
}

async fn a_token_sees_only_its_fleets(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let admin = p.admin().await;
    let south = admin.post("/api/v1/fleets", json!({ "name": "south" })).await.json;
    // Named twice, it is one.
    let twice = [&south["fleet_id"], &south["fleet_id"]];
    let (machine, _) = token_of(&admin, &json!({ "fleets": twice })).await;
    let id = read(&p, &admin).await;
    let fleets = machine.get("/api/v1/fleets").await.json;
    assert_eq!((fleets.as_array().unwrap().len(), &fleets[0]["name"]), (1, &json!("south")));
    assert_eq!(machine.get("/api/v1/vehicles").await.json, json!([]));
    assert_eq!(machine.get("/api/v1/commands").await.json["commands"], json!([]));
    for path in
        [format!("/api/v1/commands/{id}"), format!("/api/v1/vehicles/{}", p.vehicle().vehicle_id)]
    {
        assert_eq!(machine.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(machine.watch(&id).await.close_code().await, 1008);
    let (all, _) = token_of(&admin, &json!({})).await;
    assert_eq!(all.get("/api/v1/vehicles").await.json.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_token_serves_for_everything_but_the_affairs_of_people() {
    let p = Platform::start().await;
    let (machine, path) = token_of(&p.admin().await, &json!({})).await;
    let own = me(&machine).await["user_id"].as_str().unwrap().to_owned();
    let is_of_people = |method: &str, path: &str| {
        let about = ["/api/v1/tokens", "/api/v1/sessions", "/api/v1/auth/logout"];
        let changes = path.starts_with("/api/v1/users") && method != "GET";
        let decides = path.ends_with("/approve") || path.ends_with("/deny");
        changes || decides || about.iter().any(|about| path.starts_with(about))
    };
    for (method, path, operation) in operations() {
        if operation["security"] == json!([{}]) {
            continue;
        }
        let asked = path.replace("{user_id}", &own);
        let asked = asked.split('/').map(|it| if it.starts_with('{') { NO_ID } else { it });
        let asked = asked.collect::<Vec<_>>().join("/");
        let body = (method != "GET" && method != "DELETE").then(|| json!({}));
        let named = Method::from_bytes(method.as_bytes()).unwrap();
        let reply = machine.send(named, &asked, body, &[]).await;
        let is_refused = reply.status == StatusCode::FORBIDDEN;
        assert_eq!(is_refused, is_of_people(&method, &path), "{method} {path}: {}", reply.json);
        assert_ne!(reply.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    assert_eq!(delete(&machine, &path).await, StatusCode::FORBIDDEN);
    assert_eq!(me(&machine).await["username"], "admin");
}

#[tokio::test]
async fn each_kind_of_token_opens_its_own_door_only() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let (machine, _) = token_of(&engineer, &json!({})).await;
    let ticket = engineer.post("/api/v1/ws-tickets", json!({})).await.json;
    let (api, access) = (machine.token(), engineer.token());
    let (refresh, ticket) =
        (engineer.tokens["refresh_token"].as_str().unwrap(), ticket["ticket"].as_str().unwrap());
    let nobody = p.nobody();
    for wrong in [refresh, ticket, "fwa_", &format!("{api}x"), &format!("fwa_{}", "A".repeat(43))] {
        let reply = nobody.with_token(wrong).get("/api/v1/auth/me").await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    }
    for wrong in [api, access, ticket] {
        let body = json!({ "refresh_token": wrong });
        let reply = nobody.post("/api/v1/auth/refresh", body).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    }
    for wrong in [api, access, refresh] {
        let mut socket = nobody.connect(&format!("/ws/responses/{NO_ID}?ticket={wrong}")).await;
        assert_eq!(socket.close_code().await, 1008);
    }
    for right in [api, access] {
        assert_eq!(me(&nobody.with_token(right)).await["username"], "engineer");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_said_field_by_field() {
    let p = Platform::start_with(Backend::Sqlite, &[("auth.max_tokens_per_user", "1")]).await;
    let (admin, engineer) = (p.admin().await, p.engineer().await);
    let hidden = admin.post("/api/v1/fleets", json!({ "name": "south" })).await.json;
    for (field, value) in [
        ("name", json!("")),
        ("role", json!("senior")),
        ("role", json!("auditor")),
        ("fleets", json!([hidden["fleet_id"]])),
        ("fleets", json!([NO_ID])),
        ("expires_at", json!("2020-01-01T00:00:00Z")),
        ("expires_at", json!(in_days(367))),
    ] {
        let reply = engineer.post("/api/v1/tokens", draft(&json!({ field: value }))).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {}", reply.json);
        assert_eq!(reply.json["errors"][0]["pointer"], format!("/{field}"));
    }
    token_of(&engineer, &json!({ "role": "viewer", "fleets": [p.fleet_id()] })).await;
    let second = engineer.post("/api/v1/tokens", draft(&json!({}))).await;
    assert_eq!(
        (second.status, &second.json["type"]),
        (StatusCode::CONFLICT, &json!("/problems/too-many-tokens"))
    );
}

#[tokio::test]
async fn tokens_of_others_are_for_admins() {
    let p = Platform::start().await;
    let (admin, engineer) = (p.admin().await, p.engineer().await);
    let (machine, path) = token_of(&engineer, &json!({ "role": "viewer" })).await;
    let (_, of_admin) = token_of(&admin, &json!({})).await;
    me(&machine).await;
    let own = "/api/v1/tokens";
    eventually("the use", async || {
        let listed = engineer.get(own).await.json;
        assert_eq!((&listed[0]["role"], &listed[0]["fleets"]), (&json!("viewer"), &Value::Null));
        assert!(listed[0].get("token").is_none(), "it is shown once");
        listed[0]["last_used_at"].is_string()
    })
    .await;
    let user = me(&engineer).await["user_id"].as_str().unwrap().to_owned();
    let foreign = admin.get(&format!("{own}?user_id={user}")).await.json;
    assert_eq!(foreign[0]["name"], "bench 7");
    let admins = me(&admin).await["user_id"].as_str().unwrap().to_owned();
    let refused = engineer.get(&format!("{own}?user_id={admins}")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(delete(&engineer, &of_admin).await, StatusCode::NOT_FOUND);
    assert_eq!(delete(&admin, &path).await, StatusCode::NO_CONTENT);
    assert_eq!(delete(&admin, "/api/v1/tokens/x").await, StatusCode::NOT_FOUND);
}
