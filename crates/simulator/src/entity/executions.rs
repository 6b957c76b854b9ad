//! The life of asynchronous executions.
//!
//! Needs no timer: where an execution stands follows from the time that has passed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Moment;
use crate::operation::{Operation, Work, adjusted};
use crate::refusal::Refusal;
use crate::shelf::{Kept, Shelf};

const MAX_TIMEOUT_S: u64 = 3600;
/// What an output does when the tester does not hold it, in percent.
const OWN_OUTPUT: u8 = 20;

/// The executions of an entity; of many finished ones the oldest is forgotten.
pub(crate) type Executions = Shelf<Execution>;

/// One execution.
#[derive(Debug, Clone)]
pub(crate) struct Execution {
    pub(crate) operation: Operation,
    work: Work,
    /// What it was told last.
    capability: &'static str,
    started: Moment,
    /// When somebody stopped it; `None` lets it come to its end.
    stopped: Option<Moment>,
    /// When it stops by itself.
    deadline: Option<Moment>,
}

/// Where an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Running,
    Completed,
    /// The calibration itself.
    Failed,
    /// It had not come to its end in the time that it was given.
    Overdue,
}

impl Kept for Execution {
    const KIND: &'static str = "execution";
    const LIMIT: usize = 32;
}

impl Execution {
    /// Starts; `timeout_s` is when it stops by itself.
    ///
    /// # Errors
    ///
    /// [`Refusal::InvalidParameters`] for a timeout out of bounds.
    pub(crate) fn start(
        operation: Operation,
        work: Work,
        timeout_s: Option<u64>,
        now: Moment,
    ) -> Result<Self, Refusal> {
        let deadline = deadline(timeout_s, now)?;
        let (capability, started) = ("execute", now);
        Ok(Self { operation, work, capability, started, stopped: None, deadline })
    }

    pub(crate) fn is_running(&self, now: Moment) -> bool {
        self.standing(now) == Standing::Running
    }

    /// Acts on one of the operation's capabilities; what is over stays as it is.
    ///
    /// # Errors
    ///
    /// [`Refusal::InvalidParameters`] for others, or parameters that do not fit.
    pub(crate) fn control(
        &mut self,
        capability: &str,
        parameters: Value,
        timeout_s: Option<u64>,
        now: Moment,
    ) -> Result<(), Refusal> {
        let offered = self.operation.capabilities();
        let Some(known) = offered.iter().find(|known| **known == capability) else {
            let fault = format!("the capability `{capability}` is not offered, {offered:?} are");
            return Err(Refusal::InvalidParameters(fault));
        };
        if !self.is_running(now) {
            return Ok(());
        }
        match (*known, self.work) {
            ("stop", _) => self.stopped = Some(now),
            ("execute", Work::Output(_)) => self.work = Work::Output(adjusted(parameters)?),
            ("reset", Work::Output(_)) => self.work = Work::Output(OWN_OUTPUT),
            _ => {}
        }
        if timeout_s.is_some() {
            self.deadline = deadline(timeout_s, now)?;
        }
        self.capability = known;
        Ok(())
    }

    /// The word of SOVD for where it stands.
    pub(crate) fn status(&self, now: Moment) -> &'static str {
        match self.standing(now) {
            Standing::Running => "running",
            Standing::Completed => "completed",
            Standing::Failed | Standing::Overdue => "failed",
        }
    }

    /// The body that a poll is answered with.
    pub(crate) fn report(&self, now: Moment) -> Value {
        let standing = self.standing(now);
        let mut report = json!({
            "status": self.status(now),
            "capability": self.capability,
            "parameters": self.parameters(now),
        });
        let fault = match standing {
            Standing::Running | Standing::Completed => return report,
            Standing::Failed => "the sensor did not settle",
            Standing::Overdue => "it did not come to its end in time",
        };
        let error = json!({"error_code": "error-response", "message": fault,
            "parameters": {"service": "0x31", "nrc": "0x22"}});
        if let Some(fields) = report.as_object_mut() {
            fields.insert("error".to_owned(), json!([{"path": "/", "error": error}]));
        }
        report
    }

    fn standing(&self, now: Moment) -> Standing {
        let natural = self.work.duration().map(|duration| self.started.plus(duration));
        let over = |end: Option<Moment>| end.is_some_and(|end| end <= self.stopped.unwrap_or(now));
        if over(natural) {
            let fails = matches!(self.work, Work::Calibration { fails: true, .. });
            return if fails { Standing::Failed } else { Standing::Completed };
        }
        if over(self.deadline) {
            // Control goes back to the unit: that is how an adjustment usually ends.
            let is_output = matches!(self.work, Work::Output(_));
            return if is_output { Standing::Completed } else { Standing::Overdue };
        }
        if self.stopped.is_some() { Standing::Completed } else { Standing::Running }
    }

    fn parameters(&self, now: Moment) -> Value {
        let progress = self.progress_percent(now);
        match self.work {
            Work::Sweep(range) => {
                let (from, to) = (i64::from(range.from), i64::from(range.to));
                let position = from + (to - from) * progress / 100;
                let stopped = self.stopped.is_some();
                json!({"progress": progress, "position": position, "stopped": stopped})
            }
            Work::Calibration { .. } => {
                let step = ["heat up", "measure", "compare", "store"];
                let step = step.get(usize::try_from(progress / 25).unwrap_or(0));
                json!({"progress": progress, "step": step.unwrap_or(&"done")})
            }
            Work::Output(value) if self.is_running(now) => {
                json!({"control": "tester", "value": value})
            }
            Work::Output(_) => json!({"control": "ecu", "value": OWN_OUTPUT}),
        }
    }

    fn progress_percent(&self, now: Moment) -> i64 {
        let whole = self.work.duration().unwrap_or(Duration::MAX);
        let end = self.stopped.or(self.deadline.filter(|deadline| *deadline < now)).unwrap_or(now);
        let moved = end.since(self.started).min(whole);
        i64::try_from(moved.as_millis() * 100 / whole.as_millis().max(1)).unwrap_or(100)
    }
}

fn deadline(timeout_s: Option<u64>, now: Moment) -> Result<Option<Moment>, Refusal> {
    match timeout_s {
        None => Ok(None),
        Some(timeout_s @ 1..=MAX_TIMEOUT_S) => Ok(Some(now.plus(Duration::from_secs(timeout_s)))),
        Some(_) => Err(Refusal::InvalidParameters(format!(
            "`timeout` is a number of seconds from 1 to {MAX_TIMEOUT_S}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(timeout_s: Option<u64>) -> Execution {
        let work = Work::Calibration { duration: Duration::from_secs(10), fails: false };
        Execution::start(Operation::Calibration, work, timeout_s, Moment::default()).unwrap()
    }

    fn second(s: u64) -> Moment {
        Moment::at(Duration::from_secs(s))
    }

    #[test]
    fn an_execution_ends_by_itself() {
        assert_eq!(calibration(None).status(second(9)), "running");
        assert_eq!(calibration(None).status(second(10)), "completed");
    }

    #[test]
    fn what_is_not_done_in_its_time_has_failed() {
        let report = calibration(Some(4)).report(second(8));
        assert_eq!(
            (&report["status"], &report["error"][0]["path"]),
            (&json!("failed"), &json!("/"))
        );
        assert_eq!(report["parameters"]["progress"], 40);
    }

    #[test]
    fn a_timeout_can_be_renewed() {
        let mut execution = calibration(Some(4));
        execution.control("execute", Value::Null, Some(9), second(3)).unwrap();
        assert_eq!(execution.status(second(10)), "completed");
    }
}
