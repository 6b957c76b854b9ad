//! The operations of a control unit, and the life of one asynchronous execution.
//!
//! Needs no timer: where an execution stands follows from the time that has passed.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::refusal::Refusal;

const SWEEP: Duration = Duration::from_secs(1);

/// What a control unit can be asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Synchronous: the answer to the start is the result.
    SelfTest,
    /// Asynchronous: moves an actuator over its range in about a second.
    ActuatorSweep,
}

/// How thorough a self-test is.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Depth {
    #[default]
    Quick,
    Full,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SelfTest {
    #[serde(default)]
    depth: Depth,
}

/// Where a sweep begins and ends, in percent of the actuator's range.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Range {
    #[serde(default)]
    from: u8,
    #[serde(default = "full_range")]
    to: u8,
}

/// One execution of an actuator sweep.
#[derive(Debug, Clone)]
pub(crate) struct Sweep {
    pub(crate) id: String,
    range: Range,
    started: Instant,
    /// When somebody stopped it; `None` lets it come to its end.
    stopped: Option<Instant>,
}

impl Operation {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::SelfTest => "self_test",
            Self::ActuatorSweep => "actuator_sweep",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SelfTest => "Self-test",
            Self::ActuatorSweep => "Actuator sweep",
        }
    }

    pub(crate) fn is_asynchronous(self) -> bool {
        self == Self::ActuatorSweep
    }

    /// The JSON Schema of the parameters.
    pub(crate) fn schema(self) -> Value {
        let properties = match self {
            Self::SelfTest => json!({"depth": {"type": "string", "enum": ["quick", "full"]}}),
            Self::ActuatorSweep => {
                let percent = json!({"type": "integer", "minimum": 0, "maximum": 100});
                json!({"from": percent, "to": percent})
            }
        };
        json!({"type": "object", "properties": properties, "additionalProperties": false})
    }
}

/// Runs the self-test and returns its result.
///
/// # Errors
///
/// [`Refusal::InvalidParameters`] if the schema does not allow them.
pub(crate) fn self_test(parameters: Value) -> Result<Value, Refusal> {
    let checks: &[&str] = match parsed::<SelfTest>(parameters)?.depth {
        Depth::Quick => &["memory", "supply"],
        Depth::Full => &["memory", "supply", "sensors", "actuators", "network"],
    };
    let passed = |check| json!({"check": check, "passed": true});
    Ok(json!({"result": "passed", "checks": checks.iter().map(passed).collect::<Vec<_>>()}))
}

impl Range {
    /// Reads the parameters of an actuator sweep.
    ///
    /// # Errors
    ///
    /// [`Refusal::InvalidParameters`] if the schema does not allow them.
    pub(crate) fn from_parameters(parameters: Value) -> Result<Self, Refusal> {
        let range: Self = parsed(parameters)?;
        if range.from.max(range.to) > full_range() {
            return Err(Refusal::InvalidParameters("`from` and `to` are percentages".to_owned()));
        }
        Ok(range)
    }
}

impl Sweep {
    pub(crate) fn start(range: Range, now: Instant) -> Self {
        Self { id: Uuid::new_v4().to_string(), range, started: now, stopped: None }
    }

    pub(crate) fn is_running(&self, now: Instant) -> bool {
        self.stopped.is_none() && now.duration_since(self.started) < SWEEP
    }

    /// Leaves the actuator where it is; a sweep at its end stays completed.
    pub(crate) fn stop(&mut self, now: Instant) {
        if self.is_running(now) {
            self.stopped = Some(now);
        }
    }

    /// The word of SOVD for where it stands.
    pub(crate) fn status(&self, now: Instant) -> &'static str {
        if self.is_running(now) { "running" } else { "completed" }
    }

    /// The body that a poll is answered with.
    pub(crate) fn report(&self, now: Instant) -> Value {
        let progress = self.progress_percent(now);
        json!({
            "status": self.status(now),
            "capability": if self.stopped.is_some() { "stop" } else { "execute" },
            "parameters": {
                "progress": progress,
                "position": self.position_percent(progress),
                "stopped": self.stopped.is_some(),
            },
        })
    }

    fn progress_percent(&self, now: Instant) -> i64 {
        let moved = self.stopped.unwrap_or(now).duration_since(self.started).min(SWEEP);
        i64::try_from(moved.as_millis() * 100 / SWEEP.as_millis()).unwrap_or(100)
    }

    fn position_percent(&self, progress: i64) -> i64 {
        let (from, to) = (i64::from(self.range.from), i64::from(self.range.to));
        from + (to - from) * progress / 100
    }
}

/// Absent parameters are an empty object.
fn parsed<P: for<'a> Deserialize<'a>>(parameters: Value) -> Result<P, Refusal> {
    let parameters = if parameters.is_null() { json!({}) } else { parameters };
    serde_json::from_value(parameters)
        .map_err(|cause| Refusal::InvalidParameters(cause.to_string()))
}

fn full_range() -> u8 {
    100
}
