//! The rule of a watcher: event cursor + 1, and only that, for ever.
//!
//! Refuses to read, to wait and to lock: it says what to do next, and is told what came of it.

use super::ring::{Frame, Ring};

/// A place in a log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor {
    after: u64,
    /// Whether everything that was stored before it began has been read.
    has_caught_up: bool,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Give out these, which are in order.
    Give(Vec<Frame>),
    /// Read the store after the cursor.
    Read,
    /// Wait for news of the topic.
    Wait,
    /// The log has ended, and all of it has been given out.
    Over,
}

impl Cursor {
    /// A place right after the event at offset `after`; 0 = before the first.
    pub(crate) fn new(after: u64) -> Self {
        Self { after, has_caught_up: false }
    }

    /// The offset of the last event that was given out.
    pub(crate) fn offset(self) -> u64 {
        self.after
    }

    /// What to do, as the ring of the topic stands.
    pub(crate) fn next(&mut self, ring: &Ring, bytes: usize) -> Next {
        if let Some(frames) = ring.after(self.after, bytes) {
            self.advance(&frames);
            return Next::Give(frames);
        }
        if !self.has_caught_up || ring.head() > self.after {
            return Next::Read;
        }
        if ring.is_ended() { Next::Over } else { Next::Wait }
    }

    /// Takes what the store had after the cursor. A page that was not full holds all there was, and
    /// what came later is in the topic.
    pub(crate) fn take(&mut self, page: &[Frame], was_full: bool) {
        self.has_caught_up |= !page.is_empty() && !was_full;
        self.advance(page);
    }

    /// Nothing was stored after the cursor, and the topic has been told where the log ends.
    pub(crate) fn found_head(&mut self) {
        self.has_caught_up = true;
    }

    /// Whether the topic has heard of events that the store, when it was read, did not show.
    pub(crate) fn is_ahead_of_store(self, head: u64) -> bool {
        self.has_caught_up && head > self.after
    }

    fn advance(&mut self, frames: &[Frame]) {
        self.after = frames.last().map_or(self.after, |last| last.offset);
    }
}
