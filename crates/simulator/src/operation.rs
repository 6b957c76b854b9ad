//! The operations that an entity may offer, and what their parameters must be.
//!
//! Runs nothing: an asynchronous one becomes an execution.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::refusal::Refusal;

const SWEEP: Duration = Duration::from_secs(1);
const MAX_CALIBRATION_MS: u64 = 600_000;

/// What an entity can be asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Synchronous: the answer to the start is the result.
    SelfTest,
    /// Asynchronous: moves an actuator over its range in about a second.
    ActuatorSweep,
    /// Asynchronous: as long as it is told to be, in steps; may be told to fail.
    Calibration,
    /// Control of an output: stays adjusted until control is returned.
    FanControl,
    /// Synchronous: asks for a proof that somebody stands beside the vehicle.
    ImmobilizerReset,
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
    pub(crate) from: u8,
    #[serde(default = "full_range")]
    pub(crate) to: u8,
}

/// How a calibration goes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Calibration {
    #[serde(default = "usual_calibration")]
    duration_ms: u64,
    #[serde(default)]
    fails: bool,
}

/// Where an output is held, in percent.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Adjustment {
    value: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// What an asynchronous execution does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    Sweep(Range),
    Calibration {
        duration: Duration,
        fails: bool,
    },
    /// An output in the hand of the tester, in percent.
    Output(u8),
}

/// What a start leads to.
pub(crate) enum Started {
    /// The result, at once.
    Done(Value),
    /// Work that takes its time.
    Begun(Work),
}

impl Operation {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::SelfTest => "self_test",
            Self::ActuatorSweep => "actuator_sweep",
            Self::Calibration => "calibration",
            Self::FanControl => "fan_control",
            Self::ImmobilizerReset => "immobilizer_reset",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SelfTest => "Self-test",
            Self::ActuatorSweep => "Actuator sweep",
            Self::Calibration => "Sensor calibration",
            Self::FanControl => "Fan control",
            Self::ImmobilizerReset => "Immobilizer reset",
        }
    }

    pub(crate) fn is_asynchronous(self) -> bool {
        matches!(self, Self::ActuatorSweep | Self::Calibration | Self::FanControl)
    }

    pub(crate) fn needs_proximity(self) -> bool {
        self == Self::ImmobilizerReset
    }

    /// The session in which alone it runs; `None` is any.
    pub(crate) fn session(self) -> Option<&'static str> {
        (self == Self::FanControl).then_some("extended")
    }

    /// What a running execution can be told.
    pub(crate) fn capabilities(self) -> &'static [&'static str] {
        match self {
            Self::SelfTest | Self::ImmobilizerReset => &["execute"],
            Self::ActuatorSweep | Self::Calibration => &["execute", "stop"],
            Self::FanControl => &["execute", "freeze", "reset", "stop"],
        }
    }

    /// The JSON Schema of the parameters.
    pub(crate) fn schema(self) -> Value {
        let percent = json!({"type": "integer", "minimum": 0, "maximum": 100});
        let properties = match self {
            Self::SelfTest => json!({"depth": {"type": "string", "enum": ["quick", "full"]}}),
            Self::ActuatorSweep => json!({"from": percent, "to": percent}),
            Self::Calibration => json!({
                "duration_ms": {"type": "integer", "minimum": 1, "maximum": MAX_CALIBRATION_MS},
                "fails": {"type": "boolean"},
            }),
            Self::FanControl => json!({"value": percent}),
            Self::ImmobilizerReset => json!({}),
        };
        json!({"type": "object", "properties": properties, "additionalProperties": false})
    }

    /// Begins, or is done at once.
    ///
    /// # Errors
    ///
    /// [`Refusal::InvalidParameters`] if the schema does not allow them.
    pub(crate) fn start(self, parameters: Value) -> Result<Started, Refusal> {
        match self {
            Self::SelfTest => self_test(parameters).map(Started::Done),
            Self::ImmobilizerReset => {
                parsed::<Nothing>(parameters)?;
                Ok(Started::Done(json!({"result": "reset"})))
            }
            Self::ActuatorSweep | Self::Calibration | Self::FanControl => {
                self.work(parameters).map(Started::Begun)
            }
        }
    }

    fn work(self, parameters: Value) -> Result<Work, Refusal> {
        match self {
            Self::Calibration => {
                let Calibration { duration_ms, fails } = parsed(parameters)?;
                if !(1..=MAX_CALIBRATION_MS).contains(&duration_ms) {
                    return Err(invalid("`duration_ms` is out of its bounds"));
                }
                Ok(Work::Calibration { duration: Duration::from_millis(duration_ms), fails })
            }
            Self::FanControl => adjusted(parameters).map(Work::Output),
            Self::ActuatorSweep | Self::SelfTest | Self::ImmobilizerReset => {
                let range: Range = parsed(parameters)?;
                if range.from.max(range.to) > full_range() {
                    return Err(invalid("`from` and `to` are percentages"));
                }
                Ok(Work::Sweep(range))
            }
        }
    }
}

impl Work {
    /// How long it takes; `None` is until somebody stops it.
    pub(crate) fn duration(self) -> Option<Duration> {
        match self {
            Self::Sweep(_) => Some(SWEEP),
            Self::Calibration { duration, .. } => Some(duration),
            Self::Output(_) => None,
        }
    }
}

/// Where an output shall be held, in percent.
pub(crate) fn adjusted(parameters: Value) -> Result<u8, Refusal> {
    let Adjustment { value } = parsed(parameters)?;
    if value > full_range() { Err(invalid("`value` is a percentage")) } else { Ok(value) }
}

fn self_test(parameters: Value) -> Result<Value, Refusal> {
    let checks: &[&str] = match parsed::<SelfTest>(parameters)?.depth {
        Depth::Quick => &["memory", "supply"],
        Depth::Full => &["memory", "supply", "sensors", "actuators", "network"],
    };
    let passed = |check| json!({"check": check, "passed": true});
    Ok(json!({"result": "passed", "checks": checks.iter().map(passed).collect::<Vec<_>>()}))
}

/// Absent parameters are an empty object.
fn parsed<P: for<'a> Deserialize<'a>>(parameters: Value) -> Result<P, Refusal> {
    let parameters = if parameters.is_null() { json!({}) } else { parameters };
    serde_json::from_value(parameters)
        .map_err(|cause| Refusal::InvalidParameters(cause.to_string()))
}

fn invalid(fault: &str) -> Refusal {
    Refusal::InvalidParameters(fault.to_owned())
}

fn full_range() -> u8 {
    100
}

fn usual_calibration() -> u64 {
    10_000
}
