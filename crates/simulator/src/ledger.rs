//! How often each command reached a vehicle.
//!
//! Counts arrivals only; what the vehicle then did is not its business.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;

/// Command ids that are remembered; the oldest goes first.
const MAX_COMMANDS: usize = 200_000;

/// The requests of one command.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Count {
    /// State-changing requests.
    executions: u32,
    reads: u32,
}

/// What a request does to the vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Changes,
    Reads,
}

/// The counts of one vehicle.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    counts: HashMap<Arc<str>, Count>,
    arrivals: VecDeque<Arc<str>>,
}

impl Ledger {
    /// Counts a request; true if it is the first of its command.
    pub(crate) fn count(&mut self, command: &str, effect: Effect) -> bool {
        if let Some(count) = self.counts.get_mut(command) {
            count.add(effect);
            return false;
        }
        self.make_room();
        let command: Arc<str> = command.into();
        self.arrivals.push_back(Arc::clone(&command));
        self.counts.entry(command).or_default().add(effect);
        true
    }

    /// A copy of all counts.
    pub(crate) fn counts(&self) -> BTreeMap<Arc<str>, Count> {
        self.counts.iter().map(|(command, count)| (Arc::clone(command), *count)).collect()
    }

    /// Forgets every command.
    pub(crate) fn clear(&mut self) {
        self.counts.clear();
        self.arrivals.clear();
    }

    fn make_room(&mut self) {
        if self.arrivals.len() >= MAX_COMMANDS
            && let Some(oldest) = self.arrivals.pop_front()
        {
            self.counts.remove(&oldest);
        }
    }
}

impl Count {
    fn add(&mut self, effect: Effect) {
        let counter = match effect {
            Effect::Changes => &mut self.executions,
            Effect::Reads => &mut self.reads,
        };
        *counter = counter.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_command_makes_room() {
        let mut ledger = Ledger::default();
        for command in 0..=MAX_COMMANDS {
            assert!(ledger.count(&command.to_string(), Effect::Reads));
        }
        let counts = ledger.counts();
        assert_eq!(counts.len(), MAX_COMMANDS);
        assert!(!counts.contains_key("0"));
    }
}
