//! A watcher that takes a page at a time: for the ways out that are no WebSocket.
//!
//! Refuses to lose, repeat or reorder: it asks for event cursor + 1, and only that, for ever. Where
//! the event comes from, the topic's ring or the store, is a detail.

use super::audience::Listener;
use super::bell::Bell;
use super::cursor::{Cursor, Next};
use super::frame::Frame;
use super::topic::Topic;
use model::id::CommandId;
use std::sync::Arc;
use store::{Store, StoreError};

/// How many bytes are given out at once; a single larger frame still comes through.
const GIVEN: usize = 256 * 1024;

/// A place in the audience of one command. Leaves when dropped.
pub(crate) struct Watcher {
    listener: Listener<Topic>,
    bell: Arc<Bell>,
    store: Store,
    cursor: Cursor,
}

impl Watcher {
    pub(crate) fn new(topic: Arc<Topic>, store: Store, after: u64) -> Self {
        let bell = Arc::new(Bell::default());
        let listener = Listener::join(topic, bell.cord(0));
        Self { listener, bell, store, cursor: Cursor::new(after) }
    }

    /// The command.
    pub(crate) fn command_id(&self) -> CommandId {
        self.listener.stage.command_id()
    }

    /// The offset of the last event that it has given out.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor.offset()
    }

    /// The store that holds the log.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The next frames, in order; waits until there is one. None at all = the log has ended and
    /// everything of it has been given out. Safe to drop while it waits.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they have to come from the store and it does not answer; the cursor stays.
    pub(crate) async fn next(&mut self) -> Result<Vec<Frame>, StoreError> {
        loop {
            if let Some(frames) = self.present().await? {
                return Ok(frames);
            }
            self.bell.pulled(&self.listener.cord).await;
        }
    }

    /// The same without waiting for what has not happened yet: `None` = nothing is there now.
    ///
    /// # Errors
    ///
    /// As of [`next`](Self::next).
    pub(crate) async fn present(&mut self) -> Result<Option<Vec<Frame>>, StoreError> {
        let topic = Arc::clone(&self.listener.stage);
        loop {
            let (next, frames) = topic.look(|ring| {
                (self.cursor.next(ring), ring.after(self.cursor.offset()).map(some_of))
            });
            match (next, frames) {
                (_, Some(frames)) => return Ok(Some(self.give(frames))),
                (Next::Over, None) => return Ok(Some(Vec::new())),
                (Next::Wait, None) => return Ok(None),
                (Next::Read | Next::Give, None) => {}
            }
            let after = self.cursor.offset();
            let page = topic.page(&self.store, after).await?;
            if let Some(frames) = page.after(after) {
                return Ok(Some(self.give(some_of(frames.iter()))));
            }
        }
    }

    fn give(&mut self, frames: Vec<Frame>) -> Vec<Frame> {
        if let Some(last) = frames.last() {
            self.cursor.advance(last.offset);
        }
        frames
    }
}

fn some_of<'a>(frames: impl Iterator<Item = &'a Frame>) -> Vec<Frame> {
    let mut room = GIVEN;
    let fitting = frames.enumerate().take_while(|(index, frame)| {
        let fits = *index == 0 || frame.len() <= room;
        room = room.saturating_sub(frame.len());
        fits
    });
    fitting.map(|(_, frame)| frame.clone()).collect()
}
