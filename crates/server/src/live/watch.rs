//! A watcher: a cursor into the log of one command.
//!
//! Refuses to lose, repeat or reorder: it asks for event cursor + 1, and only that, for ever. Where
//! the event comes from, the topic's ring or the store, is a detail.

use super::cursor::{Cursor, Next};
use super::hub::Topic;
use super::ring::Frame;
use crate::observe;
use model::event::Kind;
use model::id::CommandId;
use std::sync::Arc;
use std::time::Duration;
use store::{Page, Store, StoreError};
use tokio::sync::watch;

/// How long to wait before the store is asked again for events that the topic has heard of.
const AGAIN: Duration = Duration::from_millis(100);

/// A place in the audience of one command. Leaves when dropped.
pub(crate) struct Watcher {
    topic: Arc<Topic>,
    heads: watch::Receiver<u64>,
    store: Store,
    cursor: Cursor,
    page: Page,
    /// Counts it while there is more than it has given out.
    behind: Option<observe::Counted>,
}

impl Watcher {
    pub(crate) fn new(topic: Arc<Topic>, store: Store, after: u64, page: Page) -> Self {
        let heads = topic.heads();
        Self { topic, heads, store, cursor: Cursor::new(after), page, behind: None }
    }

    /// The command.
    pub(crate) fn command_id(&self) -> CommandId {
        self.topic.command_id()
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
            // The sender lives in the topic that this watcher holds.
            drop(self.heads.changed().await);
        }
    }

    /// The same without waiting for what has not happened yet: `None` = nothing is there now.
    ///
    /// # Errors
    ///
    /// As of [`next`](Self::next).
    pub(crate) async fn present(&mut self) -> Result<Option<Vec<Frame>>, StoreError> {
        loop {
            // The head first, the ring later: what comes in between is in the ring, or is news.
            let head = *self.heads.borrow_and_update();
            let bytes = usize::try_from(self.page.bytes).unwrap_or(usize::MAX);
            match self.topic.next(&mut self.cursor, bytes) {
                Next::Give(frames) => return Ok(Some(self.give(frames))),
                Next::Wait => return Ok(None),
                Next::Over => return Ok(Some(Vec::new())),
                Next::Read => {}
            }
            let frames = self.stored().await?;
            if !frames.is_empty() {
                return Ok(Some(self.give(frames)));
            }
            self.find_head(head).await?;
        }
    }

    /// Nothing is stored after the cursor: has the log ended there?
    async fn find_head(&mut self, head: u64) -> Result<(), StoreError> {
        if self.cursor.is_ahead_of_store(head) {
            tokio::time::sleep(AGAIN).await;
        }
        for found in self.store.heads(&[self.topic.command_id()]).await? {
            self.topic.raise(found.offset, found.is_ended);
        }
        self.cursor.found_head();
        Ok(())
    }

    async fn stored(&mut self) -> Result<Vec<Frame>, StoreError> {
        let (command_id, after) = (self.topic.command_id(), self.cursor.offset());
        let events = self.store.events_after(command_id, after, self.page).await?;
        let bytes: usize = events.iter().map(|event| event.frame.len()).sum();
        let was_full = events.len() >= usize::try_from(self.page.events).unwrap_or(0)
            || bytes >= usize::try_from(self.page.bytes).unwrap_or(0);
        let frames: Vec<_> = events.into_iter().map(Frame::from).collect();
        self.cursor.take(&frames, was_full);
        if let Some(last) = frames.last() {
            // What comes next on the bus follows what has been read; and nobody looks for losses on
            // a topic that has ended: the others learn it here.
            self.topic.raise(last.offset, last.kind == Kind::End);
        }
        Ok(frames)
    }

    fn give(&mut self, frames: Vec<Frame>) -> Vec<Frame> {
        let is_behind = *self.heads.borrow() > self.cursor.offset();
        if is_behind != self.behind.is_some() {
            self.behind = is_behind.then(observe::watcher_behind);
        }
        frames
    }
}
