//! A connection of the limit: an upgrade, then bytes of its topic from a cursor on.
//!
//! Refuses to queue: what a socket does not take stays in the topic.

use super::topic::Topic;
use crate::frame;
use mio::net::TcpStream;
use std::io::{self, ErrorKind, Read, Write};

/// The answer to the key of the example in RFC 6455, which is the key of the load.
const SWITCHED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    /// What it watches; `None` until it has asked.
    pub(crate) topic: Option<u32>,
    request: Vec<u8>,
    /// The place in its topic up to which it has been written.
    cursor: u64,
    /// Bytes of a frame that is written by itself and not yet whole.
    left_of_frame: usize,
}

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, topic: None, request: Vec::new(), cursor: 0, left_of_frame: 0 }
    }

    /// Reads what it says; answers what it watches, once that is known.
    ///
    /// # Errors
    ///
    /// Any, when it has left: whatever follows its request is its goodbye.
    pub(crate) fn read(&mut self) -> io::Result<Option<u32>> {
        let mut chunk = [0; 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) if self.topic.is_none() => {
                self.request.extend_from_slice(chunk.get(..count).unwrap_or_default());
            }
            Ok(_) => {
                self.stream.write_all(&frame::of_server(frame::CLOSE, &1000_u16.to_be_bytes()))?;
                return Err(ErrorKind::ConnectionAborted.into());
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if self.topic.is_none() && self.request.ends_with(b"\r\n\r\n") {
            self.topic = Some(asked(&std::mem::take(&mut self.request)));
            self.stream.write_all(SWITCHED)?;
        }
        Ok(self.topic)
    }

    /// Writes on, everything at once or frame by frame, until the socket takes no more.
    ///
    /// # Errors
    ///
    /// Any, when it has left or fallen too far behind.
    pub(crate) fn write(&mut self, topic: &Topic, single: bool) -> io::Result<()> {
        loop {
            let bytes = topic.from(self.cursor).ok_or(ErrorKind::TimedOut)?;
            if bytes.is_empty() {
                return Ok(());
            }
            if self.left_of_frame == 0 && single {
                self.left_of_frame = Topic::first_frame(bytes);
            }
            let length = if single { self.left_of_frame } else { bytes.len() };
            match self.stream.write(bytes.get(..length).unwrap_or_default()) {
                Ok(count) => {
                    self.cursor += count as u64;
                    self.left_of_frame = self.left_of_frame.saturating_sub(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

/// The topic in the path of a request.
fn asked(request: &[u8]) -> u32 {
    let path = request.strip_prefix(b"GET /").unwrap_or_default();
    let digits = path.iter().take_while(|it| it.is_ascii_digit());
    digits.fold(0, |topic, digit| topic * 10 + u32::from(digit - b'0'))
}
