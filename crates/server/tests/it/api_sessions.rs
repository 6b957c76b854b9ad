//! Logins over HTTP: who sees them, who ends them, and how soon that is felt.

use crate::on_both;
use crate::websocket::read;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::{Backend, Client, PASSWORD, Platform, eventually};

on_both! {
    a_login_that_is_ended_from_elsewhere_is_out_within_a_second
    all_logins_of_a_user_are_ended_at_once
}

const OUT: Duration = Duration::from_secs(1);

async fn delete(who: &Client, path: &str) -> testkit::Reply {
    who.send(Method::DELETE, path, None, &[]).await
}

async fn sessions(who: &Client, query: &str) -> Vec<Value> {
    let reply = who.get(&format!("/api/v1/sessions{query}")).await;
    reply.json.as_array().unwrap_or_else(|| panic!("{}", reply.json)).clone()
}

/// The path of the login that a client uses.
async fn own(who: &Client) -> String {
    let all = sessions(who, "").await;
    let mut current = all.iter().filter(|session| session["is_current"] == true);
    let id = current.next().unwrap()["session_id"].as_str().unwrap();
    assert!(current.next().is_none());
    format!("/api/v1/sessions/{id}")
}

async fn is_out(who: &Client, since: Instant) {
    eventually("the end", async || who.get("/api/v1/auth/me").await.status == 401).await;
    assert!(since.elapsed() <= OUT, "{:?}", since.elapsed());
}

async fn a_login_that_is_ended_from_elsewhere_is_out_within_a_second(backend: Backend) {
    let p = Platform::start_on(backend).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let here = p.engineer().await;
    let there = Client::login(p.url(), "engineer", PASSWORD).await;
    assert_eq!(sessions(&here, "").await.len(), 2);
    let id = read(&p, &there).await;
    let mut watch = there.watch(&id).await;
    let lost = own(&there).await;
    let ended = Instant::now();
    assert_eq!(delete(&here, &lost).await.status, StatusCode::NO_CONTENT);
    assert_eq!(watch.close_code().await, 1008);
    assert!(ended.elapsed() <= OUT, "{:?}", ended.elapsed());
    is_out(&there, ended).await;
    assert_eq!(here.get("/api/v1/auth/me").await.status, StatusCode::OK);
    assert_eq!(delete(&here, &lost).await.status, StatusCode::NOT_FOUND);
    assert_eq!(sessions(&here, "").await.len(), 1);
    let admin = p.admin().await;
    let deed = &admin.get("/api/v1/audit?event=session_ended").await.json["entries"][0];
    assert_eq!(deed["actor"], "engineer");
    assert!(!lost.ends_with(deed["object"].as_str().unwrap().trim_start_matches("session/")));
}

async fn all_logins_of_a_user_are_ended_at_once(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let (admin, here) = (p.admin().await, p.engineer().await);
    let there = Client::login(p.url(), "engineer", PASSWORD).await;
    let user = here.get("/api/v1/auth/me").await.json["user_id"].as_str().unwrap().to_owned();
    let of_user = format!("?user_id={user}");
    assert_eq!(sessions(&admin, &of_user).await.len(), 2);
    let ended = Instant::now();
    let reply = delete(&admin, &format!("/api/v1/sessions{of_user}")).await;
    assert_eq!((reply.status, &reply.json), (StatusCode::OK, &json!({ "ended": 2 })));
    is_out(&here, ended).await;
    is_out(&there, ended).await;
    assert_eq!(admin.get("/api/v1/auth/me").await.status, StatusCode::OK);
    Client::login(p.url(), "engineer", PASSWORD).await;
    assert_eq!(delete(&admin, "/api/v1/sessions").await.json, json!({ "ended": 1 }));
    is_out(&admin, Instant::now()).await;
}

#[tokio::test]
async fn logins_of_others_are_for_admins() {
    let p = Platform::start().await;
    let (admin, engineer) = (p.admin().await, p.engineer().await);
    let of_admin = own(&admin).await;
    let me = admin.get("/api/v1/auth/me").await.json["user_id"].as_str().unwrap().to_owned();
    assert_eq!(delete(&engineer, &of_admin).await.status, StatusCode::NOT_FOUND);
    let foreign = format!("/api/v1/sessions?user_id={me}");
    assert_eq!(engineer.get(&foreign).await.status, StatusCode::FORBIDDEN);
    assert_eq!(delete(&engineer, &foreign).await.status, StatusCode::FORBIDDEN);
    let nobody = "/api/v1/sessions?user_id=01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(admin.get(nobody).await.status, StatusCode::NOT_FOUND);
    assert_eq!(admin.get("/api/v1/auth/me").await.status, StatusCode::OK);
    assert_eq!(delete(&admin, "/api/v1/sessions/x").await.status, StatusCode::NOT_FOUND);
    let of_engineer = own(&engineer).await;
    assert_eq!(delete(&admin, &of_engineer).await.status, StatusCode::NO_CONTENT);
}
