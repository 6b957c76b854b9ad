//! The PostgreSQL of the tests behaves like one in production, faults included.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use fleetwire_testkit::Postgres;

/// A request for encryption: any healthy server answers it with one byte.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Whether the server answers a new connection.
fn answers(postgres: &Postgres) -> bool {
    let Ok(mut connection) = TcpStream::connect(("127.0.0.1", postgres.port())) else {
        return false;
    };
    connection.set_read_timeout(Some(Duration::from_millis(300))).is_ok()
        && connection.write_all(&SSL_REQUEST).is_ok()
        && connection.read_exact(&mut [0]).is_ok()
}

#[test]
fn a_server_starts_and_creates_databases() {
    let postgres = Postgres::start();
    let url = postgres.create_database("fleet");
    assert_eq!(url, format!("postgres://fleetwire@127.0.0.1:{}/fleet", postgres.port()));
    assert!(answers(&postgres));
}

#[test]
fn two_servers_do_not_meet() {
    let (one, other) = (Postgres::start(), Postgres::start_durable());
    one.create_database("fleet");
    other.create_database("fleet");
}

#[test]
fn a_killed_server_comes_back_on_its_port() {
    let mut postgres = Postgres::start();
    let _open = TcpStream::connect(("127.0.0.1", postgres.port())).unwrap();
    postgres.kill();
    assert!(!answers(&postgres));
    postgres.restart();
    assert!(answers(&postgres));
}

#[test]
fn a_frozen_server_is_silent_until_it_is_resumed() {
    let mut postgres = Postgres::start();
    postgres.pause();
    assert!(!answers(&postgres));
    postgres.resume();
    postgres.create_database("fleet");
}

#[test]
fn a_frozen_server_can_be_restarted() {
    let mut postgres = Postgres::start();
    postgres.pause();
    postgres.restart();
    assert!(answers(&postgres));
}

#[test]
fn a_start_removes_what_a_killed_test_left_behind() {
    let left = tempfile::Builder::new().prefix("fleetwire-postgres-").tempdir().unwrap();
    fs::write(left.path().join("owner.lock"), "").unwrap();
    let _postgres = Postgres::start();
    assert!(!left.path().exists());
}
