//! Recordings of the communication of an entity, switched on and off.
//!
//! Records nothing: the traffic is bulk data that is always there.

use crate::shelf::{Kept, Shelf};

/// A recording that somebody has set up.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) is_active: bool,
    /// Whether it is to be followed live.
    pub(crate) is_stream: bool,
}

/// The recordings of an entity.
pub(crate) type Recordings = Shelf<Recording>;

impl Kept for Recording {
    const KIND: &'static str = "communication log";
    const LIMIT: usize = 4;
}
