//! The rule of a watcher: event cursor + 1, and only that, for ever.
//!
//! Refuses to read, to wait and to lock: it says what to do next, and is told what came of it.

use super::ring::Ring;

/// A place in a log: right after the event at this offset; 0 = before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor(u64);

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Give out what the ring has after the cursor.
    Give,
    /// Read the store after the cursor.
    Read,
    /// Wait for news of the topic.
    Wait,
    /// The log has ended, and all of it has been given out.
    Over,
}

impl Cursor {
    pub(crate) fn new(after: u64) -> Self {
        Self(after)
    }

    /// The offset of the last event that was given out.
    pub(crate) fn offset(self) -> u64 {
        self.0
    }

    /// What to do, as the ring of the topic stands.
    pub(crate) fn next(self, ring: &Ring) -> Next {
        if ring.after(self.0).is_some() {
            return Next::Give;
        }
        if !ring.is_known() || ring.head() > self.0 {
            return Next::Read;
        }
        if ring.is_ended() { Next::Over } else { Next::Wait }
    }

    /// The event at this offset, which is the next, has been given out.
    pub(crate) fn advance(&mut self, offset: u64) {
        self.0 = offset;
    }
}
