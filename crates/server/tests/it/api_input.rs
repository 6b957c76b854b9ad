//! What clients send wrong: each gets its own 4xx, and nothing makes a 500.

use crate::on_both;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Backend, Client, Platform};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything takes that is not broken.
const PATIENCE: Duration = Duration::from_secs(20);

on_both! {
    every_malformed_body_has_its_problem
    every_malformed_query_has_its_problem
    odd_texts_are_stored_or_refused_and_never_fail
}

/// What a body of raw bytes is answered.
async fn send(who: &Client, url: &str, path: &str, media: &str, body: &str) -> (u16, Value) {
    let request = reqwest::Client::new()
        .post(format!("{url}{path}"))
        .bearer_auth(who.token())
        .header("content-type", media)
        .body(body.to_owned());
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/problem+json", "{body:.80}");
    (status, answer.json().await.unwrap())
}

async fn every_malformed_body_has_its_problem(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let admin = p.admin().await;
    let vehicle = p.vehicle().vehicle_id;
    let with = |params: &str| {
        format!(
            r#"{{"vehicle_id":"{vehicle}","command_name":"ReadDTC","command_params":{params}}}"#
        )
    };
    let ok = with(r#"{"ecuAddress":"0x10"}"#);
    let deep = with(&format!("{}{}", "[".repeat(70), "]".repeat(70)));
    let json = "application/json";
    for (media, body, status, problem) in [
        (json, "", 400, "malformed-json"),
        (json, "{", 400, "malformed-json"),
        (json, "[]", 422, "invalid-parameters"),
        (json, "null", 422, "invalid-parameters"),
        (json, &format!("{ok} {{}}"), 400, "malformed-json"),
        (json, &format!("{ok}\0"), 400, "malformed-json"),
        (json, &deep, 400, "malformed-json"),
        (json, &with("1e999"), 422, "invalid-parameters"),
        (json, &with(r#"{"ecuAddress":1e999}"#), 422, "invalid-parameters"),
        (json, &with(r#"{"ecuAddress":"\ud800"}"#), 422, "invalid-parameters"),
        (json, &with(r#"{"ecuAddress":"\u0000"}"#), 422, "invalid-parameters"),
        (json, &with(r#"{"ecuAddress":"0x10","ecuAddress":"0x10x"}"#), 422, "invalid-parameters"),
        (json, &with("null"), 422, "invalid-parameters"),
        (json, &ok.replace("ReadDTC", r"Read\u0000DTC"), 422, "unknown-command"),
        (json, &ok.replace("ReadDTC", r"\ud800"), 400, "malformed-json"),
        (json, &ok.replace('}', r#","extra":1}"#), 422, "invalid-parameters"),
        (json, &ok.replacen('{', r#"{"priority":1e999,"#, 1), 400, "malformed-json"),
        (
            json,
            &ok.replacen('{', r#"{"priority":99999999999999999999,"#, 1),
            422,
            "invalid-parameters",
        ),
        (json, &ok.replacen('{', r#"{"deliver_within_ms":-1,"#, 1), 422, "invalid-parameters"),
        (
            json,
            &ok.replacen('{', r#"{"run_timeout_ms":18446744073709551615,"#, 1),
            422,
            "invalid-parameters",
        ),
        ("text/plain", &ok, 415, "wrong-media-type"),
        ("application/x-www-form-urlencoded", "a=b", 415, "wrong-media-type"),
        (json, &format!(r#""{}""#, "x".repeat(2_000_000)), 413, "too-large"),
    ] {
        let (found, answer) = send(&admin, p.url(), "/api/v1/commands", media, body).await;
        assert_eq!(
            (found, answer["status"].clone()),
            (status, json!(status)),
            "{body:.80} {answer}"
        );
        assert_eq!(answer["type"], format!("/problems/{problem}"), "{body:.80} {answer}");
        assert!(answer["trace_id"].is_string());
    }
}

async fn every_malformed_query_has_its_problem(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let admin = p.admin().await;
    for (path, status) in [
        ("/api/v1/vehicles?limit=0", 422),
        ("/api/v1/vehicles?limit=101", 422),
        ("/api/v1/vehicles?limit=99999999999999999999", 422),
        ("/api/v1/vehicles?limit=1&limit=2", 422),
        ("/api/v1/vehicles?offset=-1", 422),
        ("/api/v1/vehicles?status=parked", 422),
        ("/api/v1/vehicles?nonsense=1", 422),
        ("/api/v1/vehicles?search=%00", 400),
        ("/api/v1/vehicles?token=x", 400),
        ("/api/v1/vehicles/%00", 400),
        ("/api/v1/vehicles/%FF", 400),
        ("/api/v1/vehicles/%ed%a0%80", 400),
        ("/api/v1/vehicles/..%2f..%2fetc", 404),
        ("/api/v1/commands?start_date=yesterday", 422),
        ("/api/v1/commands?start_date=99999-01-01T00:00:00Z", 422),
        ("/api/v1/commands?cursor=x", 422),
        ("/api/v1/commands?status=parked", 422),
        ("/api/v1/commands/x/events?wait=x", 422),
        ("/api/v1/audit?cursor=x", 422),
        ("/api/v1/audit?end_date=yesterday", 422),
        ("/api/v1/audit?event=%07", 400),
        ("/api/v1/users?limit=0", 422),
        ("/api/v1/users/x", 404),
        ("/api/v2/vehicles", 404),
        ("/docs/../http.rs", 404),
        ("/docs/nonsense.js", 404),
    ] {
        let reply = admin.get(path).await;
        assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.json);
        assert_eq!(reply.headers["content-type"], "application/problem+json", "{path}");
    }
    for path in [
        "/api/v1/vehicles?search=%FF%FE&offset=4294967295",
        "/api/v1/vehicles?search=%25_!%27%22%5C",
        "/api/v1/commands?start_date=0000-01-02T00:00:00Z&end_date=9999-12-30T00:00:00Z",
        "/api/v1/commands?offset=4294967295",
    ] {
        let reply = admin.get(path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.json);
    }
    let long = format!("/api/v1/vehicles?search={}", "x".repeat(9000));
    assert_eq!(admin.get(&long).await.status, StatusCode::URI_TOO_LONG);
    let wrong = admin.send(Method::PUT, "/api/v1/vehicles", None, &[]).await;
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(wrong.headers["allow"].to_str().unwrap().contains("POST"));
    assert_eq!(
        admin.send(Method::HEAD, "/api/v1/vehicles", None, &[]).await.status,
        StatusCode::OK
    );
}

async fn odd_texts_are_stored_or_refused_and_never_fail(backend: Backend) {
    let p = Platform::start_on(backend).await;
    let admin = p.admin().await;
    let fleet = p.fleet_id();
    for text in
        ["\u{0}", "a\nb", "\u{1b}[31m", &"x".repeat(100_000), "'; drop table users; --", "ü€😀"]
    {
        let vin = "WVWZZZ1JZXW000002";
        let bodies = [
            ("/api/v1/fleets", json!({ "name": text })),
            ("/api/v1/users", json!({ "username": text, "password": text, "role": "viewer" })),
            ("/api/v1/auth/login", json!({ "username": text, "password": text })),
            ("/api/v1/auth/refresh", json!({ "refresh_token": text })),
            ("/api/v1/vehicles", json!({ "vin": text, "fleet_id": fleet, "sovd_url": text })),
            (
                "/api/v1/vehicles",
                json!({ "vin": vin, "fleet_id": fleet, "sovd_url": "http://car.example",
                    "make": text, "metadata": { "note": text } }),
            ),
        ];
        for (path, body) in bodies {
            let reply = admin.post(path, body).await;
            assert!(reply.status.as_u16() < 500, "{path} {text:?}: {}", reply.json);
        }
        for name in ["prefer", "x-request-id", "idempotency-key", "traceparent", "if-match"] {
            let value: String = text.chars().filter(char::is_ascii_graphic).take(200).collect();
            let reply = admin.send(Method::GET, "/api/v1/vehicles", None, &[(name, &value)]).await;
            assert_eq!(reply.status, StatusCode::OK, "{name}: {value}");
        }
    }
}

/// Who keeps to the description is not refused, and who does not is.
#[tokio::test]
async fn texts_are_taken_as_they_are_described() {
    let p = Platform::start().await;
    let admin = p.admin().await;
    let document: Value = serde_json::from_str(&fleetwire_server::openapi()).unwrap();
    let name_of = |schema: &str| {
        let name = &document["components"]["schemas"][schema]["properties"]["name"];
        jsonschema::validator_for(name).unwrap()
    };
    let (fleet, token) = (name_of("FleetDraft"), name_of("ApiTokenDraft"));
    let ends = "2100-01-01T00:00:00Z";
    let filters = document["paths"]["/api/v1/audit"]["get"]["parameters"].as_array().unwrap();
    let actor = filters.iter().find(|it| it["name"] == "actor").unwrap();
    let actor = jsonschema::validator_for(&actor["schema"]).unwrap();
    let long = "x".repeat(101);
    for text in ["", " ", "\u{2003}", " a", "a\u{85}", "a\u{9f}b", "\u{a0}", "Köln 3", &long] {
        let reply = admin.post("/api/v1/fleets", json!({ "name": text })).await;
        assert_eq!(reply.status.is_success(), fleet.is_valid(&json!(text)), "{text:?}");
        let made = admin.post("/api/v1/tokens", json!({ "name": text, "expires_at": ends })).await;
        let is_refused = made.json["errors"]
            .as_array()
            .is_some_and(|errors| errors.iter().any(|error| error["pointer"] == "/name"));
        assert_eq!(is_refused, !token.is_valid(&json!(text)), "{text:?}: {}", made.json);
        let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let reply = admin.get(&format!("/api/v1/audit?actor={encoded}")).await;
        assert_eq!(reply.status.is_success(), actor.is_valid(&json!(text)), "{text:?}");
    }
}

/// Another request would be lost in it.
#[tokio::test]
async fn a_connection_whose_request_was_not_read_is_said_to_be_over() {
    let p = Platform::start().await;
    let client = p.admin().await;
    let close = async |client: &Client, path: &str, body: Value| {
        let reply = client.post(path, body).await;
        (reply.status.as_u16(), reply.headers.contains_key("connection"))
    };
    let large = json!({ "username": "x".repeat(100_000), "password": "x".repeat(100_000) });
    assert_eq!(close(&client, "/api/v1/auth/login", large.clone()).await, (413, true));
    let nobody = Client::anonymous(p.url());
    assert_eq!(close(&nobody, "/api/v1/fleets", large).await, (401, true));
    let unknown = json!({ "username": "nobody", "password": "a wrong one" });
    assert_eq!(close(&client, "/api/v1/auth/login", unknown).await, (401, false));
}

/// What raw bytes on a connection are answered, until it ends or is silent.
async fn say(p: &Platform, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(p.url().trim_start_matches("http://")).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut heard = Vec::new();
    let reading = stream.read_to_end(&mut heard);
    drop(tokio::time::timeout(Duration::from_secs(3), reading).await);
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let p = Platform::start().await;
    let head = "GET /api/v1/vehicles HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    for (bytes, status) in [
        (format!("{head}x-odd: a\0b\r\n\r\n"), "400"),
        (format!("{head}x-large: {}\r\n\r\n", "x".repeat(20_000)), "431"),
        (format!("{head}{}\r\n", "x-many: 1\r\n".repeat(150)), "431"),
        ("GET /\0 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), "400"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
        (
            "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\
             content-length: 6\r\n\r\n{}"
                .to_owned(),
            "400",
        ),
        (
            "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n{}"
                .to_owned(),
            "400",
        ),
    ] {
        let heard = say(&p, bytes.as_bytes()).await;
        assert!(heard.starts_with(&format!("HTTP/1.1 {status}")), "{bytes:.60}: {heard:.200}");
    }
}

/// Two servers in a row that disagree about where a request ends could be told different things: what
/// the one takes for the body of the first must not be a second to the other.
#[tokio::test]
async fn a_request_of_two_lengths_is_the_last_of_its_connection() {
    // No connection ends for being idle here.
    let p = Platform::start_with(Backend::Sqlite, &[("http.header_timeout", "60s")]).await;
    let admin = p.admin().await;
    let hidden = {
        let body = r#"{"name":"smuggled"}"#;
        let (token, length) = (admin.token(), body.len());
        format!(
            "POST /api/v1/fleets HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    };
    let by_length = format!("0\r\n\r\n{hidden}");
    let by_chunks = format!("4\r\n{{}}\r\n\r\n0\r\n\r\n{hidden}");
    for (length, body) in [(by_length.len(), by_length), (3, by_chunks)] {
        let length = format!("content-length: {length}\r\n");
        let chunked = "transfer-encoding: chunked\r\n";
        for (first, second) in [(&*length, chunked), (chunked, &*length)] {
            let bytes = format!(
                "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\n\
                 content-type: application/json\r\n{first}{second}\r\n{body}"
            );
            let heard = until_hung_up(&p, bytes.as_bytes()).await;
            assert!(heard.starts_with("HTTP/1.1 4"), "{heard}");
            assert_eq!(heard.matches("HTTP/1.1 ").count(), 1, "{heard}");
            assert!(heard.contains("\r\nconnection: close\r\n"), "{heard}");
        }
    }
    assert!(!admin.get("/api/v1/fleets").await.json.to_string().contains("smuggled"));
    // It is a request that would have been done.
    let honest = hidden.replace("host: x", "host: x\r\nconnection: close");
    assert!(until_hung_up(&p, honest.as_bytes()).await.starts_with("HTTP/1.1 201"));
}

/// All that comes until the server, and nobody else, ends the connection.
async fn until_hung_up(p: &Platform, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(p.url().trim_start_matches("http://")).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut heard = Vec::new();
    let reading = stream.read_to_end(&mut heard);
    // Whoever hangs up before it has read everything resets the connection.
    drop(tokio::time::timeout(PATIENCE, reading).await.expect("the server hangs up"));
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test]
async fn an_endless_address_is_refused() {
    let p = Platform::start().await;
    let reply = p.nobody().get(&format!("/livez?{}", "x".repeat(9_000))).await;
    assert_eq!(reply.status, StatusCode::URI_TOO_LONG);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let p = Platform::start_with(Backend::Sqlite, &[("http.body_timeout", "200ms")]).await;
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                content-type: application/json\r\ncontent-length: 50\r\n\r\n{";
    let heard = say(&p, head.as_bytes()).await;
    assert!(heard.starts_with("HTTP/1.1 408"), "{heard}");
    assert!(heard.contains("/problems/too-slow"), "{heard}");
}

#[tokio::test]
async fn a_login_may_not_be_large() {
    let p = Platform::start().await;
    let body = json!({ "username": "x".repeat(20_000), "password": "x" });
    let reply = p.nobody().post("/api/v1/auth/login", body).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn only_sane_request_ids_are_echoed() {
    let p = Platform::start().await;
    let asked = async |id: &str| {
        let reply = p.nobody().send(Method::GET, "/livez", None, &[("x-request-id", id)]).await;
        reply.headers["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(asked("build-42").await, "build-42");
    assert_ne!(asked("a b").await, "a b");
}
