//! Lists that a server divides into pages, put together again.
//!
//! Passes off no first page as the whole, and refuses lists that do not end.

use ::sovd::{Call, Error, NextPage, Page};

use super::MAX_DOCUMENT_BYTES;

/// More pages than any list needs.
const MAX_PAGES: usize = 500;

/// The pages of a list that have come so far.
#[derive(Debug)]
pub(super) struct Pages<T> {
    entries: Vec<T>,
    /// How the next page is asked for; `None` before the first one, and after the last one.
    next: Option<NextPage>,
    count: usize,
    bytes: usize,
}

/// All entries of a list.
pub(super) async fn all<T: 'static>(call: impl Fn() -> Call<Vec<T>>) -> Result<Vec<T>, Error> {
    let mut pages = Pages::none();
    while pages.are_missing() {
        let page = pages.ask(call()).await?;
        pages.add(page)?;
    }
    Ok(pages.entries)
}

impl<T: 'static> Pages<T> {
    pub(super) fn none() -> Self {
        Self { entries: Vec::new(), next: None, count: 0, bytes: 0 }
    }

    /// Whether there is another page to ask for.
    pub(super) fn are_missing(&self) -> bool {
        self.count == 0 || self.next.is_some()
    }

    /// The request for the next page, made of the one for the list.
    pub(super) fn ask(&self, list: Call<Vec<T>>) -> Call<Page<T>> {
        match &self.next {
            Some(next) => list.page().at(next),
            None => list.page(),
        }
    }

    /// Adds the page that came. All together may be as large as a list that comes in one.
    pub(super) fn add(&mut self, page: Page<T>) -> Result<(), Error> {
        let Page { items, next, bytes, .. } = page;
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries.extend(items);
        self.next = next;
        let is_endless = self.count >= MAX_PAGES && self.next.is_some();
        if is_endless || self.bytes > MAX_DOCUMENT_BYTES {
            return Err(Error::TooLarge { limit: MAX_DOCUMENT_BYTES });
        }
        Ok(())
    }

    pub(super) fn into_entries(self) -> Vec<T> {
        self.entries
    }
}
