//! What an installation asks for before a dangerous command runs: a reason, a second person.
//!
//! Refuses exceptions: whoever submits, and whatever it is for, the row of the catalogue decides.

use crate::config::PolicyConfig;
use model::catalog::{Entry, Rule};
use std::time::Duration;

/// The rules of an installation.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    reason: Vec<Rule>,
    approval: Vec<Rule>,
    approval_life: Duration,
}

impl From<&PolicyConfig> for Policy {
    fn from(config: &PolicyConfig) -> Self {
        Self {
            reason: config.reason.clone(),
            approval: config.approval.clone(),
            approval_life: config.approval_life,
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
}
