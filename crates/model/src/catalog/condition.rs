//! What a vehicle has to be like for a command to run: a value that it tells, and what that has to be.
//!
//! Refuses to guess: what cannot be compared is not as it has to be.

use super::Rule;
use serde_json::Value;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A condition that an installation sets: `R3: components/gateway/data/vehicle_speed = 0`.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Which commands it is for.
    pub rule: Rule,
    /// What they need.
    pub need: StateNeed,
}

/// A value that an entity has to have: `components/gateway/data/vehicle_speed = 0`.
///
/// Where the value of a data item is a document, a JSON pointer behind `#` says which part of it is meant.
#[derive(Debug, Clone, PartialEq)]
pub struct StateNeed {
    /// The path of the entity, such as `components/gateway`.
    pub entity: String,
    /// The data item, such as `vehicle_speed`.
    pub id: String,
    /// A JSON pointer into its value; empty = all of it.
    pub pointer: String,
    test: Test,
    wanted: Wanted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Less,
    AtMost,
    Equal,
    Different,
    AtLeast,
    More,
}

/// What a value is held against. Only numbers have an order.
#[derive(Debug, Clone, PartialEq)]
enum Wanted {
    Number(f64),
    Truth(bool),
    Word(String),
}

/// Why a text is no condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no condition such as R3: components/gateway/data/vehicle_speed = 0")]
pub struct NotACondition;

impl Test {
    /// With their signs; those of two characters before those that they begin with.
    const ALL: [(Self, &'static str); 6] = [
        (Self::AtMost, "<="),
        (Self::AtLeast, ">="),
        (Self::Different, "!="),
        (Self::Less, "<"),
        (Self::More, ">"),
        (Self::Equal, "="),
    ];

    fn sign(self) -> &'static str {
        Self::ALL.iter().find(|(test, _)| *test == self).map_or("", |(_, sign)| sign)
    }

    fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::Different => order.is_ne(),
            Self::AtLeast => order.is_ge(),
            Self::More => order.is_gt(),
        }
    }

    fn is_about_order(self) -> bool {
        !matches!(self, Self::Equal | Self::Different)
    }
}

impl FromStr for Condition {
    type Err = NotACondition;

    fn from_str(text: &str) -> Result<Self, NotACondition> {
        let (rule, need) = text.split_once(':').ok_or(NotACondition)?;
        let rule = rule.trim().parse().map_err(|_| NotACondition)?;
        Ok(Self { rule, need: need.parse()? })
    }
}

impl FromStr for StateNeed {
    type Err = NotACondition;

    fn from_str(text: &str) -> Result<Self, NotACondition> {
        let (place, rest) = text.trim().split_once(' ').ok_or(NotACondition)?;
        let (place, pointer) = place.split_once('#').unwrap_or((place, ""));
        let (entity, id) = place.rsplit_once("/data/").ok_or(NotACondition)?;
        let is_name = |name: &str| {
            !name.is_empty() && !name.chars().any(|it| it.is_control() || it.is_whitespace())
        };
        let is_pointer = pointer.is_empty() || pointer.starts_with('/');
        let rest = rest.trim();
        let found =
            Test::ALL.iter().find_map(|&(test, sign)| Some((test, rest.strip_prefix(sign)?)));
        let (test, wanted) = found.ok_or(NotACondition)?;
        let wanted = Wanted::from(wanted.trim());
        let is_comparable = matches!(wanted, Wanted::Number(_)) || !test.is_about_order();
        if !is_name(entity) || !is_name(id) || !is_pointer || !is_comparable || wanted.is_odd() {
            return Err(NotACondition);
        }
        let (entity, id, pointer) = (entity.to_owned(), id.to_owned(), pointer.to_owned());
        Ok(Self { entity, id, pointer, test, wanted })
    }
}

impl Wanted {
    /// Whether it is nothing, or looks like another sign or a quoted text: no value would ever equal it.
    fn is_odd(&self) -> bool {
        let Self::Word(word) = self else { return false };
        word.is_empty() || word.starts_with(['=', '<', '>', '!', '"', '\''])
    }
}

impl From<&str> for Wanted {
    fn from(text: &str) -> Self {
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        match (text, number) {
            ("true", _) => Self::Truth(true),
            ("false", _) => Self::Truth(false),
            (_, Some(number)) => Self::Number(number),
            (word, None) => Self::Word(word.to_owned()),
        }
    }
}

impl StateNeed {
    /// Whether a value of the data item is as it has to be.
    pub fn is_met_by(&self, value: &Value) -> bool {
        let Some(value) = value.pointer(&self.pointer) else { return false };
        let order = match (&self.wanted, value) {
            (Wanted::Number(wanted), Value::Number(number)) => {
                number.as_f64().and_then(|number| number.partial_cmp(wanted))
            }
            (Wanted::Truth(wanted), Value::Bool(truth)) => Some(truth.cmp(wanted)),
            (Wanted::Word(wanted), Value::String(word)) => Some(word.cmp(wanted)),
            _ => None,
        };
        order.is_some_and(|order| self.test.accepts(order))
    }
}

impl fmt::Display for StateNeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entity, id, pointer, test, wanted } = self;
        let hash = if pointer.is_empty() { "" } else { "#" };
        write!(f, "{entity}/data/{id}{hash}{pointer} {} ", test.sign())?;
        match wanted {
            Wanted::Number(number) => number.fmt(f),
            Wanted::Truth(truth) => truth.fmt(f),
            Wanted::Word(word) => word.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn need(text: &str) -> StateNeed {
        text.parse().unwrap()
    }

    #[test]
    fn a_value_is_held_against_what_it_has_to_be() {
        let is_met =
            |test: &str, value: Value| need(&format!("a/b/data/c {test}")).is_met_by(&value);
        assert!(is_met("= 0", json!(0)) && is_met("=0", json!(0.0)) && is_met("!= 0", json!(1)));
        assert!(
            is_met("<= 5", json!(5)) && !is_met("< 5", json!(5)) && is_met("> -1.5", json!(-1))
        );
        assert!(is_met(">= 12.2", json!(12.2)) && !is_met(">= 12.2", json!(12.1)));
        assert!(is_met("= true", json!(true)) && !is_met("= true", json!(false)));
        assert!(is_met("= parked", json!("parked")) && is_met("!= moving", json!("parked")));
    }

    #[test]
    fn what_cannot_be_compared_is_not_as_it_has_to_be() {
        for value in [json!(null), json!("0"), json!(false), json!([0]), json!({ "value": 0 })] {
            for test in ["= 0", "!= 0", "< 1", ">= 0"] {
                assert!(!need(&format!("a/b/data/c {test}")).is_met_by(&value), "{test} {value}");
            }
        }
        assert!(need("a/b/data/c#/value/0 = 0").is_met_by(&json!({ "value": [0] })));
        assert!(!need("a/b/data/c#/other != 0").is_met_by(&json!({ "value": 1 })));
    }

    #[test]
    fn a_condition_says_for_whom_it_is() {
        let condition: Condition =
            "ClearDTC: components/gateway/data/vehicle_speed = 0".parse().unwrap();
        assert_eq!(condition.rule, "faults.clear".parse().unwrap());
        assert_eq!(condition.need.entity, "components/gateway");
        for wrong in [
            "",
            "R3",
            "R4: a/b/data/c = 0",
            "R3: a/b/c = 0",
            "R3: a/b/data/ = 0",
            "R3: /data/c = 0",
            "R3: a/b/data/c",
            "R3: a/b/data/c 0",
            "R3: a/b/data/c =",
            "R3: a/b/data/c == 0",
            "R3: a/b/data/c !== on",
            "R3: a/b/data/c => 0",
            "R3: a/b/data/c != \"on\"",
            "R3: a/b/data/c = '0'",
            "R3: a/b/data/c < parked",
            "R3: a/b/data/c#value = 0",
            "a/b/data/c = 0",
        ] {
            assert_eq!(wrong.parse::<Condition>(), Err(NotACondition), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_need_reads_as_it_is_written(
            entity in "[a-z]{1,5}(/[a-z_]{1,5}){0,3}",
            id in "[a-z_.0-9]{1,8}",
            pointer in "(/[a-z0-9]{1,3}){0,2}",
            test in "(<|<=|=|!=|>=|>)",
            wanted in -1e9..1e9,
        ) {
            let hash = if pointer.is_empty() { "" } else { "#" };
            let need = need(&format!("{entity}/data/{id}{hash}{pointer} {test} {wanted}"));
            prop_assert_eq!((&need.entity, &need.id, &need.pointer), (&entity, &id, &pointer));
            prop_assert_eq!(need.to_string(), format!("{entity}/data/{id}{hash}{pointer} {test} {wanted}"));
        }

        #[test]
        fn no_text_panics(text: String) {
            drop(text.parse::<Condition>());
        }
    }
}
