//! The status of a fault, from keys, a mask or a word.
//! Refuses to judge: it says which bits are set, not whether they matter.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::fields;

/// The status bits of UDS from the lowest on, by the names that servers give them.
const BITS: [&[&str]; 8] = [
    &["testfailed", "active"],
    &["testfailedthisoperationcycle"],
    &["pendingdtc", "pending"],
    &["confirmeddtc", "confirmed"],
    &["testnotcompletedsincelastclear"],
    &["testfailedsincelastclear"],
    &["testnotcompletedthisoperationcycle"],
    &["warningindicatorrequested", "warningindicator"],
];

/// The status of a fault, whichever way the server spells it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultStatus(BTreeMap<String, Value>);

impl FaultStatus {
    /// Whether the fault is present now.
    pub fn is_active(&self) -> bool {
        self.bits().test_failed()
    }

    /// Whether the fault is confirmed.
    pub fn is_confirmed(&self) -> bool {
        self.bits().confirmed()
    }

    /// Whether the fault has occurred, but not often enough to be confirmed.
    pub fn is_pending(&self) -> bool {
        self.bits().pending()
    }

    /// Where the fault stands in one word: the furthest that it has come.
    pub fn word(&self) -> &'static str {
        if self.is_confirmed() {
            "confirmed"
        } else if self.is_pending() {
            "pending"
        } else if self.is_active() {
            "active"
        } else {
            "stored"
        }
    }

    /// The UDS status byte: single keys where the server gives them, its own mask for the rest.
    pub fn mask(&self) -> u8 {
        self.bits().0
    }

    /// The UDS status byte bit by bit; `None` if the server said nothing that one could be made of,
    /// as one whose entity is no classic control unit.
    pub fn byte(&self) -> Option<StatusByte> {
        let said = self.given().is_some() || BITS.iter().any(|names| self.flag(names).is_some());
        said.then(|| self.bits())
    }

    /// One key of the status, found without regard to upper and lower case.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(&key.to_ascii_lowercase())
    }

    pub(crate) fn decode(value: Value) -> Self {
        match value {
            Value::Object(keys) => Self(
                keys.into_iter().map(|(key, value)| (key.to_ascii_lowercase(), value)).collect(),
            ),
            // A mere word says what the single key would.
            Value::String(word) => {
                Self(BTreeMap::from([(word.to_ascii_lowercase(), Value::Bool(true))]))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Self::default(),
        }
    }

    fn bits(&self) -> StatusByte {
        let given = self.given().unwrap_or_default();
        StatusByte(BITS.iter().enumerate().fold(
            given,
            |mask, (index, names)| match self.flag(names) {
                Some(true) => mask | 1 << index,
                Some(false) => mask & !(1 << index),
                None => mask,
            },
        ))
    }

    fn given(&self) -> Option<u8> {
        let mask = self.0.get("mask").and_then(fields::code);
        mask.and_then(|mask| u8::try_from(mask).ok())
    }

    fn flag(&self, names: &[&str]) -> Option<bool> {
        names.iter().find_map(|name| self.0.get(*name).and_then(fields::flag))
    }
}

/// The status byte of a fault as UDS (ISO 14229) defines it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct StatusByte(pub u8);

impl StatusByte {
    /// The last test failed: the fault is present now.
    pub fn test_failed(self) -> bool {
        self.bit(0)
    }

    /// A test failed in this operation cycle.
    pub fn test_failed_this_operation_cycle(self) -> bool {
        self.bit(1)
    }

    /// It failed in this or the last operation cycle, and is not confirmed by that alone.
    pub fn pending(self) -> bool {
        self.bit(2)
    }

    /// It failed often enough to be stored for long.
    pub fn confirmed(self) -> bool {
        self.bit(3)
    }

    /// No test has come to its end since faults were cleared.
    pub fn test_not_completed_since_last_clear(self) -> bool {
        self.bit(4)
    }

    /// A test failed since faults were cleared.
    pub fn test_failed_since_last_clear(self) -> bool {
        self.bit(5)
    }

    /// No test has come to its end in this operation cycle.
    pub fn test_not_completed_this_operation_cycle(self) -> bool {
        self.bit(6)
    }

    /// The control unit asks for its warning lamp.
    pub fn warning_indicator_requested(self) -> bool {
        self.bit(7)
    }

    fn bit(self, index: u8) -> bool {
        self.0 >> index & 1 == 1
    }
}

impl fmt::Display for StatusByte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02X}", self.0)
    }
}
