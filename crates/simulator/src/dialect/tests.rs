//! Documents of the standard on their way into dialects, and back.
//! Nothing is sent: what vehicles answer over HTTP is tested outside.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use futures_util::stream;
use serde_json::{Value, json};

use super::Dialect;
use super::asked::{Asked, Need, Payload};
use super::events;
use super::interpreter::Interpreter;
use super::place::Place;
use super::told::Told;

const SUBSCRIPTIONS: &str = "/vehicle/v1/components/a/cyclic-subscriptions";

fn asked(dialect: Dialect, method: Method, path: &str) -> Asked {
    let tongue = dialect.tongue();
    Asked {
        method,
        place: Place::parse(path, tongue.base(), tongue.version_info()),
        query: Vec::new(),
        headers: HeaderMap::new(),
        payload: Payload::Whole(Bytes::new()),
        known: Vec::new(),
    }
}

/// A request to SOVDd that knows the one data item of the component.
fn sovdd(method: Method, path: &str) -> Asked {
    let items = json!({"items": [{"id": "engine_speed", "did": "F40C"}]});
    Asked { known: vec![(Need::DataItems, items)], ..asked(Dialect::Sovdd, method, path) }
}

fn told(dialect: Dialect, asked: &Asked, status: u16, document: Value) -> Told {
    let told = Told::document(StatusCode::from_u16(status).unwrap(), document);
    dialect.tongue().tell(asked, told)
}

fn subscription() -> Value {
    json!({
        "id": "s1",
        "observed_resource": "/sovd/v1/components/a/data/engine_speed",
        "event_source": "/sovd/v1/components/a/cyclic-subscriptions/s1/events",
        "protocol": "sse",
        "interval": "fast",
        "expires": "2026-01-01T00:00:00Z",
    })
}

#[test]
fn sovdd_subscribes_to_an_identifier_of_the_same_component() {
    let tongue = Dialect::Sovdd.tongue();
    let mut right = sovdd(Method::POST, SUBSCRIPTIONS);
    right.set_json(&json!({"resource": "data/F40C", "interval": "fast", "duration": 9}));
    tongue.hear(&mut right).unwrap();
    let body = right.json().unwrap();
    assert_eq!(body["resource"], "/sovd/v1/components/a/data/engine_speed");
    assert_eq!(body["duration"], 9);
    let mut foreign = sovdd(Method::POST, SUBSCRIPTIONS);
    foreign.set_json(&json!({"resource": "/sovd/v1/components/a/faults"}));
    assert_eq!(tongue.hear(&mut foreign).unwrap_err().status, StatusCode::BAD_REQUEST);
    let mut nothing = sovdd(Method::POST, SUBSCRIPTIONS);
    nothing.set_json(&json!({"interval": "fast"}));
    assert_eq!(tongue.hear(&mut nothing).unwrap_err().status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[test]
fn sovdd_tells_a_subscription_in_its_own_keys() {
    let asked = sovdd(Method::POST, SUBSCRIPTIONS);
    let told = told(Dialect::Sovdd, &asked, 201, subscription());
    let document = told.json();
    let keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "component_id",
        "created_at",
        "expires_at",
        "interval",
        "protocol",
        "resource",
        "status",
        "subscription_id",
    ];
    assert_eq!(keys, expected);
    assert_eq!((&document["resource"], &document["component_id"]), (&json!("F40C"), &json!("a")));
}

#[test]
fn sovdd_streams_from_the_subscription_itself() {
    let mut asked = sovdd(Method::GET, &format!("{SUBSCRIPTIONS}/s1"));
    asked.headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    asked.known.push((Need::Itself, subscription()));
    Dialect::Sovdd.tongue().hear(&mut asked).unwrap();
    assert_eq!(asked.target(), "/sovd/v1/components/a/cyclic-subscriptions/s1/events");
    let mut events = sovdd(Method::GET, &format!("{SUBSCRIPTIONS}/s1/events"));
    let refused = Dialect::Sovdd.tongue().hear(&mut events).unwrap_err();
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn events_are_translated_wherever_their_bytes_are_cut() {
    let line = br#"data: {"timestamp":"t","payload":{"id":"engine_speed","data":750}}"#;
    let stream = [b": hello\n".as_slice(), line, b"\n\n", line, b"\n\n"].concat();
    for size in [1, 7, 64, 4096] {
        let chunks: Vec<_> = stream.chunks(size).map(|it| Ok::<_, String>(it.to_vec())).collect();
        let body = Body::from_stream(stream::iter(chunks));
        let interpreter = Arc::new(Interpreter::new(Dialect::Sovdd, Router::new()));
        let asked = sovdd(Method::GET, &format!("{SUBSCRIPTIONS}/s1"));
        let told = events::translated(interpreter, asked, body);
        let told = to_bytes(told, 4096).await.unwrap();
        let event = |number| {
            format!(
                "data: {{\"payload\":{{\"seq\":{number},\"values\":{{\"F40C\":750}}}},\"timestamp\":\"t\"}}\n\n"
            )
        };
        let expected = format!(": hello\n{}{}", event(1), event(2));
        assert_eq!(std::str::from_utf8(&told).unwrap(), expected, "{size}");
    }
}

#[tokio::test]
async fn a_line_that_does_not_end_ends_the_stream() {
    let endless = stream::repeat_with(|| Ok::<_, String>(vec![b'x'; 64 * 1024]));
    let interpreter = Arc::new(Interpreter::new(Dialect::Sovdd, Router::new()));
    let asked = sovdd(Method::GET, &format!("{SUBSCRIPTIONS}/s1"));
    let told = events::translated(interpreter, asked, Body::from_stream(endless));
    assert!(to_bytes(told, usize::MAX).await.is_err());
}

#[test]
fn sovdd_spells_a_mode_its_own_way() {
    let mut put = asked(Dialect::Sovdd, Method::PUT, "/vehicle/v1/components/a/modes/comm-ctrl");
    Dialect::Sovdd.tongue().hear(&mut put).unwrap();
    assert_eq!(put.target(), "/sovd/v1/components/a/modes/commctrl");
    let set = json!({"id": "commctrl", "value": "enableRxAndTx"});
    assert_eq!(told(Dialect::Sovdd, &put, 200, set).json()["id"], "comm-ctrl");
    let mut list = asked(Dialect::Sovdd, Method::GET, "/vehicle/v1/components/a/modes");
    assert!(Dialect::Sovdd.tongue().hear(&mut list).is_err());
}

#[test]
fn cda_lets_changes_pass_under_a_lock_of_its_own() {
    let clears = |need, owned| {
        let mut asked = asked(Dialect::Cda, Method::DELETE, "/vehicle/v15/components/a/faults");
        asked.known = vec![(need, json!({"items": [{"id": "l", "owned": owned}]}))];
        Dialect::Cda.tongue().hear(&mut asked)
    };
    assert!(clears(Need::Locks, true).is_ok());
    assert!(clears(Need::VehicleLocks, true).is_ok());
    assert_eq!(clears(Need::Locks, false).unwrap_err().status, StatusCode::FORBIDDEN);
}

#[test]
fn cda_takes_a_value_under_its_parameter_or_as_bytes() {
    let write = |write: fn(&mut Asked)| {
        let path = "/vehicle/v15/components/a/data/EngineSpeedDataIdentifier";
        let mut asked = asked(Dialect::Cda, Method::PUT, path);
        let locks = json!({"items": [{"id": "l", "owned": true}]});
        let items = json!({"items": [{"id": "engine_speed"}]});
        asked.known = vec![(Need::Locks, locks), (Need::DataItems, items)];
        write(&mut asked);
        Dialect::Cda.tongue().hear(&mut asked).map(|()| (asked.target(), asked.json()))
    };
    let expected = "/sovd/v1/components/a/data/engine_speed".to_owned();
    let parameter = write(|asked| asked.set_json(&json!({"data": {"EngineSpeed": 900}})));
    assert_eq!(parameter.unwrap(), (expected.clone(), Some(json!({"data": 900}))));
    let bytes = write(|asked| {
        let kind = HeaderValue::from_static("application/octet-stream");
        asked.headers.insert(header::CONTENT_TYPE, kind);
        asked.payload = Payload::Whole(Bytes::from_static(&[0x44, 0x61, 0, 0]));
    });
    assert_eq!(bytes.unwrap(), (expected, Some(json!({"data": 900.0}))));
    let bare = write(|asked| asked.set_json(&json!({"data": 900})));
    assert_eq!(bare.unwrap_err().status, StatusCode::BAD_REQUEST);
}

#[test]
fn cda_tells_one_error_of_an_execution_and_where_it_comes_from() {
    let path = "/vehicle/v15/components/a/operations/o/executions/e";
    let asked = asked(Dialect::Cda, Method::GET, path);
    let errors = json!({"status": "failed", "error": [{"path": "/", "error": {}}]});
    assert_eq!(told(Dialect::Cda, &asked, 200, errors).json()["error"]["path"], "/");
    let busy = json!({"error_code": "precondition-not-fulfilled", "message": ""});
    let refused = told(Dialect::Cda, &asked, 409, busy);
    assert_eq!(refused.json()["error_code"], "preconditions-not-fulfilled");
    assert_eq!(refused.json()["x-errorsource"], "CDA");
    let wrapped = json!({"path": "/data", "error": {"error_code": "x", "message": ""}});
    let refused = told(Dialect::Cda, &asked, 400, wrapped);
    assert_eq!(refused.json()["error"]["x-errorsource"], "CDA");
}

#[test]
fn cda_announces_locks_and_modes_but_neither_streams_nor_logs() {
    let asked = asked(Dialect::Cda, Method::GET, "/vehicle/v15/components/a");
    let entity = json!({"id": "a", "name": "A", "locks": "l", "modes": "m", "logs": "x",
        "cyclic-subscriptions": "x", "triggers": "x"});
    let told = told(Dialect::Cda, &asked, 200, entity);
    assert_eq!(told.json(), &json!({"id": "a", "name": "A", "locks": "l", "modes": "m"}));
}

#[test]
fn medkit_calls_it_a_conflict_when_a_change_lacks_its_lock() {
    let status = |method, status| {
        let asked = asked(Dialect::Medkit, method, "/api/v1/components/a/data/x");
        let error = json!({"error_code": "insufficient-access-rights", "message": ""});
        told(Dialect::Medkit, &asked, status, error).status.as_u16()
    };
    assert_eq!(status(Method::PUT, 403), 409);
    assert_eq!(status(Method::PUT, 423), 409);
    assert_eq!(status(Method::GET, 403), 403);
}
