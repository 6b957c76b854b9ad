//! Servers that are told of events on a connection of their own, in records of eight bytes.
//!
//! Refuses to know what they are: they print where they listen.

use super::{Running, Shape, program};
use crate::installation::START;
use crate::limit;
use crate::load::feed::Feed;
use crate::load::socket::{Dialect, Way};
use serde::Deserialize;
use std::env;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use tempfile::TempDir;
use testkit::Process;

/// What such a server prints when it is ready.
#[derive(Deserialize)]
pub(super) struct Ready {
    pub(super) sockets: SocketAddr,
    control: SocketAddr,
}

/// The limit, ready to be started.
pub(super) fn limit(shape: Shape) -> Command {
    let own = env::current_exe().expect("it knows its own name");
    let mut command = program(own);
    command.args(["limit", "--event-bytes", &shape.event_bytes.to_string()]);
    command
}

/// What a server that has been started says when it is ready.
pub(super) fn ready(process: &Process) -> Ready {
    process.ready_line(START)
}

/// Starts any such server.
pub(super) fn start(command: Command, shape: Shape, place: TempDir) -> Running {
    let process = Process::spawn(command);
    let Ready { sockets, control } = ready(&process);
    let stream = TcpStream::connect(control).expect("it listens");
    let feed = Feed::new(vec![stream], limit::record);
    Running { process, ways: ways(sockets, shape), feed, place }
}

/// How its topics are watched.
pub(super) fn ways(address: SocketAddr, shape: Shape) -> Vec<Way> {
    let way = |topic| Way {
        address,
        path: format!("/{topic}"),
        dialect: Dialect::Plain,
        greeting: String::new(),
    };
    (0..shape.topics).map(way).collect()
}
