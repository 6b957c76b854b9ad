//! The newest frames of a topic, one behind the other as they are written.
//!
//! Refuses to grow: the oldest half goes when there is too much.

use crate::frame;

/// More bytes than all events that are under way at a time, on a machine that halts for a moment.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// A topic and who watches it.
#[derive(Debug, Default)]
pub(crate) struct Topic {
    /// The clients, by index.
    pub(crate) audience: Vec<usize>,
    frames: Vec<u8>,
    /// Bytes that are no longer kept.
    forgotten: u64,
}

impl Topic {
    /// Appends a frame.
    pub(crate) fn append(&mut self, frame: &[u8]) {
        self.frames.extend_from_slice(frame);
        if self.frames.len() > KEPT_BYTES {
            self.frames.drain(..KEPT_BYTES / 2);
            self.forgotten += KEPT_BYTES as u64 / 2;
        }
    }

    /// The bytes from a place on; `None` if they have been forgotten.
    pub(crate) fn from(&self, place: u64) -> Option<&[u8]> {
        let index = usize::try_from(place.checked_sub(self.forgotten)?).ok()?;
        self.frames.get(index..)
    }

    /// The length of the frame with which these bytes begin.
    pub(crate) fn first_frame(bytes: &[u8]) -> usize {
        frame::split(bytes).map_or(bytes.len(), |(_, rest)| bytes.len() - rest.len())
    }
}

/// The topic of a number, made when it is new.
pub(crate) fn at(topics: &mut Vec<Topic>, number: u32) -> &mut Topic {
    let index = number as usize;
    if topics.len() <= index {
        topics.resize_with(index + 1, Topic::default);
    }
    topics.get_mut(index).expect("it has just been made")
}
