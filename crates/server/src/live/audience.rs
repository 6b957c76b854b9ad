//! Those who are woken when there is news of something.
//!
//! Refuses to know what they do then, and to wake anybody twice before they have looked.

use super::bell::Cord;
use slab::Slab;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The cords of everybody who waits for one thing.
#[derive(Default)]
pub(crate) struct Audience(Mutex<Slab<Arc<Cord>>>);

/// Something that has an audience.
pub(crate) trait Staged {
    fn audience(&self) -> &Audience;
}

impl Audience {
    pub(super) fn wake(&self) {
        self.lock().iter().for_each(|(_, cord)| cord.pull());
    }

    /// A panic elsewhere leaves the list whole: every change to it is one call.
    fn lock(&self) -> MutexGuard<'_, Slab<Arc<Cord>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody's place in an audience. Leaves when dropped.
pub(crate) struct Listener<T: Staged> {
    pub(crate) stage: Arc<T>,
    pub(crate) cord: Arc<Cord>,
    key: usize,
}

impl<T: Staged> Listener<T> {
    /// From now on every news pulls the cord.
    pub(crate) fn join(stage: Arc<T>, cord: Arc<Cord>) -> Self {
        let key = stage.audience().lock().insert(Arc::clone(&cord));
        Self { stage, cord, key }
    }
}

impl<T: Staged> Drop for Listener<T> {
    fn drop(&mut self) {
        self.stage.audience().lock().try_remove(self.key);
    }
}
