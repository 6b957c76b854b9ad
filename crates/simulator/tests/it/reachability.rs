//! Vehicles that are out of reach, and the end of the simulator.
//!
//! Works on bare sockets where HTTP would hide what happened.

use std::io::ErrorKind;
use std::time::Duration;

use fleetwire_simulator::{Fleet, demo_fleet, fleet};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::garage::{Garage, eventually};

async fn offline_garage() -> Garage {
    Garage::with(demo_fleet().into_iter().skip(3).collect()).await
}

async fn is_refused(garage: &Garage) -> bool {
    match TcpStream::connect(garage.address()).await {
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
    }
}

/// A connection over which a request has been answered already.
async fn open_connection(garage: &Garage) -> TcpStream {
    let mut stream = TcpStream::connect(garage.address()).await.unwrap();
    stream.write_all(b"GET /sovd/v1 HTTP/1.1\r\nhost: vehicle\r\n\r\n").await.unwrap();
    assert_ne!(stream.read(&mut [0; 1024]).await.unwrap(), 0);
    stream
}

#[tokio::test]
async fn an_offline_vehicle_has_an_address_at_which_nothing_listens() {
    let garage = offline_garage().await;
    assert!(garage.vehicle().offline);
    assert!(is_refused(&garage).await);
}

#[tokio::test]
async fn an_offline_vehicle_comes_on_line_and_goes_again() {
    let garage = offline_garage().await;
    assert_eq!(garage.set(json!({"online": true})).await["online"], true);
    assert!(garage.get("/sovd/v1").await.status.is_success());
    assert_eq!(garage.set(json!({})).await["online"], false);
    assert!(is_refused(&garage).await);
}

#[tokio::test]
async fn unreachable_resets_open_connections_and_refuses_new_ones() {
    let garage = Garage::open().await;
    let mut stream = open_connection(&garage).await;
    garage.set(json!({"fault": "unreachable"})).await;
    let lost = stream.read(&mut [0; 16]).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::ConnectionReset);
    assert!(is_refused(&garage).await);
}

#[tokio::test]
async fn a_vehicle_comes_back_at_the_same_address_and_remembers() {
    let garage = Garage::open().await;
    garage.delete("/sovd/v1/components/engine_ecu/faults").await;
    for _ in 0..5 {
        garage.set(json!({"fault": "unreachable"})).await;
        assert!(is_refused(&garage).await);
        garage.set(json!({})).await;
        assert!(garage.codes("engine_ecu/faults").await.is_empty());
    }
}

#[tokio::test]
async fn shutdown_ends_everything_even_held_requests() {
    let shutdown = CancellationToken::new();
    let running = Fleet::start(fleet(3), 0, shutdown.clone()).await.unwrap();
    let address = running.control_url().trim_start_matches("http://").to_owned();
    // A request that never comes to its end.
    let mut half = TcpStream::connect(&address).await.unwrap();
    half.write_all(b"PUT /control/vehicles HTTP/1.1\r\ncontent-length: 9\r\n\r\n{").await.unwrap();
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), running.stopped()).await.unwrap();
    eventually(async || TcpStream::connect(&address).await.is_err()).await;
}
