//! Users, grants and the audit over HTTP.

use crate::on_both;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{Backend, Client, PASSWORD, Platform};

on_both! {
    a_user_is_added_changed_and_locked_out
    a_grant_is_given_and_taken_back
    every_deed_is_in_the_audit
}

fn draft(username: &str) -> Value {
    json!({ "username": username, "password": PASSWORD, "role": "engineer" })
}

async fn patch(who: &Client, path: &str, body: Value) -> testkit::Reply {
    who.send(Method::PATCH, path, Some(body), &[]).await
}

async fn a_user_is_added_changed_and_locked_out(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let admin = p.admin().await;
    let added = admin.post("/api/v1/users", draft("grace")).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.json);
    let path = added.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(added.json["is_active"], true);
    assert_eq!(admin.get(&path).await.json, added.json);
    assert_eq!(admin.post("/api/v1/users", draft("grace")).await.status, StatusCode::CONFLICT);
    assert_eq!(added.json["must_change_password"], true);

    let change = json!({ "role": "senior", "email": "grace@example.org" });
    let changed = patch(&admin, &path, change).await;
    assert_eq!(
        (&changed.json["role"], &changed.json["email"]),
        (&json!("senior"), &json!("grace@example.org"))
    );
    let password = "a wholly different phrase";
    assert_eq!(patch(&admin, &path, json!({ "password": password })).await.status, StatusCode::OK);
    let next = "a password of my own choice";
    let body = json!({ "username": "grace", "current": password, "new": next });
    assert_eq!(p.nobody().post("/api/v1/auth/password", body).await.status, StatusCode::OK);
    Client::login(p.url(), "grace", next).await;
    assert_eq!(admin.get(&path).await.json["must_change_password"], false);

    let removed = admin.send(Method::DELETE, &path, None, &[]).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.get(&path).await.json["is_active"], false, "nobody is deleted");
    assert_eq!(patch(&admin, &path, json!({ "is_active": true })).await.json["is_active"], true);
    Client::login(p.url(), "grace", next).await;

    let names = admin.get("/api/v1/users?limit=1&offset=1").await;
    assert_eq!(names.json[0]["username"], "grace");
    assert!(names.headers.contains_key("link"));
}

#[tokio::test]
async fn what_is_wrong_with_a_user_is_said_field_by_field() {
    let p = Platform::start().await;
    let admin = p.admin().await;
    for (field, value) in [
        ("username", json!("")),
        ("username", json!("a b")),
        ("password", json!("short")),
        ("password", json!("passwordpassword")),
        ("email", json!("nowhere")),
        ("fleets", json!(["01890a5d-ac96-774b-bcce-b302099a8057"])),
    ] {
        let mut body = draft("heidi");
        body[field] = value;
        let reply = admin.post("/api/v1/users", body).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {}", reply.json);
        assert_eq!(reply.json["errors"][0]["pointer"], format!("/{field}"));
    }
    for body in [json!({ "role": "king" }), json!({ "is_active": 1 }), json!({ "username": "x" })] {
        let reply = patch(&admin, "/api/v1/users/x", body).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", reply.json);
    }
    assert_eq!(patch(&admin, "/api/v1/users/x", json!({})).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn admins_cannot_lock_themselves_out() {
    let p = Platform::start().await;
    let admin = p.admin().await;
    let me = admin.get("/api/v1/auth/me").await.json["user_id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/users/{me}");
    for body in [json!({ "role": "viewer" }), json!({ "is_active": false })] {
        let reply = patch(&admin, &path, body).await;
        assert_eq!(
            (reply.status, &reply.json["type"]),
            (StatusCode::CONFLICT, &json!("/problems/own-account"))
        );
    }
    let reply = admin.send(Method::DELETE, &path, None, &[]).await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
    let reply = patch(&admin, &path, json!({ "email": "me@example.org" })).await;
    assert_eq!(reply.status, StatusCode::OK);
}

async fn a_grant_is_given_and_taken_back(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let admin = p.admin().await;
    let user = admin.post("/api/v1/users", draft("ivan")).await;
    let grants = format!("{}/grants", user.headers["location"].to_str().unwrap());
    assert_eq!(admin.get(&grants).await.json, json!([]));
    let one = format!("{grants}/{}", p.fleet_id());
    let give = async |path: &str, body: Value| admin.send(Method::PUT, path, Some(body), &[]).await;

    assert_eq!(give(&one, json!({})).await.status, StatusCode::OK);
    let until = "2999-12-31T12:00:00Z";
    let limited = give(&one, json!({ "until": until })).await;
    assert_eq!(limited.json, json!({ "fleet_id": p.fleet_id(), "until": until }));
    assert_eq!(admin.get(&grants).await.json, json!([limited.json]));
    let past = give(&one, json!({ "until": "2020-01-01T00:00:00Z" })).await;
    assert_eq!(past.status, StatusCode::UNPROCESSABLE_ENTITY);
    for missing in [
        format!("{grants}/01890a5d-ac96-774b-bcce-b302099a8057"),
        format!("/api/v1/users/01890a5d-ac96-774b-bcce-b302099a8057/grants/{}", p.fleet_id()),
    ] {
        assert_eq!(give(&missing, json!({})).await.status, StatusCode::NOT_FOUND, "{missing}");
    }
    assert_eq!(admin.send(Method::DELETE, &one, None, &[]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.send(Method::DELETE, &one, None, &[]).await.status, StatusCode::NOT_FOUND);
}

async fn every_deed_is_in_the_audit(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let admin = p.admin().await;
    let named = [("x-request-id", "the-deed")];
    let fleet = Some(json!({ "name": "audited" }));
    admin.send(Method::POST, "/api/v1/fleets", fleet, &named).await;
    let user = admin.post("/api/v1/users", draft("judy")).await;
    let path = user.headers["location"].to_str().unwrap();
    patch(&admin, path, json!({ "role": "viewer", "password": "another long password" })).await;

    let page = admin.get("/api/v1/audit?limit=3").await.json;
    let actions: Vec<_> =
        page["entries"].as_array().unwrap().iter().map(|it| &it["action"]).collect();
    assert_eq!(actions, ["authz_change", "user_created", "fleet_created"]);
    let deed = &page["entries"][2];
    assert_eq!((&deed["actor"], &deed["request_id"]), (&json!("admin"), &json!("the-deed")));
    assert_eq!((&deed["address"], &deed["outcome"]), (&json!("127.0.0.1"), &json!("success")));
    assert!(deed["session_hash"].is_string());
    assert!(!page.to_string().contains("another long password"), "passwords stay out of it");

    let rest = format!("/api/v1/audit?cursor={}", page["next_cursor"].as_str().unwrap());
    let rest = admin.get(&rest).await.json;
    assert_eq!(rest["entries"][0]["action"], "authn_login_success");
    assert_eq!(rest["next_cursor"], Value::Null);
}
