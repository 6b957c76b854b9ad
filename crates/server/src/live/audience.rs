//! Those who are woken when there is news of something.
//!
//! Refuses to know what they do then, and to wake anybody twice before they have looked.

use super::bell::Cord;
use super::lock;
use slab::Slab;
use std::sync::{Arc, Mutex};

/// The cords of everybody who waits for one thing.
#[derive(Default)]
pub(crate) struct Audience(Mutex<Slab<Arc<Cord>>>);

/// Something that has an audience.
pub(crate) trait Staged {
    fn audience(&self) -> &Audience;
}

impl Audience {
    pub(super) fn wake(&self) {
        lock(&self.0).iter().for_each(|(_, cord)| cord.pull());
    }
}

/// Somebody's place in an audience. Leaves when dropped.
pub(crate) struct Listener<T: Staged> {
    pub(crate) stage: Arc<T>,
    pub(crate) cord: Arc<Cord>,
    /// `None` = somebody else listens for now.
    key: Option<usize>,
}

impl<T: Staged> Listener<T> {
    /// From now on every news pulls the cord.
    pub(crate) fn join(stage: Arc<T>, cord: Arc<Cord>) -> Self {
        let mut listener = Self { stage, cord, key: None };
        listener.rejoin();
        listener
    }

    /// The same after it has left.
    pub(crate) fn rejoin(&mut self) {
        let insert = || lock(&self.stage.audience().0).insert(Arc::clone(&self.cord));
        self.key.get_or_insert_with(insert);
    }

    /// From now on no news pulls the cord.
    pub(crate) fn leave(&mut self) {
        if let Some(key) = self.key.take() {
            lock(&self.stage.audience().0).try_remove(key);
        }
    }
}

impl<T: Staged> Drop for Listener<T> {
    fn drop(&mut self) {
        self.leave();
    }
}
