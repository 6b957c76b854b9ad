//! Locks, and what refusals say about them.
//! The JSON is worded here.

use std::time::Duration;

use fleetwire_sovd::{Error, LockRequest, LockTrouble};
use serde_json::json;

use crate::server::{Server, bare_entity, response};

#[tokio::test]
async fn a_lock_is_acquired_inspected_renewed_and_released() {
    let server = Server::http(|request| match request.line.as_str() {
        "GET /v1/ecu" => response(200, "", r#"{"id":"ecu","locks":"/v1/ecu/locks"}"#),
        "POST /v1/ecu/locks" => {
            response(201, "location: http://x/v1/ecu/locks/7\r\n", r#"{"id":"7"}"#)
        }
        "GET /v1/ecu/locks" => response(
            200,
            "",
            r#"{"items":[{"id":"7","owned":true,"scopes":["faults"]},{"id":"8","owned":false}]}"#,
        ),
        "GET /v1/ecu/locks/7" => {
            response(200, "", r#"{"lock_expiration":"2026-01-01T00:00:00Z","owned":true}"#)
        }
        _ => response(204, "", ""),
    });
    let client = server.client();
    let ecu = bare_entity(&client, "/v1/ecu").await;
    let request = LockRequest::lasting(Duration::from_mins(1));
    let lock = client.acquire_lock(&ecu, &request).await.unwrap();
    assert_eq!((lock.id.as_str(), lock.href.to_string()), ("7", "/v1/ecu/locks/7".to_owned()));
    let listed = client.locks(&ecu).await.unwrap();
    assert_eq!((listed[0].owned, listed[1].owned), (Some(true), Some(false)));
    assert_eq!(
        (listed[0].scopes.as_slice(), &listed[0].href),
        (&["faults".to_owned()][..], &lock.href)
    );
    let read = client.lock(&lock.href).await.unwrap();
    assert_eq!(read.expires.as_deref(), Some("2026-01-01T00:00:00Z"));
    client.renew_lock(&lock.href, Duration::from_millis(1)).await.unwrap();
    client.release_lock(&lock.href).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[1].body, r#"{"lock_expiration":60}"#);
    assert_eq!(
        (seen[4].line.as_str(), seen[4].body.as_str()),
        ("PUT /v1/ecu/locks/7", r#"{"lock_expiration":1}"#)
    );
    assert_eq!(seen[5].line, "DELETE /v1/ecu/locks/7");
}

#[tokio::test]
async fn a_lock_may_be_narrow_and_may_be_broken() {
    let server = Server::http(|_| response(201, "", r#"{"id":"7"}"#));
    let client = server.client();
    let place = client.link("/vehicle/v15/functions/functionalgroups/all/locks").unwrap();
    let request = LockRequest {
        scopes: vec!["operations".to_owned()],
        break_lock: true,
        ..LockRequest::lasting(Duration::from_secs(5))
    };
    let lock = client.acquire_lock_at(&place, &request).await.unwrap();
    assert_eq!(lock.href.to_string(), format!("{place}/7"));
    let body = server.body(0);
    assert_eq!(body, json!({"lock_expiration":5,"scopes":["operations"],"break_lock":true}));
}

#[tokio::test]
async fn the_vehicle_as_a_whole_has_locks_too() {
    let root = r#"{"id":"","components":"/v1/components","locks":"/v1/locks"}"#;
    let server = Server::json(&[("GET /v1", 200, root), ("GET /v1/locks", 200, r#"{"items":[]}"#)]);
    let client = server.client();
    let root = client.root().await.unwrap();
    assert!(client.locks(&root).await.unwrap().is_empty());
}

#[tokio::test]
async fn locks_are_found_under_their_other_name() {
    let server = Server::json(&[
        ("GET /v1/ecu", 200, r#"{"id":"ecu","lock":"/v1/ecu/lock"}"#),
        ("POST /v1/ecu/lock", 201, r#"{"lock_id":"1"}"#),
    ]);
    let client = server.client();
    let ecu = bare_entity(&client, "/v1/ecu").await;
    let request = LockRequest::lasting(Duration::from_secs(5));
    let lock = client.acquire_lock(&ecu, &request).await.unwrap();
    assert_eq!(lock.href.to_string(), "/v1/ecu/lock/1");
}

#[tokio::test]
async fn a_server_without_locks_says_so() {
    for status in [404, 501] {
        let server = Server::http(move |request| match request.line.as_str() {
            "GET /v1/ecu" => response(200, "", r#"{"id":"ecu"}"#),
            _ => response(status, "", ""),
        });
        let client = server.client();
        let ecu = bare_entity(&client, "/v1/ecu").await;
        let request = LockRequest::lasting(Duration::from_secs(5));
        let error = client.acquire_lock(&ecu, &request).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
        assert_eq!(error.lock_trouble(), None);
    }
}

async fn trouble(status: u16, body: &str) -> Option<LockTrouble> {
    let server = Server::json(&[("PUT /v1/d", status, body)]);
    let client = server.client();
    let write = client.write_configuration(&client.link("/v1/d").unwrap(), json!(1), None);
    write.await.unwrap_err().lock_trouble()
}

#[tokio::test]
async fn a_change_without_a_lock_is_told_from_one_against_a_lock() {
    let error =
        |code: &str, message: &str| json!({"error_code": code, "message": message}).to_string();
    let held =
        |owner: Option<&str>| Some(LockTrouble::Held { owner: owner.map(ToOwned::to_owned) });
    let denied = "insufficient-access-rights";
    let precondition = "preconditions-not-fulfilled";
    let cases = [
        (403, error(denied, "Required ECU lock is missing"), Some(LockTrouble::Needed)),
        (409, error(precondition, "no lock for this ECU"), Some(LockTrouble::Needed)),
        (409, error("lock-broken", ""), Some(LockTrouble::Lost)),
        (403, error("vendor-specific", "your lock has expired"), Some(LockTrouble::Lost)),
        (423, error("x", ""), held(None)),
        (423, String::new(), held(None)),
        (409, error("x", "already locked"), held(None)),
        (409, error("x", "the ECU is locked"), held(None)),
        (409, error("x", "the ECU is not locked"), Some(LockTrouble::Needed)),
        (409, error("x", "Locked by client 'bob'."), held(Some("bob"))),
        (403, error(denied, "lock is owned by another user"), held(None)),
        (
            409,
            r#"{"error_code":"x","message":"locked","parameters":{"owner":"eve"}}"#.to_owned(),
            held(Some("eve")),
        ),
        (403, error(denied, "blocked by policy"), None),
        (409, error("precondition-not-fulfilled", "the engine runs"), None),
        (500, error("x", "lock failed"), None),
        (
            409,
            r#"{"error_code":"error-response","message":"locked","parameters":{"nrc":51}}"#
                .to_owned(),
            None,
        ),
    ];
    for (status, body, expected) in cases {
        assert_eq!(trouble(status, &body).await, expected, "{status} {body}");
    }
}
