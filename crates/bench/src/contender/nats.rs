//! nats-server: watchers over its WebSocket listener, events over its own protocol.
//!
//! Refuses its extras: no rights, no TLS, no compression, no store.

use super::{Ground, Running, Shape, place, printed, program};
use crate::cpu::on_core;
use crate::event;
use crate::installation::START;
use crate::load::feed::Feed;
use crate::load::socket::{Dialect, Way};
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use testkit::Process;

const SETTINGS: &str = r#"
listen: "127.0.0.1:-1"
websocket { listen: "127.0.0.1:-1", no_tls: true }
"#;
const CONNECT: &str = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";

/// Its version; `None` if it is not there.
pub(super) fn version(ground: &Ground) -> Option<String> {
    let printed = printed(Command::new(server(ground)).arg("--version"))?;
    Some(printed.rsplit(' ').next()?.to_owned())
}

/// Starts it.
pub(super) fn start(ground: &Ground, shape: Shape) -> Running {
    let place = place();
    let settings = place.path().join("nats.conf");
    fs::write(&settings, SETTINGS).expect("a file can be written");
    let mut command = program(server(ground));
    command.arg("-c").arg(settings);
    let process = Process::spawn(on_core(ground.core, command));
    let sockets = address(&process, "Listening for websocket clients on");
    let mut stream = TcpStream::connect(address(&process, "Listening for client connections on"))
        .expect("it listens");
    stream.write_all(CONNECT.as_bytes()).expect("it reads");
    let way = |topic| Way {
        address: sockets,
        path: "/".to_owned(),
        dialect: Dialect::Nats,
        greeting: format!("{CONNECT}SUB topic.{topic} 1\r\nPING\r\n"),
    };
    let ways = (0..shape.topics).map(way).collect();
    let payload = event::payload(shape.event_bytes);
    let publish = move |topic, number| publish(topic, number, &payload);
    Running { process, ways, feed: Feed::new(vec![stream], publish), place }
}

/// Beside the other peers, or on the search path.
fn server(ground: &Ground) -> PathBuf {
    let beside = ground.peers.join("usr/sbin/nats-server");
    if beside.is_file() { beside } else { "nats-server".into() }
}

/// The address at the end of a line of its log.
fn address(process: &Process, line: &str) -> SocketAddr {
    let line = process.log_line(line, START);
    let address = line.rsplit([' ', '/']).next().and_then(|it| it.parse().ok());
    address.unwrap_or_else(|| panic!("no address at the end of {line:?}"))
}

fn publish(topic: u32, number: u32, payload: &str) -> Vec<u8> {
    let text = event::text(&event::id(topic), number, number, payload);
    format!("PUB topic.{topic} {}\r\n{text}\r\n", text.len()).into_bytes()
}
