//! Frames that go out with one write.
//!
//! Refuses to own anything: the bytes are shared with everybody else who watches.

use crate::live::run::Run;
use crate::live::wire::Wire;
use bytes::Bytes;
use smallvec::SmallVec;
use std::io::{self, IoSlice};
use std::iter;
use std::sync::Arc;

/// How many pieces go out with one write.
const PIECES: usize = 64;
/// With how many bytes a write is large enough.
const BYTES: usize = 128 * 1024;

/// What has been reached when something has been written.
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

/// Something for a client, of the thing that it follows under this key.
pub(super) struct Entry {
    pub(super) key: usize,
    pub(super) piece: Piece,
}

pub(super) enum Piece {
    /// A frame; empty for what the client is not shown.
    Frame(Mark, Bytes),
    /// Events that follow each other.
    Run(Arc<Run>),
}

impl Piece {
    pub(super) fn wire(&self) -> &Bytes {
        match self {
            Self::Frame(_, wire) => wire,
            Self::Run(run) => run.wire(),
        }
    }
}

/// What a write came to with a piece.
pub(super) struct Reached {
    /// How far it came; `None` = nowhere.
    pub(super) mark: Option<Mark>,
    /// How many events were begun.
    pub(super) events: usize,
    /// The rest of a frame that was begun.
    pub(super) rest: Bytes,
}

impl Piece {
    /// What has been reached with that many bytes written of this and whatever follows.
    pub(super) fn reached(&self, written: usize) -> Reached {
        let written = written.min(self.wire().len());
        match self {
            Self::Frame(_, wire) if written == 0 && !wire.is_empty() => {
                Reached { mark: None, events: 0, rest: Bytes::new() }
            }
            Self::Frame(mark, wire) => {
                let is_event = matches!(mark, Mark::Event(_)) && !wire.is_empty();
                let rest = wire.slice(written..);
                Reached { mark: Some(*mark), events: usize::from(is_event), rest }
            }
            Self::Run(run) => {
                let (offset, events, rest) = run.begun_within(written);
                Reached { mark: (events > 0).then_some(Mark::Event(offset)), events, rest }
            }
        }
    }
}

/// Pieces in order.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) entries: SmallVec<[Entry; PIECES]>,
    bytes: usize,
}

impl Batch {
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= PIECES || self.bytes >= BYTES
    }

    /// How many more pieces fit.
    pub(super) fn room(&self) -> usize {
        PIECES.saturating_sub(self.entries.len())
    }

    pub(super) fn push(&mut self, key: usize, piece: Piece) {
        self.bytes = self.bytes.saturating_add(piece.wire().len());
        self.entries.push(Entry { key, piece });
    }

    /// Writes as much as the connection takes, after what has to go before.
    pub(super) fn write(&self, before: &[u8], to: &Wire) -> io::Result<usize> {
        let pieces = self.entries.iter().map(|entry| &**entry.piece.wire());
        let mut all = iter::once(before).chain(pieces).filter(|bytes| !bytes.is_empty());
        match (all.next(), all.next()) {
            (None, _) => Ok(0),
            (Some(only), None) => to.try_write(only),
            (first, second) => {
                let all = first.into_iter().chain(second).chain(all);
                let mut slices: SmallVec<[IoSlice<'_>; PIECES + 1]> =
                    all.map(IoSlice::new).collect();
                to.try_write_vectored(&mut slices)
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes
    }
}
