//! Frames that go out with one write.
//!
//! Refuses to own anything: the bytes are shared with everybody else who watches.

use bytes::Bytes;
use smallvec::SmallVec;
use std::io::{self, IoSlice};
use tokio::net::TcpStream;

/// How many frames go out with one write.
const FRAMES: usize = 64;
/// With how many bytes a write is large enough.
const BYTES: usize = 128 * 1024;

/// What has been reached when a frame has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The event at this offset.
    Event(u64),
    /// The client knows that it is up to date.
    Live,
    /// Nothing can follow.
    Over,
    /// News of a channel, of this number.
    News(u64),
}

/// A frame for a client; empty for what it is not shown.
pub(super) struct Entry {
    /// Which of the things that it follows.
    pub(super) key: usize,
    pub(super) mark: Mark,
    pub(super) wire: Bytes,
}

/// Frames in order.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) entries: SmallVec<[Entry; FRAMES]>,
    bytes: usize,
}

impl Batch {
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= FRAMES || self.bytes >= BYTES
    }

    /// How many more frames fit.
    pub(super) fn room(&self) -> usize {
        FRAMES.saturating_sub(self.entries.len())
    }

    pub(super) fn push(&mut self, key: usize, mark: Mark, wire: Bytes) {
        self.bytes = self.bytes.saturating_add(wire.len());
        self.entries.push(Entry { key, mark, wire });
    }

    /// Writes as much as the kernel takes, after what has to go before.
    pub(super) fn write(&self, before: [&[u8]; 2], to: &TcpStream) -> io::Result<usize> {
        let frames = self.entries.iter().map(|entry| &*entry.wire);
        let all = before.into_iter().chain(frames).filter(|bytes| !bytes.is_empty());
        let slices: SmallVec<[IoSlice<'_>; FRAMES + 2]> = all.map(IoSlice::new).collect();
        to.try_write_vectored(&slices)
    }

    pub(super) fn len(&self) -> usize {
        self.bytes
    }
}
