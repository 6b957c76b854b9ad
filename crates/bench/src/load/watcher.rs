//! A watcher under load: what has come on its connection becomes numbers of events.
//!
//! Refuses to copy: only the beginning of a frame whose end has not come yet is kept.

use super::socket::{Dialect, Socket};
use crate::event;
use crate::frame::{self, Frame};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{ErrorKind, Read, Write};

/// Bytes that are read at once.
pub(crate) const READ_BYTES: usize = 256 * 1024;

/// One connection.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) topic: u32,
    stream: TcpStream,
    dialect: Dialect,
    unread: Vec<u8>,
}

impl Watcher {
    /// Joins the connections that `registry` watches.
    pub(crate) fn new(topic: u32, socket: Socket, registry: &Registry, token: Token) -> Self {
        socket.stream.set_nonblocking(true).expect("it is a socket");
        let mut stream = TcpStream::from_std(socket.stream);
        registry.register(&mut stream, token, Interest::READABLE).expect("it can be watched");
        Self { topic, stream, dialect: socket.dialect, unread: socket.unread }
    }

    /// Hands on the numbers of all events that have come; `room` is [`READ_BYTES`] long.
    pub(crate) fn take(&mut self, room: &mut [u8], mut each: impl FnMut(u32)) {
        loop {
            let kept = self.unread.len();
            let (head, tail) = room.split_at_mut(kept);
            head.copy_from_slice(&self.unread);
            let count = match self.stream.read(tail) {
                Ok(0) => panic!("a connection was closed under load"),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("a connection was lost under load: {error}"),
            };
            let was_filled = count == tail.len();
            let rest = self.understand(room.get(..kept + count).unwrap_or_default(), &mut each);
            self.unread.clear();
            self.unread.extend_from_slice(rest);
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
