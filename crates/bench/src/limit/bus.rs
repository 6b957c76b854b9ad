//! A subscription of the limit to Redis.
//!
//! Refuses to know more of the protocol than what a subscriber is sent.

use crate::event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;

/// The topic and the text of an event.
type Message = (u32, Vec<u8>);

/// The events of all topics as Redis publishes them.
#[derive(Debug)]
pub(super) struct Bus {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Bus {
    /// Subscribes to so many topics.
    ///
    /// # Errors
    ///
    /// What the kernel refuses.
    pub(super) fn subscribe(address: SocketAddr, topics: u32) -> io::Result<Self> {
        let mut stream = std::net::TcpStream::connect(address)?;
        let wish = |topic| format!("SUBSCRIBE response:{}\r\n", event::id(topic));
        stream.write_all((0..topics).map(wish).collect::<String>().as_bytes())?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream: TcpStream::from_std(stream), unread: Vec::new() })
    }

    /// The same, watched for what comes.
    ///
    /// # Errors
    ///
    /// What the kernel refuses.
    pub(super) fn register(mut self, registry: &Registry, token: Token) -> io::Result<Self> {
        registry.register(&mut self.stream, token, Interest::READABLE)?;
        Ok(self)
    }

    /// The messages that have come; `None` = there is nothing to read.
    ///
    /// # Errors
    ///
    /// Any, when Redis has left.
    pub(super) fn read(&mut self) -> io::Result<Option<Vec<Message>>> {
        let kept = self.unread.len();
        self.unread.resize(kept + READ_BYTES, 0);
        let read = self.stream.read(self.unread.get_mut(kept..).unwrap_or_default());
        self.unread.truncate(kept + read.as_ref().copied().unwrap_or_default());
        match read {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        let (mut messages, mut rest) = (Vec::new(), self.unread.as_slice());
        while let Some((push, after)) = push(rest) {
            messages.extend(message(push));
            rest = after;
        }
        let understood = self.unread.len() - rest.len();
        self.unread.drain(..understood);
        Ok(Some(messages))
    }
}

/// The three elements of a push, and what follows it; `None` as long as it is not whole.
fn push(bytes: &[u8]) -> Option<([&[u8]; 3], &[u8])> {
    let (kind, rest) = element(bytes.strip_prefix(b"*3\r\n")?)?;
    let (channel, rest) = element(rest)?;
    let (text, rest) = element(rest)?;
    Some(([kind, channel, text], rest))
}

/// A string, or a number as it stands.
fn element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|it| *it == b'\r')?;
    let (line, rest) = bytes.split_at_checked(end)?;
    let rest = rest.strip_prefix(b"\r\n")?;
    let Some(length) = line.strip_prefix(b"$") else { return Some((line, rest)) };
    let (text, rest) = rest.split_at_checked(str::from_utf8(length).ok()?.parse().ok()?)?;
    Some((text, rest.strip_prefix(b"\r\n")?))
}

/// The message in a push; `None` = it is the answer to a subscription.
fn message([kind, channel, text]: [&[u8]; 3]) -> Option<Message> {
    let topic = str::from_utf8(channel).ok()?.strip_prefix("response:")?.parse().ok()?;
    (kind == b"message").then(|| (topic, text.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_once_it_is_whole_and_nothing_else_is_one() {
        let bytes = b"*3\r\n$9\r\nsubscribe\r\n$10\r\nresponse:7\r\n:1\r\n\
            *3\r\n$7\r\nmessage\r\n$10\r\nresponse:7\r\n$2\r\nhi\r\n";
        let (first, rest) = push(bytes).unwrap();
        assert_eq!(message(first), None);
        let (second, end) = push(rest).unwrap();
        assert_eq!((message(second), end), (Some((7, b"hi".to_vec())), &b""[..]));
        assert_eq!(push(&rest[..rest.len() - 1]), None);
    }
}
