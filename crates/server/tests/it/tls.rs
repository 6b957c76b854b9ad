//! TLS of our own: what is spoken, what is refused, and how a certificate is renewed.

use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use testkit::{Authority, Client, Platform, eventually, sequences};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion};

const PATIENCE: Duration = Duration::from_secs(20);

fn address(p: &Platform) -> String {
    p.url().trim_start_matches("https://").to_owned()
}

async fn shake_hands(
    p: &Platform,
    tls: Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address(p)).await.unwrap();
    TlsConnector::from(tls).connect("127.0.0.1".try_into().unwrap(), stream).await
}

/// The certificate that a new connection is shown.
async fn shown(p: &Platform, trusted: &Authority) -> Option<Vec<u8>> {
    let stream = shake_hands(p, trusted.client(&[&TLS13])).await.ok()?;
    Some(stream.get_ref().1.peer_certificates()?.first()?.to_vec())
}

async fn submit(p: &Platform, who: &Client) -> String {
    who.submit(p.vehicle().vehicle_id, "ReadDTC", json!({ "ecuAddress": "0x10" })).await
}

#[tokio::test]
async fn a_run_is_followed_over_tls_from_its_order_to_its_end() {
    let p = Platform::start_tls(&[("ws.idle_close", "200ms")]).await;
    p.vehicle().set(json!({ "delay_ms": 0, "parts": 200, "part_interval_ms": 2 })).await;
    let engineer = p.engineer().await;
    let id = submit(&p, &engineer).await;
    let mut socket = engineer.watch(&id).await;
    let events = socket.until_end().await;
    assert_eq!(sequences(&events), (1..=200).collect::<Vec<_>>());
    assert_eq!(socket.close_code().await, 1000);

    let mut session = engineer.session().await;
    session.send(json!({ "action": "subscribe", "command_id": id })).await;
    session.next_of("status").await;
    session.send(json!({ "action": "ping" })).await;
    session.next_of("pong").await;
}

#[tokio::test]
async fn who_reads_slowly_over_tls_misses_nothing() {
    let p = Platform::start_tls(&[]).await;
    let part = json!({ "delay_ms": 0, "parts": 300, "part_interval_ms": 0, "part_bytes": 16_384 });
    p.vehicle().set(part).await;
    let engineer = p.engineer().await;
    let id = submit(&p, &engineer).await;
    let path = format!("/ws/responses/{id}?token={}", engineer.token());
    let mut slow = engineer.connect_narrow(&path).await;
    let all = engineer.watch(&id).await.until_end().await;
    // Everything else that there is has been written by now, or waits for this one.
    assert_eq!(slow.until_end().await, all);
    assert_eq!(sequences(&all), (1..=300).collect::<Vec<_>>());
}

#[tokio::test]
async fn tls_1_2_is_refused_unless_it_is_allowed() {
    let strict = Platform::start_tls(&[]).await;
    let lenient = Platform::start_tls(&[("tls.min_version", "1.2")]).await;
    let old = |p: &Platform| p.authority().client(&[&TLS12]);
    assert!(shake_hands(&strict, old(&strict)).await.is_err());
    for (p, versions, spoken) in [
        (&strict, [&TLS12, &TLS13].as_slice(), ProtocolVersion::TLSv1_3),
        (&lenient, &[&TLS12, &TLS13], ProtocolVersion::TLSv1_3),
        (&lenient, &[&TLS12], ProtocolVersion::TLSv1_2),
    ] {
        let stream = shake_hands(p, p.authority().client(versions)).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(spoken));
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_and_open_sockets_stay() {
    let p = Platform::start_tls(&[]).await;
    p.vehicle().set(json!({ "delay_ms": 60_000 })).await;
    let engineer = p.engineer().await;
    let id = submit(&p, &engineer).await;
    let mut socket = engineer.watch(&id).await;
    let before = shown(&p, p.authority()).await.unwrap();

    p.authority().certify_in(p.data_dir(), "127.0.0.1");
    eventually("the new certificate", async || {
        shown(&p, p.authority()).await.is_some_and(|now| now != before)
    })
    .await;
    assert_eq!(p.log().lines_with("tls_certificate_renewed").len(), 1);
    let reply = engineer.post(&format!("/api/v1/commands/{id}/cancel"), json!({})).await;
    assert!(reply.status.is_success(), "{}", reply.json);
    socket.until_end().await;
}

#[tokio::test]
async fn a_broken_pair_is_refused_and_the_old_one_stays() {
    let p = Platform::start_tls(&[]).await;
    let before = shown(&p, p.authority()).await;
    let (certificate, _) = p.authority().certify("127.0.0.1");
    for (what, text) in [("together", &*certificate), ("holds no certificate", "nothing")] {
        std::fs::write(p.data_dir().join("server.pem"), text).unwrap();
        eventually(what, async || !p.log().lines_with(what).is_empty()).await;
        assert_eq!(shown(&p, p.authority()).await, before, "{what}");
    }
    std::fs::remove_file(p.data_dir().join("server.key")).unwrap();
    eventually("a line", async || !p.log().lines_with("cannot read").is_empty()).await;
    assert_eq!(shown(&p, p.authority()).await, before);
    assert_eq!(p.log().lines_with("the old one stays").len(), 3, "each is said once");
}

#[tokio::test]
async fn who_does_not_shake_hands_is_hung_up_on_and_keeps_nobody_out() {
    let settings = [("http.header_timeout", "300ms"), ("http.max_connections", "2")];
    let p = Platform::start_tls(&settings).await;
    let mut silent = TcpStream::connect(address(&p)).await.unwrap();
    // The second place is free; whoever comes third waits for one of the two.
    assert!(p.nobody().get("/livez").await.status.is_success());
    let mut rest = Vec::new();
    let end = tokio::time::timeout(PATIENCE, silent.read_to_end(&mut rest)).await;
    end.expect("it is hung up on").unwrap();
    let mut plain = TcpStream::connect(address(&p)).await.unwrap();
    plain.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let end = tokio::time::timeout(PATIENCE, plain.read_to_end(&mut rest)).await;
    drop(end.expect("it is hung up on"));
    assert!(!String::from_utf8_lossy(&rest).contains("HTTP/1.1 200"), "plain HTTP is not served");
    assert!(p.nobody().get("/livez").await.status.is_success());
}

#[tokio::test]
async fn browsers_are_told_to_come_by_tls_only_where_it_is_spoken() {
    let header = async |p: &Platform, path| {
        let reply = p.nobody().get(path).await;
        reply.headers.get("strict-transport-security").map(|it| it.to_str().unwrap().to_owned())
    };
    let (sealed, plain) = (Platform::start_tls(&[]).await, Platform::start().await);
    for path in ["/", "/livez", "/api/v1/vehicles", "/nowhere"] {
        assert_eq!(header(&sealed, path).await.as_deref(), Some("max-age=63072000"), "{path}");
        assert_eq!(header(&plain, path).await, None, "{path}");
    }
}

#[tokio::test]
async fn a_server_going_down_says_so_over_tls() {
    let p = Platform::start_tls(&[]).await;
    let mut session = p.engineer().await.session().await;
    session.next_of("auth").await;
    let (code, ()) = tokio::join!(session.close_code(), p.stop());
    assert_eq!(code, 1001);
}
