//! What a figure has to be, and what it should be.
//!
//! Refuses to bend: a value that misses its goal says so in the table.

use serde_json::{Value, json};

/// A goal in the unit of its quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Goal {
    is_floor: bool,
    must: f64,
    aim: f64,
}

impl Goal {
    /// More is better.
    pub(crate) fn at_least(must: f64, aim: f64) -> Self {
        Self { is_floor: true, must, aim }
    }

    /// Less is better.
    pub(crate) fn at_most(must: f64, aim: f64) -> Self {
        Self { is_floor: false, must, aim }
    }

    /// What has to be reached, and what should be, in words.
    pub(crate) fn words(self, short: impl Fn(f64) -> String) -> [String; 2] {
        let sign = if self.is_floor { "≥" } else { "≤" };
        [self.must, self.aim].map(|bound| format!("{sign} {}", short(bound)))
    }

    /// How far a value comes.
    pub(crate) fn verdict(self, value: f64) -> &'static str {
        if self.is_met(value, self.aim) {
            "aim"
        } else if self.is_met(value, self.must) {
            "must"
        } else {
            "**missed**"
        }
    }

    /// As in files.
    pub(crate) fn json(self) -> Value {
        json!({ "better": if self.is_floor { "more" } else { "less" }, "must": self.must, "aim": self.aim })
    }

    fn is_met(self, value: f64, bound: f64) -> bool {
        if self.is_floor { value >= bound } else { value <= bound }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_as_far_as_the_goal_it_meets() {
        let (rate, delay) = (Goal::at_least(3.0, 10.0), Goal::at_most(6.0, 3.0));
        assert_eq!([2.0, 3.0, 10.0].map(|it| rate.verdict(it)), ["**missed**", "must", "aim"]);
        assert_eq!([7.0, 6.0, 3.0].map(|it| delay.verdict(it)), ["**missed**", "must", "aim"]);
    }
}
