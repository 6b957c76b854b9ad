//! Lists that a server divides into pages, put together again.
//!
//! Passes off no first page as the whole, and refuses lists that do not end.

use std::collections::BTreeMap;

use ::sovd::{Call, Error, NextPage, Page, RawPage};
use serde_json::value::{RawValue, to_raw_value};

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

/// A list as the vehicle wrote it; the entries of one in pages as one list.
pub(super) async fn whole<T: 'static>(
    call: impl Fn() -> Call<Vec<T>>,
) -> Result<Box<RawValue>, Error> {
    let first = call().raw_page().await?;
    rest(first, call).await
}

/// The same after its first page has come.
pub(super) async fn rest<T: 'static>(
    first: RawPage,
    call: impl Fn() -> Call<Vec<T>>,
) -> Result<Box<RawValue>, Error> {
    let RawPage { raw, mut next } = first;
    if next.is_none() {
        return Ok(raw);
    }
    let (mut bytes, mut pages) = (raw.get().len(), vec![raw]);
    while let Some(place) = next {
        let page = call().raw_page().at(&place).await?;
        bytes = bytes.saturating_add(page.raw.get().len());
        pages.push(page.raw);
        next = page.next;
        if bytes > MAX_DOCUMENT_BYTES || pages.len() >= MAX_PAGES && next.is_some() {
            return Err(Error::TooLarge { limit: MAX_DOCUMENT_BYTES });
        }
    }
    joined(&pages)
}

/// What stands in the lists of all pages, in one.
pub(super) fn joined(pages: &[Box<RawValue>]) -> Result<Box<RawValue>, Error> {
    let malformed = |_| Error::Malformed { what: "a page of a list is none".to_owned() };
    let mut entries: Vec<&RawValue> = Vec::new();
    for page in pages {
        let members: BTreeMap<String, &RawValue> =
            serde_json::from_str(page.get()).map_err(malformed)?;
        let list = ["items", "value"].iter().find_map(|name| members.get(*name));
        let list = list.map(|list| serde_json::from_str::<Vec<&RawValue>>(list.get()));
        entries.extend(list.transpose().map_err(malformed)?.unwrap_or_default());
    }
    to_raw_value(&BTreeMap::from([("items", entries)])).map_err(malformed)
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
