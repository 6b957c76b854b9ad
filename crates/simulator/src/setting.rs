//! How a vehicle is set to behave: delay, fault, streamed parts.
//!
//! Checks the limits and keeps the wire shape; acting it out is the business of `behaviour`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::fleet::Vehicle;
use crate::injection::{Injector, NoFault};

const MAX_PAUSE_MS: u64 = 600_000;
const MAX_PARTS: u32 = 10_000_000;
const MAX_PART_BYTES: usize = 16 * 1024 * 1024;
const DEFAULT_PART_BYTES: usize = 256;
/// What the JSON of a part's payload takes beside its padding, about.
const PART_FRAME_BYTES: usize = 32;

/// Everything that can be set about one vehicle.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    delay: Delay,
    pub(crate) fault: Option<Failure>,
    /// What a streamed command is answered with; `None` means that nothing is streamed.
    pub(crate) parts: Option<Parts>,
    online: bool,
    seed: u64,
    /// Starts anew with every setting.
    pub(crate) injector: Arc<Injector>,
}

/// A way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Failure {
    /// Acts, but never answers.
    Timeout,
    /// Nothing listens.
    Unreachable,
    /// Answers broken JSON.
    Malformed,
    /// Answers less than announced.
    Truncated,
    /// Sends every streamed line twice.
    Duplicate,
    /// Swaps neighbouring streamed lines.
    Reorder,
}

/// A streamed answer.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) count: u32,
    pub(crate) interval: Duration,
    /// The padding and the end of every line, shared by all of them.
    pub(crate) tail: Bytes,
    bytes: usize,
}

/// Milliseconds before the first answer of a command: always the same, or between two bounds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(untagged, expecting = "delay_ms must be a number of milliseconds, or [min, max]")]
enum Delay {
    Fixed(u64),
    Between([u64; 2]),
}

/// The body that sets a vehicle; what is absent goes back to its default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    delay_ms: Option<Delay>,
    fault: Option<Failure>,
    parts: Option<u32>,
    part_bytes: Option<usize>,
    part_interval_ms: Option<u64>,
    online: Option<bool>,
    inject: Option<String>,
    seed: Option<u64>,
}

/// Why a draft is no setting.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingError {
    #[error("the body is not a setting: {0}")]
    Json(#[from] serde_json::Error),
    #[error("`delay_ms` must be [min, max] with min <= max <= {MAX_PAUSE_MS}")]
    Delay,
    #[error("`inject`: {0}")]
    Inject(#[from] NoFault),
    #[error("`parts` must be from 1 to {MAX_PARTS}")]
    Parts,
    #[error("`part_bytes` must be at most {MAX_PART_BYTES}")]
    PartBytes,
    #[error("`part_interval_ms` must be at most {MAX_PAUSE_MS}")]
    PartInterval,
}

impl Setting {
    /// The default of a vehicle.
    pub(crate) fn default_of(plan: &Vehicle) -> Self {
        let injector = Arc::new(Injector::new(plan.injection.clone(), 0, &plan.vin));
        let online = !plan.offline;
        Self { delay: Delay::default(), fault: None, parts: None, online, seed: 0, injector }
    }

    /// Reads a setting from JSON; what the body does not say is as the vehicle was built.
    ///
    /// # Errors
    ///
    /// [`SettingError`] names the field that is wrong.
    pub(crate) fn from_json(body: &[u8], plan: &Vehicle) -> Result<Self, SettingError> {
        let draft: Draft = serde_json::from_slice(body)?;
        let delay = draft.delay_ms.unwrap_or_default();
        let online = draft.online.unwrap_or(!plan.offline);
        let seed = draft.seed.unwrap_or_default();
        let injection = match &draft.inject {
            Some(words) => words.parse()?,
            None => plan.injection.clone(),
        };
        let injector = Arc::new(Injector::new(injection, seed, &plan.vin));
        delay.check()?;
        Ok(Self { delay, fault: draft.fault, parts: draft.parts()?, online, seed, injector })
    }

    /// Whether something listens at the vehicle's address.
    pub(crate) fn is_reachable(&self) -> bool {
        self.online && self.fault != Some(Failure::Unreachable)
    }

    /// How long the first answer of this command waits; `None` means not at all.
    pub(crate) fn delay(&self, command: &str) -> Option<Duration> {
        let delay_ms = self.delay.for_command(command);
        (delay_ms > 0).then(|| Duration::from_millis(delay_ms))
    }

    /// The setting as the control API shows it.
    pub(crate) fn shown(&self) -> Value {
        let parts = self.parts.as_ref();
        json!({
            "delay_ms": self.delay,
            "fault": self.fault,
            "parts": parts.map(|parts| parts.count),
            "part_bytes": parts.map(|parts| parts.bytes),
            "part_interval_ms": parts.map(|parts| parts.interval.as_millis()),
            "online": self.online,
            "inject": self.injector.injection().to_string(),
            "seed": self.seed,
        })
    }
}

impl Draft {
    fn parts(&self) -> Result<Option<Parts>, SettingError> {
        let bytes = self.part_bytes.unwrap_or(DEFAULT_PART_BYTES);
        let interval_ms = self.part_interval_ms.unwrap_or(0);
        if bytes > MAX_PART_BYTES {
            return Err(SettingError::PartBytes);
        }
        if interval_ms > MAX_PAUSE_MS {
            return Err(SettingError::PartInterval);
        }
        let Some(count) = self.parts else { return Ok(None) };
        if !(1..=MAX_PARTS).contains(&count) {
            return Err(SettingError::Parts);
        }
        Ok(Some(Parts::new(count, bytes, Duration::from_millis(interval_ms))))
    }
}

impl Parts {
    fn new(count: u32, bytes: usize, interval: Duration) -> Self {
        let padding = "x".repeat(bytes.saturating_sub(PART_FRAME_BYTES));
        Self { count, interval, tail: format!("{padding}\"}}}}\n\n").into(), bytes }
    }
}

impl Delay {
    fn check(self) -> Result<(), SettingError> {
        let (Self::Fixed(max) | Self::Between([_, max])) = self;
        let (Self::Fixed(min) | Self::Between([min, _])) = self;
        if min <= max && max <= MAX_PAUSE_MS { Ok(()) } else { Err(SettingError::Delay) }
    }

    /// Differs from command to command, and is the same for the same command.
    fn for_command(self, command: &str) -> u64 {
        match self {
            Self::Fixed(delay_ms) => delay_ms,
            Self::Between([min, max]) => {
                let mut hasher = DefaultHasher::new();
                command.hash(&mut hasher);
                min + hasher.finish() % (max - min + 1)
            }
        }
    }
}

impl Default for Delay {
    fn default() -> Self {
        Self::Between([500, 1500])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_stays_between_its_bounds() {
        let delay = Delay::Between([20, 22]);
        let mut seen: Vec<u64> = (0..100).map(|id| delay.for_command(&id.to_string())).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [20, 21, 22]);
    }
}
