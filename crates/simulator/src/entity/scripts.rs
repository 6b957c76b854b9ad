//! Scripts that were brought to an entity, and their executions.
//!
//! Interprets nothing: every script runs for two seconds and succeeds.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Moment;
use crate::refusal::Refusal;
use crate::shelf::{Kept, Shelf};

/// Bytes of a script; the text itself is not kept.
pub(crate) const MAX_SCRIPT_BYTES: usize = 64 * 1024;
const RUN: Duration = Duration::from_secs(2);

/// When an execution begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Occasion {
    Now,
    NowAndOnRestart,
    OnRestart,
    OnceOnRestart,
}

/// How an execution is ended.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    Stop,
    ForcedTermination,
}

/// A script with its executions.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) name: Option<String>,
    pub(crate) size: usize,
    pub(crate) runs: Shelf<ScriptRun>,
}

/// One execution of a script.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScriptRun {
    /// `None` waits for a restart.
    started: Option<Moment>,
    ended: Option<Moment>,
}

/// The scripts of an entity.
pub(crate) type Scripts = Shelf<Script>;

impl Kept for Script {
    const KIND: &'static str = "script";
    const LIMIT: usize = 8;
}

impl Kept for ScriptRun {
    const KIND: &'static str = "execution";
    const LIMIT: usize = 8;
}

impl Script {
    /// Begins an execution, or prepares it for the next restart.
    pub(crate) fn run(&mut self, occasion: Occasion, now: Moment) -> String {
        let at_once = matches!(occasion, Occasion::Now | Occasion::NowAndOnRestart);
        self.runs.push(ScriptRun { started: at_once.then_some(now), ended: None })
    }

    /// # Errors
    ///
    /// [`Refusal::Busy`] while it runs: it is not taken away then.
    pub(crate) fn is_idle(&self, now: Moment) -> Result<(), Refusal> {
        if self.runs.iter().any(|(_, run)| run.is_running(now)) {
            Err(Refusal::Busy)
        } else {
            Ok(())
        }
    }

    /// Begins what waits for a restart.
    pub(crate) fn restart(&mut self, now: Moment) {
        for run in self.runs.iter_mut().filter(|run| run.started.is_none()) {
            run.started = Some(now);
        }
    }
}

impl ScriptRun {
    /// Ends it; what is over stays as it is.
    pub(crate) fn end(&mut self, now: Moment) {
        if self.is_running(now) || self.started.is_none() {
            self.ended = Some(now);
        }
    }

    fn is_running(self, now: Moment) -> bool {
        self.ended.is_none() && self.started.is_some_and(|started| now < started.plus(RUN))
    }

    /// The word of SOVD for where it stands.
    pub(crate) fn status(self, now: Moment) -> &'static str {
        match (self.ended, self.started) {
            (Some(_), _) => "terminated",
            (None, None) => "prepared",
            (None, Some(_)) if self.is_running(now) => "running",
            (None, Some(_)) => "completed",
        }
    }

    /// The body that a poll is answered with; `utc` dates a moment.
    pub(crate) fn report(self, now: Moment, utc: impl Fn(Moment) -> String) -> Value {
        let status = self.status(now);
        let result = (status == "completed").then(|| json!({"exit_code": 0}));
        json!({"status": status, "result": result, "last_started": self.started.map(utc)})
    }
}
