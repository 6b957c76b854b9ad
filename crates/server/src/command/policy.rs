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

    /// What the vehicle has to be like.
    pub(crate) fn needed_state(&self, entry: &Entry) -> impl Iterator<Item = &StateNeed> {
        self.conditions.iter().filter(|it| it.rule.covers(entry)).map(|it| &it.need)
    }
}
