//! Subscriptions, triggers and their streams.
//! The server decides when bytes leave; no test waits for time to pass.

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use fleetwire_sovd::{Client, Condition, Error, EventEnvelope, Events, Interval, TriggerRequest};
use futures_util::StreamExt;
use serde_json::json;

use crate::server::{Server, bare_entity, read_request, response};

const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const END: &str = "0\r\n\r\n";
const ECU: &str = r#"{"id":"ecu","cyclic-subscriptions":"/v1/ecu/cyclic-subscriptions",
    "triggers":"/v1/ecu/triggers","fault-events":"http://10.0.0.1/v1/ecu/faults/stream"}"#;

fn chunk(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    write!(stream, "{:x}\r\n{text}\r\n", text.len())
}

fn streaming(text: &'static str, end: &'static str) -> Server {
    Server::raw(move |mut stream| {
        read_request(&mut stream, 0);
        stream.write_all(HEAD).unwrap();
        chunk(&mut stream, text).unwrap();
        stream.write_all(end.as_bytes()).unwrap();
    })
}

async fn events(server: &Server) -> Events {
    let client = server.client();
    client.events_at(client.base()).await.unwrap()
}

async fn all(text: &'static str, end: &'static str) -> Vec<Result<EventEnvelope, Error>> {
    events(&streaming(text, end)).await.into_stream().collect().await
}

fn payload(event: &Result<EventEnvelope, Error>) -> &str {
    event.as_ref().unwrap().payload.as_ref().unwrap().get()
}

#[tokio::test]
async fn samples_come_as_the_vehicle_wrote_them() {
    let events = all(
        ": alive\n\ndata: {\"timestamp\":\"2026-01-01T00:00:00Z\",\"payload\":{\"id\":\"a\", \"data\":1.50}}\n\n\
         data: {\"timestamp\":\"t\",\"error\":{\"error_code\":\"not-responding\",\"message\":\"m\"}}\n\n\
         data: {\"payload\":7}\n\n",
        END,
    )
    .await;
    assert_eq!(events.len(), 3);
    assert_eq!(payload(&events[0]), "{\"id\":\"a\", \"data\":1.50}");
    let first = events[0].as_ref().unwrap();
    assert_eq!(first.timestamp.as_deref(), Some("2026-01-01T00:00:00Z"));
    let second = events[1].as_ref().unwrap();
    assert_eq!(second.error.as_ref().unwrap().error_code, "not-responding");
    assert!(second.payload.is_none() && payload(&events[2]) == "7");
}

#[tokio::test]
async fn events_of_other_sorts_say_what_they_are_or_are_skipped() {
    let events = all(
        "event: fault_confirmed\ndata: {\"event_type\":\"fault_confirmed\",\"fault\":{},\"timestamp\":5}\n\n\
         event: heartbeat\ndata: alive\n\ndata: {\"payload\":1}\n\n",
        END,
    )
    .await;
    assert_eq!(events.len(), 2);
    let fault = events[0].as_ref().unwrap();
    assert_eq!(fault.kind.as_deref(), Some("fault_confirmed"));
    assert!(payload(&events[0]).contains("\"fault\":{}"));
    assert_eq!(events[1].as_ref().unwrap().kind, None);
}

#[tokio::test]
async fn a_stream_that_is_closed_is_told_from_one_that_is_cut() {
    assert!(matches!(all("data: {\"payload\":1}\n\n", END).await.as_slice(), [Ok(_)]));
    let cut = all("data: {\"payload\":1}\n\n", "ff\r\ndata: {").await;
    assert!(matches!(cut.as_slice(), [Ok(_), Err(Error::Truncated)]), "{cut:?}");
    let half = all("data: {\"payl", END).await;
    assert!(matches!(half.as_slice(), [Err(Error::Truncated)]), "{half:?}");
}

#[tokio::test]
async fn an_event_that_is_no_json_or_too_large_ends_the_stream() {
    let events = all("data: nonsense\n\ndata: {\"payload\":1}\n\n", END).await;
    assert!(matches!(events.as_slice(), [Err(Error::Malformed { .. })]), "{events:?}");
    let server = Server::raw(|mut stream| {
        read_request(&mut stream, 0);
        stream.write_all(HEAD).unwrap();
        let line = format!("data: {}", "x".repeat(200_000));
        // The client leaves before all of it is written.
        drop(chunk(&mut stream, &line));
    });
    let mut events = self::events(&server).await;
    assert!(matches!(events.next().await, Some(Err(Error::TooLarge { limit: 200_000 }))));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_slow_reader_of_events_holds_the_vehicle_back() {
    let (stuck, report) = mpsc::channel::<usize>();
    let server = Server::raw(move |mut stream| {
        read_request(&mut stream, 0);
        stream.write_all(HEAD).unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        let event = format!("data: {{\"payload\":\"{}\"}}\n\n", "x".repeat(100_000));
        stuck.send((0..1000).take_while(|_| chunk(&mut stream, &event).is_ok()).count()).unwrap();
    });
    let mut events = events(&server).await;
    events.next().await.unwrap().unwrap();
    let written = tokio::task::spawn_blocking(move || report.recv().unwrap()).await.unwrap();
    assert!(written < 1000, "100 MB went into some buffer");
}

#[tokio::test]
async fn a_place_without_a_stream_is_told() {
    let server = Server::http(|_| response(200, "", "{}"));
    let client = server.client();
    let error = client.events_at(client.base()).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
    assert!(server.seen()[0].head.contains("accept: text/event-stream\r\n"));
}

/// A server that answers the subscription with `body`, and the streams with an event each.
fn subscribing(headers: &'static str, body: &'static str) -> Server {
    Server::http(move |request| match request.line.as_str() {
        "GET /v1/ecu" => response(200, "", ECU),
        "POST /v1/ecu/cyclic-subscriptions" => response(201, headers, body),
        line if line.starts_with("GET") => {
            let event = format!("data: {{\"payload\":\"{line}\"}}\n\n");
            response(200, "content-type: text/event-stream\r\n", &event)
        }
        _ => response(204, "", ""),
    })
}

async fn subscribed(client: &Client) -> fleetwire_sovd::Subscription {
    let ecu = bare_entity(client, "/v1/ecu").await;
    let speed = client.link("/v1/ecu/data/speed").unwrap();
    let second = Duration::from_millis(1500);
    client.subscribe(&ecu, &ecu.relative(&speed), Interval::Fast, second).await.unwrap()
}

async fn source(client: &Client) -> String {
    let subscription = subscribed(client).await;
    let mut events = client.events(&subscription).await.unwrap();
    let payload = events.next().await.unwrap().unwrap().payload.unwrap();
    serde_json::from_str(payload.get()).unwrap()
}

#[tokio::test]
async fn samples_are_read_where_the_server_says_else_at_the_subscription() {
    let named =
        r#"{"id":"7","event_source":"http://10.0.0.1/v1/ecu/cyclic-subscriptions/7/events"}"#;
    let server = subscribing("location: /v1/ecu/cyclic-subscriptions/7\r\n", named);
    assert_eq!(source(&server.client()).await, "GET /v1/ecu/cyclic-subscriptions/7/events");
    let body = server.body(1);
    let expected = json!({"resource":"data/speed","interval":"fast","duration":2,"protocol":"sse"});
    assert_eq!(body, expected);
    let server = subscribing("", r#"{"subscription_id":"8","interval":"slow"}"#);
    assert_eq!(source(&server.client()).await, "GET /v1/ecu/cyclic-subscriptions/8");
}

#[tokio::test]
async fn a_subscription_is_read_changed_and_deleted_where_it_is() {
    let place = "/v1/ecu/cyclic-subscriptions/7";
    let own = r#"{"id":"7","observed_resource":"data/speed","interval":"slow","expires":"E"}"#;
    let list = format!(r#"{{"items":[{own}]}}"#);
    let server = Server::json(&[
        ("GET /v1/ecu", 200, ECU),
        ("GET /v1/ecu/cyclic-subscriptions", 200, &list),
        (&format!("GET {place}"), 200, own),
        (&format!("PUT {place}"), 200, r#"{"id":"7","interval":"fast"}"#),
        (&format!("DELETE {place}"), 204, ""),
    ]);
    let client = server.client();
    let ecu = bare_entity(&client, "/v1/ecu").await;
    let listed = client.subscriptions(&ecu).await.unwrap().remove(0);
    assert_eq!(listed.href.to_string(), place);
    let read = client.subscription(&listed.href).await.unwrap();
    assert_eq!((read.interval, read.expires.as_deref()), (Some(Interval::Slow), Some("E")));
    assert_eq!((read.resource, read.events), (Some("data/speed".to_owned()), listed.href.clone()));
    let changed = client.change_subscription(&listed.href, Some(Interval::Fast), None);
    assert_eq!(changed.await.unwrap().interval, Some(Interval::Fast));
    assert_eq!(server.seen()[3].body, r#"{"interval":"fast"}"#);
    client.delete_subscription(&listed.href).await.unwrap();
}

#[tokio::test]
async fn a_subscription_without_a_place_is_malformed() {
    let server = subscribing("", "{}");
    let client = server.client();
    let ecu = bare_entity(&client, "/v1/ecu").await;
    let hour = Duration::from_hours(1);
    let error = client.subscribe(&ecu, "data/x", Interval::Slow, hour).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_trigger_is_set_inspected_prolonged_and_deleted() {
    let place = "/v1/ecu/triggers/t";
    let own = r#"{"id":"t","observed_resource":"faults","status":"active","expires":"E",
        "event_source":"/v1/ecu/triggers/t/events","last_error":{"error_code":"x","message":"m"},
        "trigger_condition":{"condition_type":"EnterRange","lower_bound":1,"upper_bound":2.5}}"#;
    let list = format!(
        r#"{{"items":[{own},{{"id":"u","status":"terminated",
        "trigger_condition":{{"condition_type":"x-odd"}}}}]}}"#
    );
    let server = Server::json(&[
        ("GET /v1/ecu", 200, ECU),
        ("POST /v1/ecu/triggers", 201, own),
        ("GET /v1/ecu/triggers", 200, &list),
        (&format!("GET {place}"), 200, own),
        (&format!("PUT {place}"), 200, r#"{"expires":"F"}"#),
        (&format!("DELETE {place}"), 204, ""),
    ]);
    let client = server.client();
    let ecu = bare_entity(&client, "/v1/ecu").await;
    let request = TriggerRequest {
        multishot: true,
        lifetime: Some(Duration::from_mins(1)),
        ..TriggerRequest::new("faults", Condition::OnChange)
    };
    let trigger = client.create_trigger(&ecu, &request).await.unwrap();
    assert_eq!(trigger.events.to_string(), "/v1/ecu/triggers/t/events");
    let body = server.body(1);
    let expected = json!({"resource":"faults","protocol":"sse","multishot":true,"persistent":false,
        "lifetime":60,"trigger_condition":{"condition_type":"OnChange"}});
    assert_eq!(body, expected);
    let listed = client.triggers(&ecu).await.unwrap();
    assert_eq!((listed[0].active, listed[1].active), (Some(true), Some(false)));
    let odd = Condition::Other(json!({"condition_type":"x-odd"}));
    assert_eq!(listed[1].condition, Some(odd));
    let read = client.trigger(&trigger.href).await.unwrap();
    let upper = serde_json::Number::from_f64(2.5).unwrap();
    assert_eq!(read.condition, Some(Condition::EnterRange { lower: 1.into(), upper }));
    assert_eq!(read.last_error.unwrap().message, "m");
    client.prolong_trigger(&read.href, Duration::from_secs(5)).await.unwrap();
    assert_eq!(server.seen()[4].body, r#"{"lifetime":5}"#);
    client.delete_trigger(&read.href).await.unwrap();
}

#[tokio::test]
async fn conditions_are_written_as_they_are_read() {
    let (lower, upper) = (serde_json::Number::from(1), serde_json::Number::from(2));
    let conditions = [
        Condition::OnChange,
        Condition::OnChangeTo(json!("x")),
        Condition::EnterRange { lower: lower.clone(), upper: upper.clone() },
        Condition::LeaveRange { lower, upper },
    ];
    let server = Server::http(|request| match request.line.as_str() {
        "GET /v1/ecu" => response(200, "", ECU),
        // What was asked for comes back, and is found again.
        _ => response(201, "location: /v1/ecu/triggers/1\r\n", &request.body),
    });
    let client = server.client();
    let ecu = bare_entity(&client, "/v1/ecu").await;
    for condition in conditions {
        let request = TriggerRequest::new("data/a", condition.clone());
        let trigger = client.create_trigger(&ecu, &request).await.unwrap();
        assert_eq!(trigger.condition, Some(condition));
    }
}

#[tokio::test]
async fn streams_of_faults_exist_only_where_the_server_links_them() {
    let server = Server::json(&[
        ("GET /v1/ecu", 200, ECU),
        ("GET /v1/other", 200, r#"{"id":"o","faults":"/v1/other/faults"}"#),
        ("GET /v1/native", 200, r#"{"id":"n","x":"/v1/native/faults/subscribe"}"#),
    ]);
    let client = server.client();
    let place = async |path: &str| {
        let entity = bare_entity(&client, path).await;
        entity.fault_stream().map(ToString::to_string)
    };
    assert_eq!(place("/v1/ecu").await.as_deref(), Some("/v1/ecu/faults/stream"));
    assert_eq!(place("/v1/native").await.as_deref(), Some("/v1/native/faults/subscribe"));
    assert_eq!(place("/v1/other").await, None);
}
