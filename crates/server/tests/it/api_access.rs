//! Who may do what over HTTP: nobody unless somebody said so.

use crate::openapi::operations;
use model::user::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{Backend, Client, PASSWORD, Platform, audit, eventually};

/// What anybody may ask.
const PUBLIC: [&str; 12] = [
    "GET /.well-known/jwks.json",
    "GET /api/v1/auth/oidc",
    "GET /api/v1/ui-config",
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
    "GET /livez",
    "GET /metrics",
    "GET /readyz",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/password",
    "POST /api/v1/auth/refresh",
];

const NO_ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A path of the description with ids of nothing.
fn filled(path: &str) -> String {
    let fill = |segment: &'_ str| {
        if segment.starts_with('{') { NO_ID.to_owned() } else { segment.to_owned() }
    };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_is_denied_without_a_token_unless_it_is_public() {
    let p = Platform::start().await;
    let mut public = Vec::new();
    for (method, path, operation) in operations() {
        let verb = Method::from_bytes(method.as_bytes()).unwrap();
        let reply = p.nobody().send(verb, &filled(&path), None, &[]).await;
        let route = format!("{method} {path}");
        if PUBLIC.contains(&route.as_str()) {
            assert_eq!(operation["security"], json!([{}]), "{route}");
            public.push(route);
        } else {
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{route}: {}", reply.json);
            assert_eq!(reply.headers["www-authenticate"], "Bearer", "{route}");
            assert_eq!(reply.json["type"], "/problems/unauthenticated", "{route}");
        }
    }
    public.sort();
    assert_eq!(public, PUBLIC);
}

/// What needs more than watching, and who has it.
async fn permitted(who: &Client, vehicle: &str) -> Vec<&'static str> {
    let submission = |name: &str, params: Value| json!({ "vehicle_id": vehicle, "command_name": name, "command_params": params });
    let read = submission("ReadDTC", json!({ "ecuAddress": "0x10" }));
    let asked = [
        ("watch", Method::GET, "/api/v1/vehicles", None),
        ("watch", Method::GET, "/api/v1/catalog", None),
        ("watch", Method::GET, "/api/v1/fleets", None),
        ("watch", Method::POST, "/api/v1/ws-tickets", Some(json!({}))),
        ("submit", Method::POST, "/api/v1/commands", Some(read)),
        ("audit", Method::GET, "/api/v1/audit", None),
        ("audit", Method::GET, "/api/v1/audit/verify", None),
        ("administer", Method::GET, "/api/v1/users", None),
        ("administer", Method::POST, "/api/v1/fleets", Some(json!({ "name": NO_ID }))),
        ("administer", Method::DELETE, "/api/v1/vehicles/x", None),
        ("administer", Method::GET, "/api/v1/users/x/grants", None),
    ];
    let mut permitted = Vec::new();
    for (right, method, path, body) in asked {
        let reply = who.send(method, path, body, &[]).await;
        if reply.status != StatusCode::FORBIDDEN {
            assert_ne!(reply.status, StatusCode::UNAUTHORIZED, "{path}");
            permitted.push(right);
        }
    }
    permitted.dedup();
    permitted
}

#[tokio::test]
async fn each_role_may_what_it_is_for_and_nothing_else() {
    let p = Platform::start().await;
    let vehicle = p.vehicle().vehicle_id.to_string();
    for (role, rights) in [
        (Role::Viewer, vec!["watch"]),
        (Role::Engineer, vec!["watch", "submit"]),
        (Role::Senior, vec!["watch", "submit"]),
        (Role::Approver, vec!["watch"]),
        (Role::Auditor, vec!["audit"]),
        (Role::Admin, vec!["watch", "submit", "audit", "administer"]),
    ] {
        let who = p.user(role.word(), role, &[p.fleet_id()]).await;
        assert_eq!(permitted(&who, &vehicle).await, rights, "{}", role.word());
    }
}

#[tokio::test]
async fn what_may_not_be_seen_does_not_exist() {
    let p = Platform::start().await;
    let (engineer, stranger) = (p.engineer().await, p.user("bo", Role::Engineer, &[]).await);
    let vehicle = p.vehicle().vehicle_id;
    let command = engineer.submit(vehicle, "ReadDTC", json!({ "ecuAddress": "0x10" })).await;

    for (foreign, missing) in [
        (format!("/api/v1/vehicles/{vehicle}"), format!("/api/v1/vehicles/{NO_ID}")),
        (format!("/api/v1/vehicles/{vehicle}/status"), "/api/v1/vehicles/x/status".to_owned()),
        (format!("/api/v1/commands/{command}"), format!("/api/v1/commands/{NO_ID}")),
        (format!("/api/v1/commands/{command}/responses"), "/api/v1/commands/x/responses".into()),
        (format!("/api/v1/commands/{command}/events"), "/api/v1/commands/x/events".into()),
    ] {
        let (foreign, missing) = (stranger.get(&foreign).await, engineer.get(&missing).await);
        assert_eq!(foreign.status, StatusCode::NOT_FOUND);
        for field in ["type", "title", "status", "detail"] {
            assert_eq!(foreign.json[field], missing.json[field]);
        }
    }
    let ticket = stranger.post("/api/v1/ws-tickets", json!({ "command_id": command })).await;
    assert_eq!(ticket.status, StatusCode::NOT_FOUND);
    assert_eq!(stranger.get("/api/v1/vehicles").await.json, json!([]));
    assert_eq!(stranger.get("/api/v1/commands").await.json["commands"], json!([]));
    assert_eq!(stranger.get("/api/v1/fleets").await.json, json!([]));
}

#[tokio::test]
async fn those_who_only_watch_see_masked_vins_no_parameters_and_no_addresses() {
    let p = Platform::start().await;
    let (engineer, viewer) =
        (p.engineer().await, p.user("vera", Role::Viewer, &[p.fleet_id()]).await);
    let vehicle = p.vehicle();
    let path = format!("/api/v1/vehicles/{}", vehicle.vehicle_id);
    assert_eq!(engineer.get(&path).await.json["vin"], vehicle.vin);
    let masked = viewer.get(&path).await.json["vin"].as_str().unwrap().to_owned();
    assert!(masked.contains("**********") && masked.len() == 17, "{masked}");
    assert_eq!(viewer.get("/api/v1/vehicles").await.json[0]["vin"], masked);
    assert!(engineer.get(&path).await.json.get("sovd_url").is_none());
    assert!(p.admin().await.get(&path).await.json["sovd_url"].is_string());

    let params = json!({ "ecuAddress": "0x10" });
    let command = engineer.submit(vehicle.vehicle_id, "ReadDTC", params.clone()).await;
    assert_eq!(engineer.command(&command).await["command_params"], params);
    assert_eq!(viewer.command(&command).await["command_params"], Value::Null);
}

/// Counts how long a change takes to act, at most a second.
async fn is_locked_out(who: &Client) {
    let begun = std::time::Instant::now();
    eventually("the lock-out", async || {
        who.get("/api/v1/auth/me").await.status == StatusCode::UNAUTHORIZED
    })
    .await;
    assert!(begun.elapsed().as_secs() < 2, "it took {:?}", begun.elapsed());
}

#[tokio::test]
async fn logging_out_ends_every_token_of_the_session() {
    let p = Platform::start().await;
    let engineer = p.engineer().await;
    let other = Client::login(p.url(), "engineer", PASSWORD).await;
    assert_eq!(engineer.post("/api/v1/auth/logout", json!({})).await.status, StatusCode::OK);
    is_locked_out(&engineer).await;
    let renewal = json!({ "refresh_token": engineer.tokens["refresh_token"] });
    let reply = p.nobody().post("/api/v1/auth/refresh", renewal).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(other.get("/api/v1/auth/me").await.status, StatusCode::OK, "another session");
}

#[tokio::test]
async fn disabling_demoting_and_revoking_act_within_a_second() {
    let p = Platform::start().await;
    let (admin, engineer) = (p.admin().await, p.engineer().await);
    let id = engineer.get("/api/v1/auth/me").await.json["user_id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/users/{id}");
    let vehicle = format!("/api/v1/vehicles/{}", p.vehicle().vehicle_id);

    let demotion = Some(json!({ "role": "viewer" }));
    assert_eq!(admin.send(Method::PATCH, &path, demotion, &[]).await.status, StatusCode::OK);
    eventually("the demotion", async || {
        engineer.get("/api/v1/auth/me").await.json["role"] == "viewer"
    })
    .await;

    let grant = format!("{path}/grants/{}", p.fleet_id());
    let revoked = admin.send(Method::DELETE, &grant, None, &[]).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    eventually("the end of the grant", async || {
        engineer.get(&vehicle).await.status == StatusCode::NOT_FOUND
    })
    .await;

    let removed = admin.send(Method::DELETE, &path, None, &[]).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    is_locked_out(&engineer).await;
    let body = json!({ "username": "engineer", "password": PASSWORD });
    let again = p.nobody().post("/api/v1/auth/login", body).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down_and_answered_alike() {
    let p = Platform::start().await;
    p.engineer().await;
    let guess = async |username: &str| {
        let body = json!({ "username": username, "password": "not the right password" });
        p.nobody().post("/api/v1/auth/login", body).await
    };
    let (known, unknown) = (guess("engineer").await, guess("nobody").await);
    assert_eq!(known.status, StatusCode::UNAUTHORIZED);
    for field in ["type", "title", "status", "detail"] {
        assert_eq!(known.json[field], unknown.json[field]);
    }
    let mut last = guess("engineer").await;
    for _ in 0..8 {
        last = guess("engineer").await;
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS, "{}", last.json);
    assert_eq!(last.json["type"], "/problems/too-many-attempts");
    let wait = last.headers["retry-after"].to_str().unwrap();
    assert!(wait.parse::<u64>().unwrap() >= 1);
    assert_eq!(last.headers["ratelimit-remaining"], "0");
    assert_eq!(last.headers["ratelimit-reset"], wait);
}

#[tokio::test]
async fn forty_guesses_from_forty_addresses_neither_get_in_nor_keep_the_user_out() {
    let p = Platform::start_with(Backend::Sqlite, &[("trusted_proxies", "127.0.0.1")]).await;
    p.engineer().await;
    let try_from = async |address: &str, password: &str| {
        let body = json!({ "username": "engineer", "password": password });
        let from = [("x-forwarded-for", address)];
        p.nobody().send(Method::POST, "/api/v1/auth/login", Some(body), &from).await
    };
    for address in 1..=40 {
        let reply = try_from(&format!("192.0.2.{address}"), "not the right password").await;
        assert!(matches!(reply.status.as_u16(), 401 | 429), "{}", reply.json);
    }
    let reply = try_from("198.51.100.7", PASSWORD).await;
    let wait = reply.headers.get("retry-after").map(|it| it.to_str().unwrap().parse::<u64>());
    let is_soon = wait.is_some_and(|seconds| seconds.unwrap() <= 60);
    assert!(reply.status == StatusCode::OK || is_soon, "{}", reply.json);
}

#[tokio::test]
async fn a_grant_that_ends_ends() {
    let p = Platform::start_on(Backend::Sqlite).await;
    let lent = p.user("lena", Role::Viewer, &[]).await;
    let id = lent.get("/api/v1/auth/me").await.json["user_id"].as_str().unwrap().to_owned();
    let soon = p.store().now().checked_add(std::time::Duration::from_secs(3)).unwrap();
    let user_id = id.parse().unwrap();
    p.store().grant(user_id, p.fleet_id(), Some(soon), audit("authz_change")).await.unwrap();
    let seen = async || lent.get("/api/v1/vehicles").await.json.as_array().unwrap().len();
    eventually("the grant", async || seen().await == 2).await;
    eventually("its end", async || seen().await == 0).await;
}
