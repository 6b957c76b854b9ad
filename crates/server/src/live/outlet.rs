//! The writing end of a connection, which its speaker lends to the topic that it has caught up with.
//!
//! Refuses to be written to by two: it is the speaker's, or it is lent.

use super::cursor::{Cursor, Next};
use super::lock;
use super::ring::Ring;
use super::run::Run;
use super::wire::Wire;
use bytes::Bytes;
use std::mem::replace;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// The writing end of a connection.
pub(crate) struct Outlet {
    pub(crate) wire: Wire,
    loan: Mutex<Loan>,
    /// Whether anything was said since this was last asked.
    has_spoken: AtomicBool,
}

/// Who writes.
enum Loan {
    /// The speaker.
    Kept,
    /// Whoever has news of the topic: what comes after the cursor.
    Lent(Cursor),
    /// Nobody, until the speaker goes on from here.
    Returned(Reached),
}

/// How far a loan has come.
pub(crate) struct Reached {
    /// After the last event that was begun.
    pub(crate) cursor: Cursor,
    /// What is left of it.
    pub(crate) rest: Bytes,
}

/// What came of giving news to a connection: how many events went out.
pub(super) enum Given {
    /// There is none for it, or it is not lent.
    Nothing,
    /// All there were.
    All(usize),
    /// Some, or none; the speaker has to go on.
    Part(usize),
}

impl Outlet {
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire, loan: Mutex::new(Loan::Kept), has_spoken: AtomicBool::new(false) }
    }

    pub(super) fn lend(&self, cursor: Cursor) {
        *lock(&self.loan) = Loan::Lent(cursor);
    }

    /// From here on the speaker writes again; `None` = it was not lent.
    pub(super) fn take_back(&self) -> Option<Reached> {
        match replace(&mut *lock(&self.loan), Loan::Kept) {
            Loan::Kept => None,
            Loan::Lent(cursor) => Some(Reached { cursor, rest: Bytes::new() }),
            Loan::Returned(reached) => Some(reached),
        }
    }

    /// Writes what comes next, if it is lent.
    pub(super) fn give(&self, news: &mut News<'_>) -> Given {
        let mut loan = lock(&self.loan);
        let Loan::Lent(mut cursor) = *loan else { return Given::Nothing };
        let mut given = 0;
        let rest = loop {
            let (run, is_all) = match news.after(cursor) {
                Piece::Nothing if given == 0 => return Given::Nothing,
                Piece::Nothing => return Given::All(given),
                Piece::Other => break Bytes::new(),
                Piece::Run(run, is_all) => (run, *is_all),
            };
            let written = self.send(run.wire());
            let (offset, events, rest) = run.begun_within(written);
            cursor.advance(offset);
            given += events;
            if written < run.wire().len() || !self.has_gone() {
                break rest;
            }
            *loan = Loan::Lent(cursor);
            if is_all {
                return Given::All(given);
            }
        };
        *loan = Loan::Returned(Reached { cursor, rest });
        Given::Part(given)
    }

    /// Tells how much the kernel took. What is wrong with a connection is for the speaker to find.
    fn send(&self, bytes: &[u8]) -> usize {
        self.spoke();
        self.wire.send(bytes).unwrap_or(0)
    }

    /// Whether nothing of it waits: somebody would have to see to it.
    fn has_gone(&self) -> bool {
        self.wire.has_gone().unwrap_or(false)
    }

    /// Something is said.
    pub(crate) fn spoke(&self) {
        self.has_spoken.store(true, Ordering::Relaxed);
    }

    /// Whether anything was said since this was last asked.
    pub(crate) fn has_spoken(&self) -> bool {
        self.has_spoken.swap(false, Ordering::Relaxed)
    }
}

/// What comes next for somebody.
enum Piece {
    /// Events, and whether they are all there are.
    Run(Arc<Run>, bool),
    Nothing,
    /// Something that has to be read or is not shown to everybody, or the end.
    Other,
}

/// The news of a log, looked up once for all who stand at the same place.
pub(super) struct News<'a> {
    ring: &'a Mutex<Ring>,
    last: Option<(Cursor, Piece)>,
}

impl<'a> News<'a> {
    pub(super) fn of(ring: &'a Mutex<Ring>) -> Self {
        Self { ring, last: None }
    }

    fn after(&mut self, cursor: Cursor) -> &Piece {
        let known = self.last.take().filter(|(place, _)| *place == cursor);
        let (_, piece) = self.last.insert(known.unwrap_or_else(|| (cursor, self.look(cursor))));
        piece
    }

    fn look(&self, cursor: Cursor) -> Piece {
        let mut ring = lock(self.ring);
        match cursor.next(&ring) {
            Next::Give => ring.run_after(cursor.offset()).map_or(Piece::Other, |run| {
                let is_all = run.last() == ring.head();
                Piece::Run(run, is_all)
            }),
            Next::Wait => Piece::Nothing,
            Next::Read | Next::Over => Piece::Other,
        }
    }
}
