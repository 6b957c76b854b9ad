//! How many sockets, event streams and long-polls are open, in all and per user.
//!
//! Refuses one over the limit; a place is free again as soon as its holder is dropped.

use super::lock;
use model::id::UserId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The places of a node; cheap to clone.
#[derive(Clone)]
pub(crate) struct Seats {
    taken: Arc<Mutex<Taken>>,
    max: usize,
    max_per_user: usize,
}

#[derive(Default)]
struct Taken {
    count: usize,
    by_user: HashMap<UserId, usize>,
}

/// A place. Free again when dropped.
pub(crate) struct Seat {
    seats: Seats,
    user_id: UserId,
}

impl Seats {
    pub(crate) fn new(max: usize, max_per_user: usize) -> Self {
        Self { taken: Arc::default(), max, max_per_user }
    }

    /// A place for a user; `None` if there is none left.
    pub(crate) fn take(&self, user_id: UserId) -> Option<Seat> {
        let mut taken = lock(&self.taken);
        let of_user = taken.by_user.get(&user_id).copied().unwrap_or(0);
        if taken.count >= self.max || of_user >= self.max_per_user {
            return None;
        }
        taken.count += 1;
        taken.by_user.insert(user_id, of_user + 1);
        Some(Seat { seats: self.clone(), user_id })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = lock(&self.seats.taken);
        taken.count -= 1;
        if let Some(of_user) = taken.by_user.get_mut(&self.user_id) {
            *of_user -= 1;
            if *of_user == 0 {
                taken.by_user.remove(&self.user_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_cannot_take_every_place() {
        let seats = Seats::new(3, 2);
        let (one, other) = (UserId::new(), UserId::new());
        let held = [seats.take(one), seats.take(one)];
        assert!(held.iter().all(Option::is_some) && seats.take(one).is_none());
        let last = seats.take(other);
        assert!(last.is_some() && seats.take(UserId::new()).is_none());
        drop(held);
        assert!(seats.take(one).is_some());
    }
}
