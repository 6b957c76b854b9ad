//! The newest frames of one log, encoded once.
//!
//! Refuses gaps, locks and waiting: it is plain data, so that a simulation can run it.

use super::frame::Frame;
use super::run::Run;
use model::event::Kind;
use std::collections::VecDeque;
use std::sync::Arc;

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
    /// The run that was last asked for.
    run: Option<Arc<Run>>,
    bytes: usize,
    limit: usize,
    head: u64,
    is_ended: bool,
    /// Whether the store has said where the log ends since the ring is there.
    is_known: bool,
}

impl Ring {
    pub(crate) fn new(limit: usize) -> Self {
        let frames = VecDeque::new();
        Self { frames, run: None, bytes: 0, limit, head: 0, is_ended: false, is_known: false }
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
            self.bytes += frame.len();
            self.frames.push_back(frame);
        }
        while self.bytes > self.limit
            && let Some(oldest) = self.frames.pop_front()
        {
            self.bytes -= oldest.len();
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

    /// The log reaches so far, at least. Answers whether that is news.
    fn raise(&mut self, head: u64, is_ended: bool) -> bool {
        let is_news = head > self.head || (is_ended && !self.is_ended);
        if head > self.head {
            self.clear();
            self.head = head;
        }
        self.is_ended |= is_ended;
        is_news
    }

    /// Learns from the store where the log ends: what comes later is heard, or found missing.
    /// Answers whether that is news.
    pub(crate) fn confirm(&mut self, head: u64, is_ended: bool) -> bool {
        let is_first = !std::mem::replace(&mut self.is_known, true);
        self.raise(head, is_ended) || is_first
    }

    /// Learns from a page of the store, which ends with this event. One that was not full holds all there
    /// was, and what came later is heard, or found missing. Answers whether there is news.
    pub(crate) fn turn_page(&mut self, offset: u64, kind: Kind, was_full: bool) -> bool {
        let is_ended = kind == Kind::End;
        if was_full && !is_ended {
            self.raise(offset, false)
        } else {
            self.confirm(offset, is_ended)
        }
    }

    /// The frames right after `cursor`; `None` if the ring has not the first of them (any more).
    pub(crate) fn after(&self, cursor: u64) -> Option<impl Iterator<Item = &Frame>> {
        let first = self.frames.front()?.offset;
        let skip = usize::try_from(cursor.checked_add(1)?.checked_sub(first)?).ok()?;
        (skip < self.frames.len()).then(|| self.frames.range(skip..))
    }

    /// The same in one piece, as much as is good for one write, up to the end and to what some clients are not
    /// shown. Whoever comes to the same place gets the same piece.
    pub(crate) fn run_after(&mut self, cursor: u64) -> Option<Arc<Run>> {
        let known =
            self.run.as_ref().filter(|run| run.follows(cursor) && run.is_all_up_to(self.head));
        if let Some(run) = known {
            return Some(Arc::clone(run));
        }
        let run = Arc::new(Run::of(self.after(cursor)?, self.head)?);
        self.run = Some(Arc::clone(&run));
        Some(run)
    }

    /// The offset of the newest event that is known of.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Whether the store has said where the log ends since the ring is there.
    pub(crate) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Whether the end of the log has been seen.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended
    }

    fn clear(&mut self) {
        self.run = None;
        self.frames.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(offset: u64) -> Frame {
        Frame::new(offset, Kind::Response, "01234567")
    }

    fn ring(limit: usize, offsets: impl IntoIterator<Item = u64>) -> Ring {
        let mut ring = Ring::new(limit);
        ring.extend(offsets.into_iter().map(frame));
        ring
    }

    fn offsets(ring: &Ring, cursor: u64) -> Option<Vec<u64>> {
        Some(ring.after(cursor)?.map(|frame| frame.offset).collect())
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
