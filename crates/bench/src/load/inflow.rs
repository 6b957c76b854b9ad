//! What comes on a connection, in pieces that have nothing to do with frames.
//!
//! Refuses to copy: only the beginning of a frame whose end has not come yet is kept.

use mio::net::TcpStream;
use std::io::{ErrorKind, Read};

/// Bytes that are read at once.
pub(crate) const READ_BYTES: usize = 256 * 1024;

/// What has been read and not yet been understood.
#[derive(Debug, Default)]
pub(crate) struct Inflow(Vec<u8>);

impl Inflow {
    /// After what has been read already.
    pub(crate) fn after(unread: Vec<u8>) -> Self {
        Self(unread)
    }

    /// Reads once. Answers all that is there, in `room`, which is [`READ_BYTES`] long, and whether there
    /// may be more; `None` = there is nothing.
    pub(crate) fn fill<'a>(
        &self,
        stream: &mut TcpStream,
        room: &'a mut [u8],
    ) -> Option<(&'a [u8], bool)> {
        let (head, tail) = room.split_at_mut(self.0.len());
        head.copy_from_slice(&self.0);
        let count = match stream.read(tail) {
            Ok(0) => panic!("a connection was closed under load"),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("a connection was lost under load: {error}"),
        };
        let was_filled = count == tail.len();
        Some((room.get(..self.0.len() + count).unwrap_or_default(), was_filled))
    }

    /// Keeps the rest that has not been understood.
    pub(crate) fn keep(&mut self, rest: &[u8]) {
        self.0.clear();
        self.0.extend_from_slice(rest);
    }
}
