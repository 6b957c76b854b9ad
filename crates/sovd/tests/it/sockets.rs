//! What a failure on the wire says about the request.
//! No case is simulated above TCP.

use std::io::Write;
use std::net::{Shutdown, TcpListener};

use fleetwire_sovd::{Client, Error, HeaderName, HeaderValue, Http, Limits, Link, Url};
use tokio::net::TcpSocket;

use crate::server::{Server, client_of, read_request, response};

async fn read(server: &Server) -> Error {
    server.client().components().await.unwrap_err()
}

async fn clear(server: &Server) -> Error {
    let client = server.client();
    client.clear_fault(&faults(&client)).await.unwrap_err()
}

fn faults(client: &Client) -> Link {
    client.link("/v1/components/ecu/faults").unwrap()
}

#[tokio::test]
async fn a_closed_port_proves_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = client_of(&format!("http://{address}/v1"));
    let error = client.clear_fault(&faults(&client)).await.unwrap_err();
    assert!(matches!(error, Error::NotSent(_)), "{error:?}");
    let error = client.components().await.unwrap_err();
    assert!(matches!(error, Error::NotSent(_)), "{error:?}");
}

#[tokio::test]
async fn a_connect_that_times_out_proves_that_nothing_was_sent() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    let brief = std::time::Duration::from_millis(200);
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, brief) {
        waiting.push(stream);
    }
    let client = client_of(&format!("http://{address}/v1"));
    let error = client.clear_fault(&faults(&client)).await.unwrap_err();
    assert!(matches!(error, Error::NotSent(_)), "{error:?}");
}

#[tokio::test]
async fn a_failed_tls_handshake_proves_that_nothing_was_sent() {
    let server = Server::raw(|mut stream| stream.write_all(b"no TLS spoken here\r\n").unwrap());
    let client = client_of(&format!("https://127.0.0.1:{}/v1", server.port));
    let error = client.clear_fault(&faults(&client)).await.unwrap_err();
    assert!(matches!(error, Error::NotTrusted { .. }), "{error:?}");
}

#[tokio::test]
async fn an_address_of_another_scheme_proves_that_nothing_was_sent() {
    let client = client_of("ftp://127.0.0.1/v1");
    let error = client.components().await.unwrap_err();
    assert!(matches!(error, Error::NotSent(_)), "{error:?}");
}

#[tokio::test]
async fn an_address_that_is_not_admitted_is_not_connected_to() {
    let server = Server::http(|_| response(200, "", r#"{"items":[]}"#));
    let http = Http::admitting(Limits::default(), |address| !address.is_loopback()).unwrap();
    for host in ["127.0.0.1", "2130706433", "localhost"] {
        let base = Url::parse(&format!("http://{host}:{}/v1", server.port)).unwrap();
        let error = Client::new(base, http.clone()).components().await.unwrap_err();
        assert!(matches!(error, Error::NotAdmitted { .. }), "{host}: {error:?}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_name_is_resolved_to_its_admitted_addresses() {
    let server = Server::http(|_| response(200, "", r#"{"items":[]}"#));
    let http = Http::admitting(Limits::default(), |address| address.is_ipv4()).unwrap();
    let base = Url::parse(&format!("http://localhost:{}/v1", server.port)).unwrap();
    assert!(Client::new(base, http).components().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_listener_that_accepts_and_closes_leaves_the_outcome_open() {
    let server = Server::raw(drop);
    let error = clear(&server).await;
    assert!(matches!(error, Error::Lost(_)), "{error:?}");
}

#[tokio::test]
async fn a_connection_closed_after_the_request_leaves_the_outcome_open() {
    let server = Server::http(|_| Vec::new());
    let error = clear(&server).await;
    assert!(matches!(error, Error::Lost(_)), "{error:?}");
}

#[tokio::test]
async fn a_reset_after_the_request_leaves_the_outcome_open() {
    let server = Server::raw(|mut stream| {
        read_request(&mut stream, 0);
        // An answer that the client never reads in full, then a close with bytes unread.
        stream.write_all(b"HTTP/1.1 ").unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
    });
    let error = clear(&server).await;
    assert!(matches!(error, Error::Lost(_)), "{error:?}");
}

#[tokio::test]
async fn half_a_body_is_truncated() {
    let server = Server::raw(|mut stream| {
        read_request(&mut stream, 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"items\":[").unwrap();
    });
    assert!(matches!(read(&server).await, Error::Truncated));
    assert!(matches!(clear(&server).await, Error::Truncated));
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_malformed() {
    let server = Server::raw(|mut stream| {
        read_request(&mut stream, 0);
        stream.write_all(b"\x00\x01\x02 garbage\r\n\r\n").unwrap();
    });
    let error = clear(&server).await;
    assert_eq!(error.to_string(), "malformed answer: not HTTP");
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_malformed() {
    let server = Server::http(|_| response(200, "", "<html>"));
    let error = read(&server).await;
    assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_of_another_shape_is_malformed() {
    let server = Server::http(|_| response(200, "", r#"{"things":[]}"#));
    assert_eq!(read(&server).await.to_string(), "malformed answer: entities: no items");
}

#[tokio::test]
async fn an_answer_nested_too_deeply_is_malformed() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let server = Server::http(move |request| {
        let depth = if request.line.ends_with("deep") { 120 } else { 119 };
        response(200, "", &format!("{{\"data\":{}}}", nested(depth)))
    });
    let client = server.client();
    let at = |path: &str| client.link(path).unwrap();
    assert!(client.read(&at("/v1/fine")).await.is_ok());
    let error = client.read(&at("/v1/deep")).await.unwrap_err();
    assert_eq!(error.to_string(), "malformed answer: nested deeper than 120 levels");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let server = Server::http(|_| response(200, "", &format!("\"{}\"", "x".repeat(100_000))));
    assert!(matches!(read(&server).await, Error::TooLarge { limit: 100_000 }));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::http(|_| response(307, "location: /v1/elsewhere\r\n", ""));
    assert_eq!(clear(&server).await.status(), Some(307));
    assert_eq!(server.lines(), ["DELETE /v1/components/ecu/faults"]);
}

#[tokio::test]
async fn a_refusal_counts_even_if_its_body_broke_off() {
    let server = Server::raw(|mut stream| {
        read_request(&mut stream, 0);
        stream.write_all(b"HTTP/1.1 409 X\r\ncontent-length: 100\r\n\r\n{\"err").unwrap();
    });
    assert_eq!(clear(&server).await.status(), Some(409));
}

#[tokio::test]
async fn a_link_of_another_vehicle_does_not_lead_there() {
    let (own, other) = (Server::json(&[]), Server::json(&[]));
    let link = other.client().link("/v1/components/ecu/faults").unwrap();
    own.client().clear_fault(&link).await.unwrap_err();
    assert_eq!((own.seen().len(), other.seen().len()), (1, 0));
}

#[tokio::test]
async fn a_lost_request_is_not_repeated() {
    let server = Server::http(|_| Vec::new());
    clear(&server).await;
    read(&server).await;
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn reads_share_a_connection_and_changes_never_do() {
    let server = Server::http(|request| match request.line.split_once(' ').unwrap().0 {
        "GET" => response(200, "", r#"{"items":[]}"#),
        _ => response(204, "", ""),
    });
    let client = server.client();
    for _ in 0..3 {
        client.components().await.unwrap();
        client.clear_fault(&faults(&client)).await.unwrap();
    }
    let connections = |verb: &str| -> Vec<usize> {
        let of_verb = server.seen().into_iter().filter(|request| request.line.starts_with(verb));
        of_verb.map(|request| request.connection).collect()
    };
    assert_eq!(connections("GET"), [0, 0, 0]);
    assert_eq!(connections("DELETE"), [1, 2, 3]);
}

#[tokio::test]
async fn a_header_of_the_client_goes_with_every_request() {
    let server = Server::http(|_| response(200, "", r#"{"items":[]}"#));
    let name = HeaderName::from_static("x-order");
    let tagged = server.client().with_header(name, HeaderValue::from_static("7"));
    tagged.components().await.unwrap();
    tagged.clear_fault(&faults(&tagged)).await.unwrap();
    assert!(server.seen().iter().all(|request| request.head.contains("x-order: 7\r\n")));
}

#[tokio::test]
async fn no_compression_is_asked_for() {
    let server = Server::http(|_| response(200, "", r#"{"items":[]}"#));
    server.client().components().await.unwrap();
    let head = server.seen()[0].head.to_lowercase();
    assert!(head.contains("accept: application/json\r\n") && !head.contains("accept-encoding"));
}

#[tokio::test]
async fn a_call_that_is_never_awaited_sends_nothing() {
    let server = Server::http(|_| response(204, "", ""));
    let client = server.client();
    drop(client.clear_fault(&faults(&client)));
    assert!(server.seen().is_empty());
}
