//! The newest frames of one log, encoded once.
//!
//! Refuses gaps, locks and waiting: it is plain data, so that a simulation can run it.

use axum::extract::ws::Utf8Bytes;
use model::event::{Event, Kind};
use std::collections::VecDeque;

/// An encoded event; cloning shares the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) offset: u64,
    pub(crate) kind: Kind,
    pub(crate) text: Utf8Bytes,
}

impl From<Event> for Frame {
    fn from(event: Event) -> Self {
        Self { offset: event.offset, kind: event.kind, text: event.frame.into() }
    }
}

/// What a frame from the bus was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The next one.
    News,
    /// One that was there already.
    Known,
    /// Something is missing before it.
    Gap,
}

/// The newest frames of a log, without gaps, bounded in bytes. The last one is at `head`.
pub(crate) struct Ring {
    frames: VecDeque<Frame>,
    bytes: usize,
    limit: usize,
    head: u64,
    is_ended: bool,
}

impl Ring {
    pub(crate) fn new(limit: usize) -> Self {
        Self { frames: VecDeque::new(), bytes: 0, limit, head: 0, is_ended: false }
    }

    /// Takes frames in any order: what is not news is dropped, and a gap empties the ring, so that
    /// whoever needs what is missing reads the store. Answers whether there was news.
    pub(crate) fn extend(&mut self, frames: impl IntoIterator<Item = Frame>) -> bool {
        let before = self.head;
        for frame in frames {
            if frame.offset <= self.head {
                continue;
            }
            if frame.offset > self.head + 1 {
                self.clear();
            }
            self.head = frame.offset;
            self.is_ended |= frame.kind == Kind::End;
            self.bytes += frame.text.len();
            self.frames.push_back(frame);
        }
        while self.bytes > self.limit
            && let Some(oldest) = self.frames.pop_front()
        {
            self.bytes -= oldest.text.len();
        }
        self.head > before
    }

    /// Takes a frame that another node sent. A gap is not taken over: how far the log really reaches
    /// is for the store to say, and not for whoever can write to the bus.
    pub(crate) fn hear(&mut self, frame: Frame) -> Heard {
        match frame.offset.checked_sub(self.head) {
            None | Some(0) => Heard::Known,
            Some(1) => {
                self.extend([frame]);
                Heard::News
            }
            Some(_) => Heard::Gap,
        }
    }

    /// Learns from the store how far the log reaches.
    /// Answers whether that is news.
    pub(crate) fn raise(&mut self, head: u64, is_ended: bool) -> bool {
        let is_news = head > self.head || (is_ended && !self.is_ended);
        if head > self.head {
            self.clear();
            self.head = head;
        }
        self.is_ended |= is_ended;
        is_news
    }

    /// The frames right after `cursor`, at most about `bytes`; `None` if the ring has not the first
    /// of them (any more).
    pub(crate) fn after(&self, cursor: u64, bytes: usize) -> Option<Vec<Frame>> {
        let first = self.frames.front()?.offset;
        let skip = usize::try_from(cursor.checked_add(1)?.checked_sub(first)?).ok()?;
        if skip >= self.frames.len() {
            return None;
        }
        let mut room = bytes;
        let page = self.frames.iter().skip(skip).enumerate().take_while(|(index, frame)| {
            let fits = *index == 0 || frame.text.len() <= room;
            room = room.saturating_sub(frame.text.len());
            fits
        });
        Some(page.map(|(_, frame)| frame.clone()).collect())
    }

    /// The offset of the newest event that is known of.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Whether the end of the log has been seen.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended
    }

    fn clear(&mut self) {
        self.frames.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(offset: u64) -> Frame {
        Frame { offset, kind: Kind::Response, text: "0123456789".into() }
    }

    fn ring(limit: usize, offsets: impl IntoIterator<Item = u64>) -> Ring {
        let mut ring = Ring::new(limit);
        ring.extend(offsets.into_iter().map(frame));
        ring
    }

    fn offsets(ring: &Ring, cursor: u64) -> Option<Vec<u64>> {
        let frames = ring.after(cursor, 1000)?;
        Some(frames.iter().map(|frame| frame.offset).collect())
    }

    #[test]
    fn it_serves_what_it_holds_and_nothing_else() {
        let ring = ring(30, 1..=5);
        assert_eq!(offsets(&ring, 2), Some(vec![3, 4, 5]));
        assert_eq!(offsets(&ring, 1), None, "evicted: read the store");
        assert_eq!(offsets(&ring, 5), None, "nothing new");
        assert_eq!(offsets(&ring, u64::MAX), None, "nothing will ever be there");
    }

    #[test]
    fn duplicates_are_dropped_and_a_gap_of_our_own_empties_it() {
        let ring = ring(1000, [1, 2, 2, 1, 5]);
        assert_eq!(offsets(&ring, 4), Some(vec![5]));
        assert_eq!(offsets(&ring, 2), None);
        assert_eq!(ring.head(), 5);
    }

    #[test]
    fn what_the_bus_says_of_the_future_is_not_believed() {
        let mut ring = ring(1000, 1..=2);
        assert_eq!(ring.hear(frame(2)), Heard::Known);
        assert_eq!(ring.hear(frame(9)), Heard::Gap);
        assert_eq!(ring.head(), 2);
        assert_eq!(ring.hear(frame(3)), Heard::News);
        assert_eq!(offsets(&ring, 0), Some(vec![1, 2, 3]));
    }
}
