//! What clients have sent through a proxy, kept for who wants to count it.
//! It keeps bytes only, and only where that was asked for.

use std::sync::{Arc, Mutex};

/// The bytes of one connection.
type Page = Arc<Mutex<Vec<u8>>>;

/// A page for each connection, in the order in which they were made.
#[derive(Clone, Debug)]
pub(super) struct Record(Option<Arc<Mutex<Vec<Page>>>>);

/// Where one connection writes.
#[derive(Clone, Debug)]
pub(super) struct Pen(Option<Page>);

impl Record {
    /// One that keeps nothing.
    pub(super) fn none() -> Self {
        Self(None)
    }

    pub(super) fn empty() -> Self {
        Self(Some(Arc::default()))
    }

    /// A page for a new connection.
    pub(super) fn page(&self) -> Pen {
        Pen(self.0.as_ref().map(|pages| {
            let page = Page::default();
            pages.lock().expect("no writer panicked").push(Arc::clone(&page));
            page
        }))
    }

    pub(super) fn all(&self) -> Vec<Vec<u8>> {
        let Some(pages) = &self.0 else { return Vec::new() };
        let pages = pages.lock().expect("no writer panicked");
        pages.iter().map(|page| page.lock().expect("no writer panicked").clone()).collect()
    }
}

impl Pen {
    pub(super) fn write(&self, bytes: &[u8]) {
        if let Some(page) = &self.0 {
            page.lock().expect("no writer panicked").extend_from_slice(bytes);
        }
    }
}
