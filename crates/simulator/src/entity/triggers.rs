//! Triggers: conditions on a resource, and when they fire.
//!
//! Watches nothing: whoever listens brings the values.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Moment;
use crate::shelf::{Kept, Shelf};

/// What makes a trigger fire.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "condition_type")]
pub(crate) enum Condition {
    OnChange,
    OnChangeTo { value: Value },
    EnterRange { lower_bound: f64, upper_bound: f64 },
    LeaveRange { lower_bound: f64, upper_bound: f64 },
}

/// One trigger.
#[derive(Debug, Clone)]
pub(crate) struct Trigger {
    /// The path of the resource, as it was asked for.
    pub(crate) resource: String,
    pub(crate) condition: Condition,
    /// Points into the resource; `None` is what the condition is usually about.
    pub(crate) path: Option<String>,
    pub(crate) is_multishot: bool,
    pub(crate) is_persistent: bool,
    pub(crate) expires: Moment,
    /// What it was last compared with.
    pub(crate) seen: Value,
    pub(crate) has_fired: bool,
}

/// The triggers of an entity.
pub(crate) type Triggers = Shelf<Trigger>;

impl Kept for Trigger {
    const KIND: &'static str = "trigger";
    const LIMIT: usize = 8;
}

impl Trigger {
    /// Whether it may still fire.
    pub(crate) fn is_active(&self, now: Moment) -> bool {
        now < self.expires && (self.is_multishot || !self.has_fired)
    }

    /// The word of SOVD for where it stands.
    pub(crate) fn status(&self, now: Moment) -> &'static str {
        if self.is_active(now) { "active" } else { "terminated" }
    }

    /// The part of a resource that the condition is about.
    pub(crate) fn watched(&self, resource: &Value) -> Value {
        let path = self.path.as_deref().unwrap_or("/data");
        let part = resource.pointer(path);
        // Without a path a resource without data, such as a list of faults, is watched as a whole.
        let whole = || if self.path.is_none() { resource.clone() } else { Value::Null };
        part.cloned().unwrap_or_else(whole)
    }

    /// Compares with what was there before; true if it fires.
    pub(crate) fn judge(&mut self, resource: &Value) -> bool {
        let value = self.watched(resource);
        let before = std::mem::replace(&mut self.seen, value);
        let fires = self.condition.is_met(&before, &self.seen);
        self.has_fired |= fires;
        fires
    }
}

impl Condition {
    fn is_met(&self, before: &Value, now: &Value) -> bool {
        match self {
            Self::OnChange => before != now,
            Self::OnChangeTo { value } => !is_same(before, value) && is_same(now, value),
            Self::EnterRange { lower_bound, upper_bound } => {
                let inside = |value| within(value, *lower_bound, *upper_bound);
                !inside(before) && inside(now)
            }
            Self::LeaveRange { lower_bound, upper_bound } => {
                let inside = |value| within(value, *lower_bound, *upper_bound);
                inside(before) && !inside(now)
            }
        }
    }
}

/// 780 and 780.0 are one value.
fn is_same(left: &Value, right: &Value) -> bool {
    left == right || left.as_f64().is_some_and(|left| right.as_f64() == Some(left))
}

fn within(value: &Value, low: f64, high: f64) -> bool {
    value.as_f64().is_some_and(|value| (low..=high).contains(&value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fires(condition: Condition, values: &[i32]) -> Vec<bool> {
        let mut trigger = Trigger {
            resource: String::new(),
            condition,
            path: None,
            is_multishot: true,
            is_persistent: false,
            expires: Moment::default(),
            seen: json!(values[0]),
            has_fired: false,
        };
        values[1..].iter().map(|value| trigger.judge(&json!({"data": value}))).collect()
    }

    #[test]
    fn a_range_is_entered_and_left_once() {
        let (lower_bound, upper_bound) = (10.0, 20.0);
        let enter = Condition::EnterRange { lower_bound, upper_bound };
        assert_eq!(fires(enter, &[5, 15, 16, 25]), [true, false, false]);
        let leave = Condition::LeaveRange { lower_bound, upper_bound };
        assert_eq!(fires(leave, &[5, 15, 16, 25]), [false, false, true]);
    }

    #[test]
    fn a_change_to_a_value_is_not_its_staying() {
        let condition = Condition::OnChangeTo { value: json!(7.0) };
        assert_eq!(fires(condition, &[1, 7, 7, 2, 7]), [true, false, false, true]);
    }
}
