//! Puts the parts of one attempt into order.
//!
//! Refuses to wait: what is missing when the answer ends is missing.

use std::collections::BTreeMap;

/// How many parts may wait for an earlier one.
pub const MAX_HELD: usize = 256;

/// Parts as they arrive in; parts in order, each once, out.
#[derive(Debug)]
pub struct InOrder<T> {
    next: u32,
    held: BTreeMap<u32, T>,
}

/// More parts wait for a missing one than may be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("part {missing} is missing and {MAX_HELD} later ones have arrived")]
pub struct TooManyHeld {
    /// The part that everything waits for.
    pub missing: u32,
}

impl<T> Default for InOrder<T> {
    /// Waits for part 1.
    fn default() -> Self {
        Self { next: 1, held: BTreeMap::new() }
    }
}

impl<T> InOrder<T> {
    /// Takes a part; `false` = it was there already, and is dropped.
    ///
    /// # Errors
    ///
    /// [`TooManyHeld`] if the hole before it is not filled in time.
    pub fn push(&mut self, part: u32, value: T) -> Result<bool, TooManyHeld> {
        if part < self.next || self.held.contains_key(&part) {
            return Ok(false);
        }
        self.held.insert(part, value);
        if self.held.len() > MAX_HELD && !self.held.contains_key(&self.next) {
            return Err(TooManyHeld { missing: self.next });
        }
        Ok(true)
    }

    /// The next part, if it is there.
    pub fn pop(&mut self) -> Option<(u32, T)> {
        let value = self.held.remove(&self.next)?;
        let part = self.next;
        self.next = self.next.saturating_add(1);
        Some((part, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_vanish_and_holes_wait() {
        let mut parts = InOrder::default();
        for part in [2, 1, 1, 2, 4, 3] {
            parts.push(part, part * 10).unwrap();
        }
        let out: Vec<_> = std::iter::from_fn(|| parts.pop()).collect();
        assert_eq!(out, [(1, 10), (2, 20), (3, 30), (4, 40)]);
    }

    #[test]
    fn a_hole_is_not_waited_for_without_limit() {
        let mut parts = InOrder::default();
        let last = u32::try_from(MAX_HELD).unwrap() + 1;
        assert!((2..=last).all(|part| parts.push(part, ()).is_ok()));
        assert_eq!(parts.push(last + 1, ()), Err(TooManyHeld { missing: 1 }));
    }
}
