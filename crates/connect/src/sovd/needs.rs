//! What the catalogue says that a command needs before its first change.
//!
//! Adds no need of its own: a name that is no row needs nothing.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use model::catalog::{Lock, ModeNeed, entries};

/// A lock, modes, or neither.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs {
    pub(super) lock: bool,
    pub(super) modes: &'static [ModeNeed],
}

static ROWS: LazyLock<BTreeMap<&str, Needs>> = LazyLock::new(|| {
    let rows = entries().into_iter();
    let needs = rows.map(|row| {
        let lock = row.lock == Lock::Needed;
        (row.name, Needs { lock, modes: row.modes })
    });
    needs.collect()
});

impl Needs {
    /// What the row of this name needs.
    pub(super) fn of(row: &str) -> Self {
        ROWS.get(row).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_those_of_the_catalogue() {
        let write = Needs::of("data.write");
        assert!(write.lock && write.modes.iter().any(|mode| mode.id == "session"));
        let read = Needs::of("data.read");
        assert!(!read.lock && read.modes.is_empty());
    }
}
