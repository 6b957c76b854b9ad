//! Events as they go over the wire: encoded once, shared by everybody who watches.
//!
//! Refuses to look into an event: its text comes from the store or the bus, and leaves as it is.

use bytes::{BufMut, Bytes, BytesMut};
use model::event::{Event, Kind};

/// A text frame that is whole (RFC 6455, section 5.2).
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
/// The longest head of a frame that a server sends: it does not mask.
const MAX_HEAD: usize = 10;

/// An encoded event; cloning shares the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) offset: u64,
    pub(crate) kind: Kind,
    wire: Bytes,
    /// Where its text begins.
    text_at: u8,
}

impl Frame {
    pub(crate) fn new(offset: u64, kind: Kind, text: &str) -> Self {
        let wire = text_frame(text);
        let text_at = u8::try_from(wire.len().saturating_sub(text.len())).unwrap_or(0);
        Self { offset, kind, wire, text_at }
    }

    /// The JSON text.
    pub(crate) fn text(&self) -> &str {
        let text = self.wire.get(usize::from(self.text_at)..).unwrap_or_default();
        // It was made of a text.
        str::from_utf8(text).unwrap_or_default()
    }

    /// The WebSocket frame that holds the text.
    pub(crate) fn wire(&self) -> &Bytes {
        &self.wire
    }

    /// How many bytes it takes.
    pub(crate) fn len(&self) -> usize {
        self.wire.len()
    }
}

impl From<Event> for Frame {
    fn from(event: Event) -> Self {
        Self::new(event.offset, event.kind, &event.frame)
    }
}

/// The WebSocket frame of a text.
pub(crate) fn text_frame(text: &str) -> Bytes {
    encode(TEXT, &[text.as_bytes()])
}

/// The WebSocket frame of bytes.
#[cfg(test)]
pub(crate) fn binary_frame(bytes: &[u8]) -> Bytes {
    encode(0x82, &[bytes])
}

/// A question whether the peer is there.
pub(crate) fn ping() -> Bytes {
    encode(PING, &[])
}

/// The last frame, with a reason of at most 123 bytes.
pub(crate) fn close(code: u16, reason: &str) -> Bytes {
    encode(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()])
}

fn encode(kind: u8, payload: &[&[u8]]) -> Bytes {
    let len: usize = payload.iter().map(|part| part.len()).sum();
    let mut wire = BytesMut::with_capacity(MAX_HEAD + len);
    wire.put_u8(kind);
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short @ ..126), _) => wire.put_u8(short),
        (_, Ok(long)) => {
            wire.put_u8(126);
            wire.put_u16(long);
        }
        _ => {
            wire.put_u8(127);
            wire.put_u64(len as u64);
        }
    }
    for part in payload {
        wire.put_slice(part);
    }
    wire.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;

    #[test]
    fn every_length_reads_as_it_was_written() {
        for len in [0, 1, 125, 126, 127, 65_535, 65_536, 100_000] {
            let frame = Frame::new(1, Kind::Response, &"x".repeat(len));
            let mut wire = std::io::Cursor::new(frame.wire());
            let (header, read) = FrameHeader::parse(&mut wire).unwrap().unwrap();
            assert!(header.is_final && header.mask.is_none());
            assert_eq!((read, wire.position()), (len as u64, (frame.len() - len) as u64));
            assert_eq!(frame.text().len(), len);
        }
    }
}
