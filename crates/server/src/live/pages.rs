//! Pages of a log that watchers of one command read together.
//!
//! Refuses to read a page twice while somebody waits for it, and to keep more than the latest few.

use super::frame::Frame;
use super::topic::Topic;
use crate::observe;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use model::id::CommandId;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;
use store::{Store, StoreError};
use tokio_util::task::TaskTracker;

/// How many pages of a log are kept for whoever comes next.
const KEPT: usize = 4;
/// How long to wait before the store is asked again for events that the topic has heard of.
const AGAIN: Duration = Duration::from_millis(100);

/// A page that comes, or has come.
pub(crate) type PageRead = Shared<BoxFuture<'static, Result<Page, StoreError>>>;

/// Events that follow each other, out of the store. None at all: look at the topic again.
#[derive(Debug, Clone)]
pub(crate) struct Page(Arc<[Frame]>);

impl Page {
    /// The frames right after an offset; `None` if it has not the first of them.
    pub(crate) fn after(&self, offset: u64) -> Option<&[Frame]> {
        let first = self.0.first()?.offset;
        let skip = usize::try_from(offset.checked_add(1)?.checked_sub(first)?).ok()?;
        self.0.get(skip..).filter(|rest| !rest.is_empty())
    }

    /// Reads it, and tells the topic what that says about the end of the log. A task of its own: whoever
    /// waits for it may leave, and nobody else may be there to end what has begun.
    pub(super) fn read(
        topic: &Arc<Topic>,
        store: Store,
        after: u64,
        (size, tasks): (store::Page, &TaskTracker),
    ) -> PageRead {
        let command_id = topic.command_id();
        // What is heard from here on may be newer than what is read.
        let head = topic.look(|ring| if ring.is_known() { ring.head() } else { 0 });
        // The topic has the page, and so the page must not have the topic.
        let topic = Arc::downgrade(topic);
        let reading = async move {
            let read = Self::fetch(&topic, &store, (command_id, after), size).await;
            if read.as_ref().is_ok_and(|page| !page.0.is_empty()) {
                return read;
            }
            if read.is_ok() && head > after {
                tokio::time::sleep(AGAIN).await;
            }
            topic.upgrade().inspect(|topic| topic.forget_page(after));
            read
        };
        let reading = tasks.spawn(reading);
        async move { reading.await.unwrap_or(Err(StoreError::Busy)) }.boxed().shared()
    }

    async fn fetch(
        topic: &Weak<Topic>,
        store: &Store,
        (command_id, after): (CommandId, u64),
        size: store::Page,
    ) -> Result<Self, StoreError> {
        observe::page_read();
        let events = store.events_after(command_id, after, size).await?;
        let Some(last) = events.last() else {
            Self::find_head(topic, store, command_id).await?;
            return Ok(Self(Arc::new([])));
        };
        let bytes: usize = events.iter().map(|event| event.frame.len()).sum();
        let is_full = events.len() >= usize::try_from(size.events).unwrap_or(0)
            || bytes >= usize::try_from(size.bytes).unwrap_or(0);
        if let Some(topic) = topic.upgrade() {
            topic.change(|ring| ring.turn_page(last.offset, last.kind, is_full));
        }
        Ok(Self(events.into_iter().map(Frame::from).collect()))
    }

    /// Nothing is stored after a cursor: has the log ended there?
    async fn find_head(
        topic: &Weak<Topic>,
        store: &Store,
        command_id: CommandId,
    ) -> Result<(), StoreError> {
        let heads = store.heads(&[command_id]).await?;
        match (topic.upgrade(), heads.first()) {
            (Some(topic), Some(head)) => topic.confirm(head),
            (Some(topic), None) => topic.change(|ring| ring.confirm(0, false)),
            (None, _) => {}
        }
        Ok(())
    }
}

/// The pages of late, by the offset that they follow.
#[derive(Default)]
pub(super) struct Pages(VecDeque<(u64, PageRead)>);

impl Pages {
    /// The page with what follows an offset, or one of so many events that is being read and should
    /// have it: those who come back at once are not all at the same place. Who waits for it in vain,
    /// because it was cut short, asks again.
    pub(super) fn get(
        &mut self,
        after: u64,
        events: u32,
        read: impl FnOnce() -> PageRead,
    ) -> PageRead {
        let has = |(start, page): &&(u64, PageRead)| match page.peek() {
            Some(read) => read.as_ref().is_ok_and(|page| page.after(after).is_some()),
            None => (*start..start.saturating_add(events.into())).contains(&after),
        };
        if let Some((_, page)) = self.0.iter().find(has) {
            return page.clone();
        }
        let page = read();
        self.0.push_back((after, page.clone()));
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
        page
    }

    pub(super) fn forget(&mut self, after: u64) {
        self.0.retain(|(offset, _)| *offset != after);
    }
}
