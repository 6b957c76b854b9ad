//! Temporary lists of data items that are read together.
//!
//! Reads nothing: it remembers ids that were valid when the list was made.

use crate::shelf::{Kept, Shelf};

/// A list; the oldest gives way when there are too many.
#[derive(Debug)]
pub(crate) struct DataList(pub(crate) Vec<String>);

/// The lists of an entity.
pub(crate) type DataLists = Shelf<DataList>;

impl Kept for DataList {
    const KIND: &'static str = "data list";
    const LIMIT: usize = 16;
}
