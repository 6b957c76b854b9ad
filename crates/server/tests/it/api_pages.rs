//! What anybody may see: health, metrics, keys, the manual; and what other origins may.

use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::{Duration, Instant};
use testkit::{Backend, Platform, eventually};

#[tokio::test]
async fn a_node_says_how_it_is() {
    let p = Platform::start().await;
    let nobody = p.nobody();
    assert_eq!(nobody.get("/livez").await.json, json!({ "status": "alive" }));
    assert_eq!(nobody.get("/readyz").await.json, json!({ "status": "ready" }));
    let checks = json!({ "status": "ready", "checks": { "store": "ok", "bus": "ok" } });
    assert_eq!(nobody.get("/readyz?verbose").await.json, checks);
    assert!(nobody.text("/metrics").await.contains("fleetwire_http_requests_total"));
    let keys = nobody.get("/.well-known/jwks.json").await.json;
    assert_eq!(keys["keys"][0]["kty"], "OKP");
    assert!(keys["keys"][0].get("d").is_none(), "the private part stays here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_its_store_is_not_ready_and_says_so() {
    let mut p = Platform::start_on(Backend::Postgres).await;
    let (nobody, engineer) = (p.nobody(), p.engineer().await);
    p.postgres_mut().stop();
    let away = nobody.get("/readyz").await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(away.json["type"], "/problems/not-ready");
    assert_eq!(away.json["errors"][0]["pointer"], "store");
    assert!(away.headers.contains_key("retry-after"));
    assert_eq!(nobody.get("/livez").await.status, StatusCode::OK, "it is alive all the same");
    let refused = engineer.get("/api/v1/vehicles").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.json);
    assert!(refused.headers.contains_key("retry-after"));

    p.postgres_mut().restart();
    eventually("the store", async || nobody.get("/readyz").await.status == StatusCode::OK).await;
    assert_eq!(engineer.get("/api/v1/vehicles").await.status, StatusCode::OK);

    p.postgres_mut().pause();
    let asked = Instant::now();
    assert_eq!(nobody.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(asked.elapsed() < Duration::from_secs(4), "it took {:?}", asked.elapsed());
    p.postgres_mut().resume();
}

#[tokio::test]
async fn the_manual_needs_nothing_from_elsewhere() {
    let p = Platform::start().await;
    let nobody = p.nobody();
    let page = nobody.get("/docs").await;
    assert_eq!(page.status, StatusCode::OK, "redirected to the manual");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'; script-src 'self';"), "{policy}");
    let html = nobody.text("/docs/").await;
    let is_file = |text: &&str| [".js", ".css", ".png"].iter().any(|end| text.ends_with(end));
    let files: Vec<_> = html.split('"').filter(is_file).collect();
    assert!(files.len() >= 3, "{html}");
    assert!(!html.contains("<script>") && !html.contains("//"), "{html}");
    for file in files {
        let reply = nobody.get(&format!("/docs/{}", file.trim_start_matches("./"))).await;
        assert_eq!(reply.status, StatusCode::OK, "{file}");
    }
    assert!(nobody.text("/docs/start.js").await.contains("/openapi.json"));
    assert_eq!(nobody.get("/openapi.json").await.json["openapi"], "3.1.0");
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let p = Platform::start().await;
    for path in ["/livez", "/api/v1/vehicles", "/nowhere", "/docs/"] {
        let headers = p.nobody().get(path).await.headers;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(headers[name], value, "{path}");
        }
        assert!(headers.contains_key("content-security-policy"), "{path}");
        assert!(headers.contains_key("x-request-id"), "{path}");
    }
}

#[tokio::test]
async fn no_page_of_another_origin_may_call_unless_it_is_listed() {
    let ask = async |p: &Platform, method, origin| {
        let headers = [("origin", origin), ("access-control-request-method", "PATCH")];
        p.nobody().send(method, "/api/v1/vehicles", None, &headers).await
    };
    let p = Platform::start().await;
    let closed = ask(&p, Method::OPTIONS, "https://garage.example").await;
    assert_eq!(closed.status, StatusCode::METHOD_NOT_ALLOWED);

    let allowed = [("allowed_origins", "https://garage.example")];
    let p = Platform::start_with(Backend::Sqlite, &allowed).await;
    let ask = async |method, origin| ask(&p, method, origin).await.headers;
    let preflight = ask(Method::OPTIONS, "https://garage.example").await;
    assert_eq!(preflight["access-control-allow-origin"], "https://garage.example");
    let headers = preflight["access-control-allow-headers"].to_str().unwrap();
    assert!(headers.contains("authorization") && headers.contains("if-match"), "{headers}");
    assert!(!preflight.contains_key("access-control-allow-credentials"));

    let refused = ask(Method::GET, "https://garage.example").await;
    assert_eq!(refused["access-control-allow-origin"], "https://garage.example", "problems too");
    let shown = refused["access-control-expose-headers"].to_str().unwrap();
    assert!(shown.contains("x-total-count") && shown.contains("x-request-id"), "{shown}");
    for origin in ["https://garage.example.evil.example", "http://garage.example", "null"] {
        let headers = ask(Method::GET, origin).await;
        assert!(!headers.contains_key("access-control-allow-origin"), "{origin}");
    }
}
