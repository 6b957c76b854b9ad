//! A watcher under load: what has come on its connection becomes numbers of events.
//!
//! Refuses to look at anything else in an event.

use super::inflow::Inflow;
use super::socket::{Dialect, Socket};
use crate::event;
use crate::frame::{self, Frame};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::Write;

/// One connection.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) topic: u32,
    stream: TcpStream,
    dialect: Dialect,
    inflow: Inflow,
}

impl Watcher {
    /// Joins the connections that `registry` watches.
    pub(crate) fn new(topic: u32, socket: Socket, registry: &Registry, token: Token) -> Self {
        socket.stream.set_nonblocking(true).expect("it is a socket");
        let mut stream = TcpStream::from_std(socket.stream);
        registry.register(&mut stream, token, Interest::READABLE).expect("it can be watched");
        let inflow = Inflow::after(socket.unread);
        Self { topic, stream, dialect: socket.dialect, inflow }
    }

    /// Hands on the numbers of all events that have come; `room` is [`READ_BYTES`](super::inflow::READ_BYTES) long.
    pub(crate) fn take(&mut self, room: &mut [u8], mut each: impl FnMut(u32)) {
        while let Some((bytes, was_filled)) = self.inflow.fill(&mut self.stream, room) {
            let rest = self.understand(bytes, &mut each);
            self.inflow.keep(rest);
            if !was_filled {
                return;
            }
        }
    }

    /// Hands on what is whole, and answers the rest.
    fn understand<'a>(&mut self, mut bytes: &'a [u8], each: &mut impl FnMut(u32)) -> &'a [u8] {
        while let Some((frame, rest)) = frame::split(bytes) {
            match (frame.opcode, self.dialect) {
                (frame::TEXT, _) => event::number(frame.payload).into_iter().for_each(&mut *each),
                (frame::BINARY, Dialect::Nats) => messages(frame.payload, each),
                (frame::PING, _) => self.pong(frame),
                (opcode, _) => panic!("a frame of kind {opcode} under load"),
            }
            bytes = rest;
        }
        bytes
    }

    fn pong(&mut self, ping: Frame<'_>) {
        let pong = frame::of_client(frame::PONG, ping.payload);
        self.stream.write_all(&pong).expect("there is room for a few bytes");
    }
}

/// The events among lines of NATS, `MSG <subject> <id> <bytes>` each.
pub(super) fn messages(mut lines: &[u8], each: &mut impl FnMut(u32)) {
    while let Some(end) = lines.iter().position(|it| *it == b'\n') {
        let (line, rest) = lines.split_at(end + 1);
        let length = line.strip_prefix(b"MSG ").map_or(0, length);
        let (event, rest) = rest.split_at_checked(length).expect("frames hold whole messages");
        event::number(event).into_iter().for_each(&mut *each);
        lines = rest;
    }
    assert!(lines.is_empty(), "frames hold whole lines");
}

/// The bytes of the message that a line announces, and of the line end after it.
fn length(line: &[u8]) -> usize {
    let text = str::from_utf8(line).expect("it is a line of text");
    let length = text.split_ascii_whitespace().last().and_then(|it| it.parse::<usize>().ok());
    length.expect("it ends with a length") + 2
}
