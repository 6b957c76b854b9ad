//! What an installation asks for before a dangerous command runs: a reason, a second person, a state of
//! the vehicle.
//!
//! Refuses exceptions: whoever submits, and whatever it is for, the row of the catalogue decides.

use crate::config::PolicyConfig;
use model::catalog::{Condition, Entry, Rule, StateNeed};
use std::time::Duration;

/// The rules of an installation.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    reason: Vec<Rule>,
    approval: Vec<Rule>,
    approval_life: Duration,
    conditions: Vec<Condition>,
}

impl From<&PolicyConfig> for Policy {
    fn from(config: &PolicyConfig) -> Self {
        Self {
            reason: config.reason.clone(),
            approval: config.approval.clone(),
            approval_life: config.approval_life,
            conditions: config.conditions.clone(),
        }
    }
}

impl Policy {
    /// Whether whoever submits it has to say why.
    pub(crate) fn needs_reason(&self, entry: &Entry) -> bool {
        self.reason.iter().any(|rule| rule.covers(entry))
    }

    /// Whether a second person has to approve it.
    pub(crate) fn needs_approval(&self, entry: &Entry) -> bool {
        self.approval.iter().any(|rule| rule.covers(entry))
    }

    /// How long it may wait for its second person; `None` = it needs none.
    pub(crate) fn approve_within(&self, entry: &Entry) -> Option<Duration> {
        self.needs_approval(entry).then_some(self.approval_life)
    }

    /// Whether something is asked for one row that whoever may run the other one has not met.
    pub(crate) fn asks_more(&self, row: &Entry, other: &Entry, has_reason: bool) -> bool {
        let needs = |entry| self.needed_state(entry).collect::<Vec<_>>();
        let seen = needs(other);
        (self.needs_reason(row) && !has_reason)
            || (self.needs_approval(row) && !self.needs_approval(other))
            || needs(row).iter().any(|need| !seen.contains(need))
    }

    /// What the vehicle has to be like.
    pub(crate) fn needed_state(&self, entry: &Entry) -> impl Iterator<Item = &StateNeed> {
        self.conditions.iter().filter(|it| it.rule.covers(entry)).map(|it| &it.need)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::catalog::entries;

    fn policy(reason: &[&str], approval: &[&str], conditions: &[&str]) -> Policy {
        let rules = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Policy {
            reason: rules(reason),
            approval: rules(approval),
            approval_life: Duration::from_mins(15),
            conditions: conditions.iter().map(|text| text.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn no_row_does_the_work_of_another_one_that_is_asked_more() {
        let rows = entries();
        let row = |name: &str| rows.iter().find(|row| row.name == name).unwrap();
        let (output, operation) = (row("output.actuate"), row("operation.run"));
        let asks_more = |policy: Policy, reason| policy.asks_more(output, operation, reason);
        assert!(!asks_more(policy(&[], &[], &[]), false));
        assert!(asks_more(policy(&["R3"], &[], &[]), false));
        assert!(!asks_more(policy(&["R3"], &[], &[]), true));
        assert!(asks_more(policy(&[], &["R3"], &[]), true));
        assert!(!asks_more(policy(&[], &["R2", "R3"], &[]), true));
        let standing = ["R3: a/b/data/c = 0", "operation.run: a/b/data/c = 0"];
        assert!(asks_more(policy(&[], &[], &standing[..1]), true));
        assert!(!asks_more(policy(&[], &[], &standing), true));
    }
}
