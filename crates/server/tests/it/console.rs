//! The web console over HTTP: it is at every address that is nobody else's, and its session is its own.

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::json;
use testkit::{Client, PASSWORD, Platform, Reply};

const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml");

async fn browse(client: &Client, path: &str) -> Reply {
    client.send(Method::GET, path, None, &[PAGE]).await
}

fn is_page(headers: &HeaderMap) -> bool {
    headers["content-type"].to_str().unwrap().starts_with("text/html")
}

#[tokio::test]
async fn the_page_is_at_every_address_of_its_own() {
    let p = Platform::start().await;
    for path in ["/", "/vehicles", "/runs/01890a5d-ac96-774b-bcce-b302099a8057?view=raw", "/typo"] {
        let reply = browse(&p.nobody(), path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        assert!(is_page(&reply.headers), "{path}");
        assert_eq!(reply.headers["cache-control"], "no-cache", "{path}");
    }
}

#[tokio::test]
async fn what_belongs_to_the_interface_is_not_shadowed() {
    let p = Platform::start().await;
    for path in ["/api/v1/nothing", "/api", "/ws/x/y", "/health/x", "/metrics/x", "/assets/x.js"] {
        let reply = browse(&p.nobody(), path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(reply.json["type"], "/problems/unknown-path", "{path}");
    }
    let posted = p.nobody().send(Method::POST, "/vehicles", None, &[PAGE]).await;
    assert_eq!(posted.status, StatusCode::NOT_FOUND);
    let program = p.nobody().get("/vehicles").await;
    assert_eq!(program.json["type"], "/problems/unknown-path", "who reads no pages has a problem");
}

#[tokio::test]
async fn the_page_runs_nothing_that_is_not_a_file_of_this_server() {
    let p = Platform::start().await;
    let headers = browse(&p.nobody(), "/").await.headers;
    let policy = headers["content-security-policy"].to_str().unwrap();
    for rule in
        ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]
    {
        assert!(policy.split("; ").any(|it| it == rule), "{rule}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn a_page_that_is_known_is_not_sent_again() {
    let p = Platform::start().await;
    let etag = browse(&p.nobody(), "/").await.headers["etag"].to_str().unwrap().to_owned();
    let again = p.nobody().send(Method::GET, "/", None, &[("if-none-match", &etag)]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers["etag"], etag);
}

/// The cookie of an answer, as a browser sends it back.
fn cookie(reply: &Reply) -> String {
    let set = reply.headers["set-cookie"].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}

async fn log_in(p: &Platform) -> Reply {
    let credentials = json!({ "username": "engineer", "password": PASSWORD, "cookie": true });
    p.engineer().await;
    p.engineer().await;
    p.nobody().post("/api/v1/auth/login", credentials).await
}

#[tokio::test]
async fn a_login_for_a_page_hides_the_refresh_token_from_scripts() {
    let p = Platform::start().await;
    let reply = log_in(&p).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.json);
    assert!(reply.json["access_token"].is_string() && reply.json["refresh_token"].is_null());
    let set = reply.headers["set-cookie"].to_str().unwrap();
    for attribute in ["__Host-fleetwire=", "Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(set.contains(attribute), "{attribute}");
    }
}

#[tokio::test]
async fn a_cookie_renews_the_session_of_a_page_of_this_server_alone() {
    let p = Platform::start().await;
    let cookie = cookie(&log_in(&p).await);
    let renew = async |cookie: &str, origin: Option<&str>| {
        let mut headers = vec![("cookie", cookie)];
        headers.extend(origin.map(|origin| ("origin", origin)));
        p.nobody().send(Method::POST, "/api/v1/auth/refresh", Some(json!({})), &headers).await
    };
    for origin in [None, Some("https://evil.example"), Some("null")] {
        assert_eq!(renew(&cookie, origin).await.status, StatusCode::FORBIDDEN, "{origin:?}");
    }
    let own = p.url();
    let renewed = renew(&cookie, Some(own)).await;
    assert_eq!(renewed.status, StatusCode::OK, "{}", renewed.json);
    assert!(renewed.json["access_token"].is_string() && renewed.json["refresh_token"].is_null());
    let next = self::cookie(&renewed);
    assert_ne!(next, cookie);
    let used = renew(&cookie, Some(own)).await;
    assert_eq!(used.status, StatusCode::UNAUTHORIZED, "a token is good once, in a cookie too");
}

#[tokio::test]
async fn a_logout_takes_the_cookie_away() {
    let p = Platform::start().await;
    let token = log_in(&p).await.json["access_token"].as_str().unwrap().to_owned();
    let reply = p.nobody().with_token(&token).post("/api/v1/auth/logout", json!({})).await;
    assert!(reply.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
}

#[tokio::test]
async fn a_page_learns_what_it_has_to_know_before_a_login() {
    let p = Platform::start().await;
    let config = p.nobody().get("/api/v1/ui-config").await.json;
    assert_eq!(config["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(config["deliver_within_ms"], 60_000);
}
