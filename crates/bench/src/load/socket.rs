//! A WebSocket of the load, up to the moment at which it joins the load.
//!
//! Refuses to wait for ever: a contender that says nothing for seconds fails the measurement.

use super::watcher;
use crate::event;
use crate::frame;
use socket2::{Domain, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a contender may say nothing when it should.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The key of the example in RFC 6455.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Less than the kernel permits: it takes its least.
const NARROW_BYTES: usize = 1;

/// How a contender wraps its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// A text frame is an event.
    Plain,
    /// Frames hold lines of NATS, which hold events.
    Nats,
}

impl Dialect {
    fn opcode(self) -> u8 {
        match self {
            Self::Plain => frame::TEXT,
            Self::Nats => frame::BINARY,
        }
    }

    /// Whether it answers a greeting, after which the client is watching.
    fn is_greeting(self, payload: &[u8]) -> bool {
        match self {
            Self::Plain => payload == br#"{"event":"pong"}"#,
            Self::Nats => payload.ends_with(b"PONG\r\n"),
        }
    }
}

/// How a topic is watched.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    pub(crate) dialect: Dialect,
    /// What the client says first; empty = nothing.
    pub(crate) greeting: String,
}

impl Way {
    /// The same for somebody who has seen what was there before this event: others never get it.
    pub(crate) fn from(&self, number: u32) -> Self {
        // Offsets count states as well: they are never behind the numbers.
        let after =
            if self.path.contains('?') { format!("&after={number}") } else { String::new() };
        Self { path: format!("{}{after}", self.path), ..self.clone() }
    }
}

/// An open WebSocket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) stream: TcpStream,
    pub(crate) dialect: Dialect,
    /// What has been read and not yet been understood.
    pub(crate) unread: Vec<u8>,
}

impl Socket {
    /// Opens one; events may have come with the answer.
    pub(crate) fn open(way: &Way) -> Self {
        Self::on(TcpStream::connect(way.address).expect("the contender listens"), way)
    }

    /// Opens one for which the kernel keeps as few bytes unread as it can.
    pub(crate) fn open_narrow(way: &Way) -> Self {
        let narrow = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).expect("it is TCP");
        narrow.set_recv_buffer_size(NARROW_BYTES).expect("it is a socket");
        narrow.connect(&way.address.into()).expect("the contender listens");
        Self::on(narrow.into(), way)
    }

    fn on(stream: TcpStream, way: &Way) -> Self {
        stream.set_nodelay(true).expect("it is a TCP socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a TCP socket");
        let mut socket = Self { stream, dialect: way.dialect, unread: Vec::new() };
        socket.upgrade(way);
        if !way.greeting.is_empty() {
            socket.send(way.dialect.opcode(), way.greeting.as_bytes());
            socket.until(|payload| way.dialect.is_greeting(payload));
        }
        socket
    }

    /// Waits for an event.
    pub(crate) fn event(&mut self) {
        self.until(|payload| event::number(payload).is_some());
    }

    /// Reads on to the event of a number; answers whether all before it came, and in order.
    pub(crate) fn catches_up(mut self, last: u32) -> bool {
        let mut numbers = Vec::new();
        let mut chunk = [0; 16_384];
        loop {
            while let Some((frame, rest)) = frame::split(&self.unread) {
                match self.dialect {
                    Dialect::Plain => numbers.extend(event::number(frame.payload)),
                    Dialect::Nats => watcher::messages(frame.payload, &mut |it| numbers.push(it)),
                }
                self.unread.drain(..self.unread.len() - rest.len());
            }
            if numbers.last().is_some_and(|number| *number >= last) {
                break;
            }
            match self.stream.read(&mut chunk) {
                Ok(0) | Err(_) => return false,
                Ok(count) => self.unread.extend(chunk.iter().take(count)),
            }
        }
        numbers.is_sorted_by(|one, next| one + 1 == *next)
    }

    /// Says goodbye, and waits for the end of the connection.
    pub(crate) fn close(mut self) {
        self.send(frame::CLOSE, &1000_u16.to_be_bytes());
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).expect("the contender closes");
    }

    fn upgrade(&mut self, way: &Way) {
        let Way { address, path, .. } = way;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        );
        self.stream.write_all(request.as_bytes()).expect("the contender reads");
        let end = loop {
            self.read();
            if let Some(at) = self.unread.windows(4).position(|it| it == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = self.unread.drain(..end).collect::<Vec<_>>();
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    }

    fn send(&mut self, opcode: u8, payload: &[u8]) {
        let frame = frame::of_client(opcode, payload);
        self.stream.write_all(&frame).expect("the contender reads");
    }

    /// Waits for a frame and takes it; those before it stay unread.
    fn until(&mut self, is_it: impl Fn(&[u8]) -> bool) {
        let mut passed = 0;
        loop {
            let unread = self.unread.get(passed..).unwrap_or_default();
            let Some((frame, rest)) = frame::split(unread) else {
                self.read();
                continue;
            };
            let end = self.unread.len() - rest.len();
            if is_it(frame.payload) {
                self.unread.drain(passed..end);
                return;
            }
            passed = end;
        }
    }

    fn read(&mut self) {
        let mut chunk = [0; 4096];
        let count = self.stream.read(&mut chunk).expect("the contender answers");
        assert!(count > 0, "the contender has closed the connection");
        self.unread.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }
}
