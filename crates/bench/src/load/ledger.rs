//! What was published, and what has come of it: counts, order and delays.
//!
//! Refuses to forgive: a single lost, repeated or reordered event is counted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// One topic: its events on their way.
#[derive(Debug, Default)]
struct Topic {
    /// Events that everybody has.
    done: u32,
    /// The events after them: when each was due, and how many watchers lack it.
    under_way: VecDeque<(Instant, u32)>,
}

/// The account of a load.
#[derive(Debug)]
pub(crate) struct Ledger {
    topics: Vec<Topic>,
    audience: u32,
    /// Events published and not yet seen by everybody.
    pub(crate) under_way: usize,
    /// Events received, by all watchers together.
    pub(crate) deliveries: u64,
    /// How long after it was due each delivery came; `None` = nobody asks.
    pub(crate) delays: Option<Vec<Duration>>,
    published: usize,
    lost: u64,
    repeated: u64,
}

impl Ledger {
    /// For topics with so many watchers each.
    pub(crate) fn new(topics: usize, audience: u32) -> Self {
        Self {
            topics: (0..topics).map(|_| Topic::default()).collect(),
            audience,
            under_way: 0,
            deliveries: 0,
            delays: None,
            published: 0,
            lost: 0,
            repeated: 0,
        }
    }

    /// Enters the next event, and answers its topic and number. The topics take turns.
    pub(crate) fn publish(&mut self, due: Instant) -> (u32, u32) {
        let index = self.published % self.topics.len();
        self.published += 1;
        self.under_way += 1;
        let topic = self.topics.get_mut(index).expect("it is one of them");
        topic.under_way.push_back((due, self.audience));
        let number = topic.done + u32::try_from(topic.under_way.len()).unwrap_or(u32::MAX);
        (u32::try_from(index).unwrap_or(u32::MAX), number)
    }

    /// Enters a delivery to a watcher whose last event was `last`, which it brings up to date.
    pub(crate) fn receive(&mut self, topic: u32, last: &mut u32, number: u32) {
        if number <= *last {
            self.repeated += 1;
            return;
        }
        self.lost += u64::from(number - *last - 1);
        *last = number;
        self.deliveries += 1;
        let topic = self.topics.get_mut(topic as usize).expect("it is one of them");
        let index = number.checked_sub(topic.done + 1).map(|index| index as usize);
        let entry = index.and_then(|index| topic.under_way.get_mut(index));
        let (due, missing) = entry.expect("it was published, and this watcher lacked it");
        *missing -= 1;
        if let Some(delays) = &mut self.delays {
            delays.push(due.elapsed());
        }
        while topic.under_way.pop_front_if(|(_, missing)| *missing == 0).is_some() {
            topic.done += 1;
            self.under_way -= 1;
        }
    }

    /// The number of the newest event of the first topic.
    pub(crate) fn newest(&self) -> u32 {
        let under_way = |topic: &Topic| u32::try_from(topic.under_way.len()).unwrap_or(u32::MAX);
        self.topics.first().map_or(0, |topic| topic.done + under_way(topic))
    }

    /// Fails if anything was lost, repeated or reordered.
    pub(crate) fn assert_clean(&self) {
        let faults = (self.lost, self.repeated);
        assert_eq!(faults, (0, 0), "events lost, and events repeated or reordered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_under_way_until_everybody_has_it() {
        let (now, mut ledger) = (Instant::now(), Ledger::new(2, 2));
        assert_eq!(
            [ledger.publish(now), ledger.publish(now), ledger.publish(now)],
            [(0, 1), (1, 1), (0, 2)]
        );
        let (mut one, mut other) = (0, 0);
        ledger.receive(0, &mut one, 1);
        ledger.receive(0, &mut one, 2);
        assert_eq!(ledger.under_way, 3);
        ledger.receive(0, &mut other, 1);
        assert_eq!((ledger.under_way, ledger.deliveries), (2, 3));
        ledger.assert_clean();
    }

    #[test]
    #[should_panic(expected = "lost")]
    fn a_gap_is_a_loss() {
        let (now, mut ledger) = (Instant::now(), Ledger::new(1, 1));
        ledger.publish(now);
        ledger.publish(now);
        ledger.receive(0, &mut 0, 2);
        ledger.assert_clean();
    }
}
