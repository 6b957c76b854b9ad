//! Passwords over HTTP: whoever was given one changes it first, and so may everybody.

use crate::on_both;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{Backend, Client, PASSWORD, Platform, Reply, eventually};

on_both! {
    a_password_that_somebody_else_has_set_has_to_be_changed
    a_change_ends_sessions_and_tokens
}

const NEXT: &str = "a password of my own choice";

async fn login(p: &Platform, username: &str, password: &str) -> Reply {
    let body = json!({ "username": username, "password": password });
    p.nobody().post("/api/v1/auth/login", body).await
}

async fn change(p: &Platform, username: &str, current: &str, new: &str) -> Reply {
    let body = json!({ "username": username, "current": current, "new": new });
    p.nobody().post("/api/v1/auth/password", body).await
}

async fn a_password_that_somebody_else_has_set_has_to_be_changed(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let admin = p.admin().await;
    let draft = json!({ "username": "grace", "password": PASSWORD, "role": "viewer" });
    let added = admin.post("/api/v1/users", draft).await;
    let path = added.headers["location"].to_str().unwrap().to_owned();
    let is_refused = async |password: &str| {
        let refused = login(&p, "grace", password).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.json);
        assert_eq!(refused.json["type"], "/problems/password-change-needed");
        assert!(refused.json.get("access_token").is_none());
    };
    is_refused(PASSWORD).await;
    assert_eq!(login(&p, "grace", "wrong").await.status, StatusCode::UNAUTHORIZED);
    let same = change(&p, "grace", PASSWORD, PASSWORD).await;
    assert_eq!(same.json["errors"][0]["pointer"], "/new", "{}", same.json);
    is_refused(PASSWORD).await;
    assert_eq!(change(&p, "grace", PASSWORD, NEXT).await.status, StatusCode::OK);
    assert_eq!(login(&p, "grace", NEXT).await.status, StatusCode::OK);
    assert_eq!(login(&p, "grace", PASSWORD).await.status, StatusCode::UNAUTHORIZED);

    let given = "another one from an admin";
    let body = Some(json!({ "password": given }));
    assert_eq!(admin.send(Method::PATCH, &path, body, &[]).await.status, StatusCode::OK);
    is_refused(given).await;
    let deeds = admin.get("/api/v1/audit?event=authn_password_change").await.json;
    let deeds = deeds["entries"].as_array().unwrap();
    assert_eq!((deeds.len(), &deeds[0]["actor"]), (1, &json!("grace")));
}

async fn a_change_ends_sessions_and_tokens(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let (engineer, other) = (p.engineer().await, p.admin().await);
    let draft = json!({ "name": "bench", "expires_at": crate::api_tokens::in_days(30) });
    let made = engineer.post("/api/v1/tokens", draft).await;
    let machine = engineer.with_token(made.json["token"].as_str().unwrap_or("none"));
    let status = async |who: &Client| who.get("/api/v1/auth/me").await.status;
    assert_eq!((status(&engineer).await, status(&machine).await), (StatusCode::OK, StatusCode::OK));
    assert_eq!(change(&p, "engineer", PASSWORD, NEXT).await.status, StatusCode::OK);
    for who in [&engineer, &machine] {
        eventually("the end", async || status(who).await == StatusCode::UNAUTHORIZED).await;
    }
    assert_eq!(status(&other).await, StatusCode::OK);
    assert_eq!(login(&p, "engineer", NEXT).await.status, StatusCode::OK);
    assert!(p.log().lines_with(NEXT).is_empty(), "the password is in the log");
}

#[tokio::test]
async fn a_change_tells_strangers_no_more_than_a_login() {
    let p = Platform::start().await;
    p.engineer().await;
    let without_trace = |mut reply: Reply| {
        reply.json["trace_id"] = Value::Null;
        (reply.status, reply.json)
    };
    let wrong = without_trace(change(&p, "engineer", "wrong", "short").await);
    assert_eq!(wrong.0, StatusCode::UNAUTHORIZED);
    assert_eq!(without_trace(change(&p, "nobody", "wrong", "short").await), wrong);
    assert_eq!(without_trace(login(&p, "nobody", "wrong").await), wrong);
    let weak = change(&p, "engineer", PASSWORD, "short").await;
    assert_eq!(weak.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(weak.json["errors"][0]["pointer"], "/new");
    let mut tries = 0;
    eventually("the throttle", async || {
        tries += 1;
        let reply = change(&p, "engineer", "wrong", NEXT).await;
        reply.status == StatusCode::TOO_MANY_REQUESTS
    })
    .await;
    assert!(tries > 1);
}
