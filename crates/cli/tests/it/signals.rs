//! SIGTERM under load: what has begun comes to its end, and nothing that was accepted is lost.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use testkit::{Backend, Load, Site};

const VEHICLES: u32 = 12;
const CYCLES: usize = 3;
/// How long a server may take to end.
const DRAIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_is_clean_on_sqlite() {
    stop_under_load(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_is_clean_on_postgres() {
    stop_under_load(Backend::Postgres).await;
}

async fn stop_under_load(backend: Backend) {
    let mut site = Site::new(backend, VEHICLES).await;
    site.start().await;
    let load = Load::begin(&site).await;
    for _ in 0..CYCLES {
        load.accepts(60).await;
        let asked = Instant::now();
        let status = site.terminate(DRAIN);
        println!("{backend:?}: ended {:?} after SIGTERM", asked.elapsed());
        assert_eq!(status.code(), Some(0), "{:#?}", site.server().log());
        site.assert_no_errors();
        site.start().await;
    }
    load.accepts(20).await;
    let closes = load.closes();
    let harvest = load.end().await;
    println!("{backend:?}: {harvest}, closed by code: {closes:?}");
    assert!(closes.contains_key(&1001), "nobody was told: {closes:?}");
    assert!(closes.keys().all(|code| *code == 1001), "{closes:?}");
    harvest.check(&site).await;
}

/// The kernel accepts for a server that does not: whoever it has accepted is answered, not reset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_connected_when_the_server_stopped_is_answered() {
    let mut site = Site::new(Backend::Sqlite, 1).await;
    site.start().await;
    let address = site.url.trim_start_matches("http://").to_owned();
    site.server().stop();
    let mut clients: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut client = TcpStream::connect(&address).unwrap();
            client.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
            client
        })
        .collect();
    site.server().terminate();
    site.server().cont();
    for client in &mut clients {
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
    }
    assert!(site.server().wait(DRAIN).success());
}
