//! A watcher from its first packet on: connection, upgrade, events.
//!
//! Refuses gaps, repetitions, and a server that does not want it back.

use super::Place;
use crate::event;
use crate::frame::{self, Frame};
use crate::load::inflow::Inflow;
use crate::load::socket::KEY;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::Write;
use std::net::SocketAddr;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Upgrading,
    Watching,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Watcher {
    stream: TcpStream,
    stage: Stage,
    place: Place,
    inflow: Inflow,
    /// The server has asked it to leave, and to come back.
    pub(super) is_sent_away: bool,
}

impl Watcher {
    /// Begins to connect.
    pub(super) fn connect(address: SocketAddr, place: Place, at: (&Registry, Token)) -> Self {
        let (registry, token) = at;
        let stream = TcpStream::connect(address);
        let mut stream = stream.expect("there is a file descriptor for it: ulimit -n");
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, token, both).expect("it can be watched");
        let (stage, inflow) = (Stage::Connecting, Inflow::default());
        Self { stream, stage, place, inflow, is_sent_away: false }
    }

    /// Begins to connect again, for what it has not got.
    pub(super) fn come_back(&mut self, address: SocketAddr, at: (&Registry, Token)) {
        *self = Self::connect(address, self.place.clone(), at);
    }

    /// The number of the last event that it has.
    pub(super) fn last(&self) -> u32 {
        self.place.last
    }

    /// Takes what has come; answers how many events that were. `room` is [`READ_BYTES`](crate::load::inflow::READ_BYTES) long.
    pub(super) fn take(&mut self, room: &mut [u8]) -> u32 {
        if self.stage == Stage::Connecting && !self.ask() {
            return 0;
        }
        let before = self.place.last;
        while !self.is_sent_away
            && let Some((bytes, was_filled)) = self.inflow.fill(&mut self.stream, room)
        {
            let rest = self.understand(bytes);
            self.inflow.keep(rest);
            if !was_filled {
                break;
            }
        }
        self.place.last - before
    }

    /// Asks for the upgrade, if the connection stands.
    fn ask(&mut self) -> bool {
        if let Some(error) = self.stream.take_error().expect("it is a socket") {
            panic!("the server is not reached: {error}");
        }
        let stands = self.stream.peer_addr().is_ok();
        if stands {
            let Place { path, offset, .. } = &self.place;
            let request = format!(
                "GET {path}&after={offset} HTTP/1.1\r\nHost: fleetwire\r\nConnection: Upgrade\r\n\
                 Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
            );
            self.stream.write_all(request.as_bytes()).expect("there is room for a request");
            self.stage = Stage::Upgrading;
        }
        stands
    }

    /// Takes what is whole, and answers the rest.
    fn understand<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        if self.stage == Stage::Upgrading {
            let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else { return bytes };
            let (head, rest) = bytes.split_at(end + 4);
            assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(head));
            (self.stage, bytes) = (Stage::Watching, rest);
        }
        while let Some((frame, rest)) = frame::split(bytes) {
            self.hear(frame);
            bytes = rest;
        }
        bytes
    }

    fn hear(&mut self, frame: Frame<'_>) {
        let text = || String::from_utf8_lossy(frame.payload);
        match frame.opcode {
            frame::TEXT => match event::number(frame.payload) {
                Some(number) => {
                    assert_eq!(number, self.place.last + 1, "lost, repeated or reordered");
                    self.place.take(number, frame.payload);
                }
                None => assert!(!text().contains(r#""event":"error""#), "{}", text()),
            },
            frame::PING => {
                let pong = frame::of_client(frame::PONG, frame.payload);
                self.stream.write_all(&pong).expect("there is room for a few bytes");
            }
            frame::CLOSE if text().contains("reconnect") => self.is_sent_away = true,
            opcode => panic!("a frame of kind {opcode} under load: {}", text()),
        }
    }
}

impl Place {
    fn take(&mut self, number: u32, event: &[u8]) {
        // Nothing but answers is in the log between the first of them and the last.
        self.offset = if self.last == 0 { offset(event) } else { self.offset + 1 };
        self.last = number;
    }
}

fn offset(event: &[u8]) -> u64 {
    let text = str::from_utf8(event).expect("events are text");
    let (_, rest) = text.split_once(r#""offset":"#).expect("events have offsets");
    let digits = rest.split(|it: char| !it.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().expect("it is a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watcher_comes_back_to_the_offset_that_it_had() {
        let mut place = Place::at_start(String::new());
        place.take(1, br#"{"event":"response","sequence_number":1,"offset":4,"x":0}"#);
        place.take(2, b"");
        assert_eq!((place.last, place.offset), (2, 5));
    }
}
