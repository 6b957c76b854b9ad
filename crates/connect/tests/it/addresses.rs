//! Addresses that must not be talked to, and servers that are no vehicles.
//! A vehicle on this machine is the exception that has to be allowed.

use fleetwire_connect::End;
use model::command::Refusal;
use model::vehicle::ConnectionStatus;
use serde_json::json;

use crate::bench::{Bench, address, connector, connector_with, order, run};
use crate::odd::{Reply, Server, plain};

#[tokio::test]
async fn this_machine_is_refused_unless_allowed() {
    let bench = Bench::open().await;
    let strict = connector_with(1 << 20, false);
    let port = bench.address.sovd_url.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        let vehicle = address(&format!("http://{host}:{port}"));
        for name in ["ReadDTC", "ClearDTC"] {
            let outcome = run(&strict, order(&vehicle, name, json!({"ecuAddress": "0x10"}))).await;
            let words = outcome.refused(Refusal::Unsupported);
            assert!(words.ends_with("is not allowed: see vehicles.allow_loopback"), "{words}");
        }
        assert_eq!(strict.probe(&vehicle).await.status, ConnectionStatus::Disconnected);
    }
}

#[tokio::test]
async fn a_metadata_service_is_refused_always() {
    let vehicle = address("http://169.254.169.254/latest/v1");
    let outcome = run(&connector(1000), order(&vehicle, "vehicle.discover", json!({}))).await;
    assert_eq!(
        outcome.refused(Refusal::Unsupported),
        "the vehicle's address 169.254.169.254 is not allowed: see vehicles.allow_loopback"
    );
}

#[tokio::test]
async fn only_web_addresses_are_addresses() {
    for url in ["file:///etc/passwd", "ftp://vehicle/v1", "nonsense", ""] {
        let vehicle = address(url);
        let outcome = run(&connector(1000), order(&vehicle, "vehicle.discover", json!({}))).await;
        outcome.refused(Refusal::Unsupported);
        assert_eq!(connector(1000).probe(&vehicle).await.status, ConnectionStatus::Disconnected);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Server::start(&[]);
    let location = format!("http://127.0.0.1:{}/v1", target.port);
    let server = Server::with(move |_| (307, format!("location: {location}\r\n"), String::new()));
    let vehicle = server.address();
    let outcome = run(&connector(1000), order(&vehicle, "vehicle.discover", json!({}))).await;
    assert_ne!(outcome.end, End::Answered);
    assert!(target.seen().is_empty());
}

#[tokio::test]
async fn something_that_is_no_vehicle_is_an_error_to_the_probe() {
    let web = Server::with(|_| (200, String::new(), "<html>Hello</html>".to_owned()));
    assert_eq!(connector(1000).probe(&web.address()).await.status, ConnectionStatus::Error);
    let broken = Server::with(|_| (500, String::new(), String::new()));
    assert_eq!(connector(1000).probe(&broken.address()).await.status, ConnectionStatus::Error);
}

#[tokio::test]
async fn a_download_is_not_followed_to_another_server() {
    let target = Server::start(&[]);
    let location = format!("location: http://127.0.0.1:{}/secret\r\n", target.port);
    let server = Server::beside(move |request| {
        let path = request.line.strip_prefix("GET /v1/components/rich/bulk-data")?;
        Some(Reply::Answer(match path {
            "" => plain(200, r#"{"items":["maps"]}"#),
            "/maps" => plain(200, r#"{"items":[{"id":"m"}]}"#),
            _ => (307, location.clone(), String::new()),
        }))
    });
    let params = json!({"entity": "components/rich", "category": "maps", "id": "m"});
    let outcome = run(&connector(1000), order(&server.address(), "bulk.download", params)).await;
    assert!(outcome.vehicle_error().starts_with("it leads to another server"), "{outcome:?}");
    assert!(target.seen().is_empty());
}
