//! Frames that follow each other, in one piece: watchers at the same place write the same bytes.
//!
//! Refuses frames that some clients are not shown, and the end, after which there is more to do than to
//! write.

use super::frame::Frame;
use bytes::{Bytes, BytesMut};
use model::event::Kind;

/// How many bytes go out in one piece.
const PIECE: usize = 32 * 1024;

/// Frames of a log, without gaps.
#[derive(Debug)]
pub(crate) struct Run {
    /// The offset of the first.
    first: u64,
    wire: Bytes,
    /// Where each of them ends.
    ends: Vec<usize>,
    /// Whether what follows the last will never be part of it.
    is_cut: bool,
}

impl Run {
    /// The first of these frames, of a log that reaches to `head`.
    pub(super) fn of<'a>(frames: impl Iterator<Item = &'a Frame>, head: u64) -> Option<Self> {
        let mut bytes = 0;
        let fitting = frames.take_while(|frame| {
            bytes += frame.len();
            frame.kind.is_plain() && frame.kind != Kind::End && bytes <= PIECE
        });
        let frames: Vec<_> = fitting.collect();
        let (first, last) = (frames.first()?, frames.last()?);
        let ends = frames.iter().scan(0, |end, frame| {
            *end += frame.len();
            Some(*end)
        });
        let (ends, is_cut) = (ends.collect(), last.offset < head);
        Some(Self { first: first.offset, wire: joined(&frames), ends, is_cut })
    }

    /// Whether it begins right after that offset.
    pub(super) fn follows(&self, cursor: u64) -> bool {
        cursor.checked_add(1) == Some(self.first)
    }

    /// Whether a run that is made now, of a log that reaches to `head`, would be the same.
    pub(super) fn is_all_up_to(&self, head: u64) -> bool {
        self.is_cut || self.last() == head
    }

    /// The WebSocket frames.
    pub(crate) fn wire(&self) -> &Bytes {
        &self.wire
    }

    /// The offset of the last.
    pub(crate) fn last(&self) -> u64 {
        self.after(self.ends.len())
    }

    /// What is left of the frame that was begun when so many bytes were written; nothing if none was.
    /// And the offset of the last frame that was begun, and how many were.
    pub(crate) fn begun_within(&self, written: usize) -> (u64, usize, Bytes) {
        let whole = self.ends.partition_point(|end| *end <= written);
        let begin = whole.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0);
        match self.ends.get(whole) {
            Some(&end) if written > begin => {
                // A copy: the rest of one frame must not keep all the others.
                let rest = self.wire.get(written..end).unwrap_or_default();
                (self.after(whole + 1), whole + 1, Bytes::copy_from_slice(rest))
            }
            _ => (self.after(whole), whole, Bytes::new()),
        }
    }

    /// The offset of the last of so many.
    fn after(&self, count: usize) -> u64 {
        (self.first + count as u64).saturating_sub(1)
    }
}

/// The frames in one piece; one by itself is shared as it is.
fn joined(frames: &[&Frame]) -> Bytes {
    if let [only] = frames {
        return only.wire().clone();
    }
    let mut wire = BytesMut::with_capacity(frames.iter().map(|frame| frame.len()).sum());
    for frame in frames {
        wire.extend_from_slice(frame.wire());
    }
    wire.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(kinds: &[Kind]) -> Vec<Frame> {
        (7..).zip(kinds).map(|(offset, kind)| Frame::new(offset, *kind, "01234567")).collect()
    }

    #[test]
    fn it_ends_before_what_some_are_not_shown() {
        let frames = frames(&[Kind::Response, Kind::Response, Kind::Status, Kind::Response]);
        let run = Run::of(frames.iter(), 10).unwrap();
        assert_eq!((run.last(), run.wire().len()), (8, 20));
        assert!(run.follows(6) && run.is_all_up_to(11), "nothing will ever be added");
        let one = Run::of(frames[1..].iter(), 10).unwrap();
        assert_eq!((one.last(), one.wire()), (8, frames[1].wire()));
        assert!(Run::of(frames[2..].iter(), 10).is_none(), "some are not shown it");
        assert!(Run::of(self::frames(&[Kind::End]).iter(), 7).is_none(), "who sees it is let go");
    }

    #[test]
    fn what_was_written_in_part_is_known_to_the_byte() {
        let run = Run::of(frames(&[Kind::Response; 3]).iter(), 9).unwrap();
        let begun = |written| {
            let (offset, count, rest) = run.begun_within(written);
            (offset, count, rest.len())
        };
        assert_eq!(begun(0), (6, 0, 0));
        assert_eq!(begun(1), (7, 1, 9));
        assert_eq!(begun(10), (7, 1, 0));
        assert_eq!(begun(25), (9, 3, 5));
        assert_eq!(begun(30), (9, 3, 0));
        assert!(run.is_all_up_to(9) && !run.is_all_up_to(10));
    }
}
