//! The log of an entity, and which contexts log how much.
//!
//! Stores no entry: the log follows from the time that has passed.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Moment;
use crate::refusal::Refusal;

/// Time between two entries.
const PACE_S: u64 = 2;
/// Entries that the log holds.
const MAX_ENTRIES: u64 = 100;
const MAX_CONTEXTS: usize = 16;
const MAX_CONTEXT_BYTES: usize = 256;

const MESSAGES: [(Severity, &str, &str); 6] = [
    (Severity::Info, "powermon", "supply voltage within limits"),
    (Severity::Debug, "netd", "keep-alive answered"),
    (Severity::Info, "scheduler", "cycle completed in time"),
    (Severity::Warn, "netd", "frame repeated once"),
    (Severity::Info, "storage", "journal written"),
    (Severity::Error, "camera", "frame dropped, buffer late"),
];

/// How grave an entry is; the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    Fatal,
    Error,
    Warn,
    Info,
    Debug,
}

/// An entry of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) at: Moment,
    pub(crate) severity: Severity,
    pub(crate) process: &'static str,
    pub(crate) message: &'static str,
}

/// Who logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Context {
    /// A process, by its name.
    Process(String),
    /// As the standard writes it: without a `process`, all of them.
    Described(Map<String, Value>),
}

/// How much a context logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verbosity {
    pub(crate) context: Context,
    pub(crate) severity: Severity,
}

impl Context {
    fn covers(&self, process: &str) -> bool {
        match self {
            Self::Process(name) => name == process,
            Self::Described(members) => members.get("process").is_none_or(|it| it == process),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Process(name) => name.len(),
            Self::Described(members) => Value::from(members.clone()).to_string().len(),
        }
    }
}

/// What has been set; nothing lets everything through.
#[derive(Debug, Default)]
pub(crate) struct LogConfig(Vec<Verbosity>);

impl LogConfig {
    /// The entries at least as grave as asked for, the oldest first.
    pub(crate) fn entries(&self, least: Severity, now: Moment) -> Vec<Entry> {
        let last = now.since_waking().as_secs() / PACE_S;
        let first = last.saturating_sub(MAX_ENTRIES - 1);
        let shown = |entry: &Entry| entry.severity <= least && self.lets_through(entry);
        (first..=last).filter_map(entry).filter(shown).collect()
    }

    pub(crate) fn contexts(&self) -> &[Verbosity] {
        &self.0
    }

    /// # Errors
    ///
    /// [`Refusal::InvalidParameters`] for too many of them, or too long names.
    pub(crate) fn set(&mut self, contexts: Vec<Verbosity>) -> Result<(), Refusal> {
        let long = contexts.iter().any(|each| each.context.bytes() > MAX_CONTEXT_BYTES);
        if contexts.len() > MAX_CONTEXTS || long {
            let fault = format!("at most {MAX_CONTEXTS} contexts of {MAX_CONTEXT_BYTES} bytes");
            return Err(Refusal::InvalidParameters(fault));
        }
        self.0 = contexts;
        Ok(())
    }

    pub(crate) fn reset(&mut self) {
        self.0.clear();
    }

    fn lets_through(&self, entry: &Entry) -> bool {
        let set = self.0.iter().find(|set| set.context.covers(entry.process));
        set.is_none_or(|set| entry.severity <= set.severity)
    }
}

fn entry(number: u64) -> Option<Entry> {
    let index = usize::try_from(number).ok()? % MESSAGES.len();
    let (severity, process, message) = *MESSAGES.get(index)?;
    Some(Entry { at: Moment::at(Duration::from_secs(number * PACE_S)), severity, process, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_holds_the_latest_entries() {
        let entries =
            LogConfig::default().entries(Severity::Debug, Moment::at(Duration::from_secs(1000)));
        let last = entries.last().unwrap().at.since_waking();
        assert_eq!((entries.len(), last), (100, Duration::from_secs(1000)));
    }
}
