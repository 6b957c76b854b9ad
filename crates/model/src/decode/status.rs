//! The status byte of a trouble code (ISO 14229-1, annex D.2), whichever way a server spells it.
//!
//! Refuses to fill gaps: a bit that the server does not mention is unknown, not zero.

use super::{byte, folded, hex_byte, member};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A bit of the status byte; its position is its discriminant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StatusBit {
    /// The most recent test failed.
    TestFailed,
    /// A test failed in this operation cycle.
    TestFailedThisOperationCycle,
    /// A test failed in this operation cycle or the last one that was complete.
    Pending,
    /// Failed often enough to be kept.
    Confirmed,
    /// No test was completed since faults were cleared.
    TestNotCompletedSinceLastClear,
    /// A test failed since faults were cleared.
    TestFailedSinceLastClear,
    /// No test was completed in this operation cycle.
    TestNotCompletedThisOperationCycle,
    /// The driver shall be warned.
    WarningIndicatorRequested,
}

impl StatusBit {
    /// Every bit, from the lowest on.
    pub const ALL: [Self; 8] = [
        Self::TestFailed,
        Self::TestFailedThisOperationCycle,
        Self::Pending,
        Self::Confirmed,
        Self::TestNotCompletedSinceLastClear,
        Self::TestFailedSinceLastClear,
        Self::TestNotCompletedThisOperationCycle,
        Self::WarningIndicatorRequested,
    ];

    /// Its key in a fault's status.
    pub fn key(self) -> &'static str {
        match self {
            Self::TestFailed => "testFailed",
            Self::TestFailedThisOperationCycle => "testFailedThisOperationCycle",
            Self::Pending => "pendingDtc",
            Self::Confirmed => "confirmedDtc",
            Self::TestNotCompletedSinceLastClear => "testNotCompletedSinceLastClear",
            Self::TestFailedSinceLastClear => "testFailedSinceLastClear",
            Self::TestNotCompletedThisOperationCycle => "testNotCompletedThisOperationCycle",
            Self::WarningIndicatorRequested => "warningIndicatorRequested",
        }
    }

    /// What servers call it, folded.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::TestFailed => &["testfailed", "active"],
            Self::TestFailedThisOperationCycle => {
                &["testfailedthisoperationcycle", "testfailedthismonitoringcycle"]
            }
            Self::Pending => &["pendingdtc", "pending"],
            Self::Confirmed => &["confirmeddtc", "confirmed"],
            Self::TestNotCompletedSinceLastClear => &["testnotcompletedsincelastclear"],
            Self::TestFailedSinceLastClear => &["testfailedsincelastclear"],
            Self::TestNotCompletedThisOperationCycle => {
                &["testnotcompletedthisoperationcycle", "testnotcompletedthismonitoringcycle"]
            }
            Self::WarningIndicatorRequested => &["warningindicatorrequested", "warningindicator"],
        }
    }

    fn mask(self) -> u8 {
        1 << self as u8
    }
}

/// Where a fault stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It is there now: its most recent test failed.
    Active,
    /// It is kept, and the server does not say whether it is there now.
    Confirmed,
    /// It has been there, not often enough to be kept.
    Pending,
    /// It is kept, and no longer there.
    History,
}

impl Class {
    /// Every class, what is there now first.
    pub const ALL: [Self; 4] = [Self::Active, Self::Confirmed, Self::Pending, Self::History];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Confirmed => "confirmed",
            Self::Pending => "pending",
            Self::History => "history",
        }
    }

    /// The class of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.word() == word)
    }
}

/// The eight bits of a fault's status, each set, not set, or not mentioned.
///
/// Serialised as the eight keys of SOVD with `true`, `false` or `null`, and `mask` (`"0x2F"`), which
/// is `null` unless all eight are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status {
    set: u8,
    known: u8,
}

impl Status {
    /// All eight bits, from the byte itself.
    pub fn of_byte(byte: u8) -> Self {
        Self { set: byte, known: u8::MAX }
    }

    /// The status as a server gives it: an object of keys, a `mask`, or both; a bare mask (a number,
    /// or hex digits); or the word of a single key. `None` if it mentions no bit.
    ///
    /// A key says more than the mask beside it.
    pub fn read(value: &Value) -> Option<Self> {
        let status = match value {
            Value::Object(members) => Self::of_members(members),
            Value::String(word) => return Self::of_word(word.trim()),
            Value::Number(_) => return byte(value).map(Self::of_byte),
            Value::Null | Value::Bool(_) | Value::Array(_) => return None,
        };
        (status.known != 0).then_some(status)
    }

    /// Whether a bit is set; `None` if the server does not mention it.
    pub fn get(self, bit: StatusBit) -> Option<bool> {
        (self.known & bit.mask() != 0).then_some(self.set & bit.mask() != 0)
    }

    /// The byte; `None` unless all bits are known.
    pub fn byte(self) -> Option<u8> {
        (self.known == u8::MAX).then_some(self.set)
    }

    /// Where the fault stands; `None` if it neither is there, nor is kept, nor pending, as far as the
    /// server says.
    pub fn class(self) -> Option<Class> {
        let is = |bit| self.get(bit) == Some(true);
        if is(StatusBit::TestFailed) {
            Some(Class::Active)
        } else if is(StatusBit::Confirmed) {
            let is_over = self.get(StatusBit::TestFailed) == Some(false);
            Some(if is_over { Class::History } else { Class::Confirmed })
        } else if is(StatusBit::Pending) {
            Some(Class::Pending)
        } else {
            None
        }
    }

    /// The furthest that the fault has come, in the word of the older clients.
    pub fn word(self) -> &'static str {
        let words = [
            (StatusBit::Confirmed, "confirmed"),
            (StatusBit::Pending, "pending"),
            (StatusBit::TestFailed, "active"),
        ];
        let furthest = words.into_iter().find(|(bit, _)| self.get(*bit) == Some(true));
        furthest.map_or("stored", |(_, word)| word)
    }

    fn of_members(members: &Map<String, Value>) -> Self {
        let mask = member(members, &["mask", "statusbyte"]).and_then(byte);
        let given = mask.map_or(Self { set: 0, known: 0 }, Self::of_byte);
        StatusBit::ALL.into_iter().fold(given, |status, bit| {
            member(members, bit.names())
                .and_then(flag)
                .map_or(status, |flag| status.with(bit, flag))
        })
    }

    fn of_word(word: &str) -> Option<Self> {
        let name = folded(word);
        let bit = StatusBit::ALL.into_iter().find(|bit| bit.names().contains(&name.as_str()));
        bit.map(|bit| Self { set: 0, known: 0 }.with(bit, true))
            .or_else(|| hex_byte(word).map(Self::of_byte))
    }

    fn with(self, bit: StatusBit, flag: bool) -> Self {
        let set = if flag { self.set | bit.mask() } else { self.set & !bit.mask() };
        Self { set, known: self.known | bit.mask() }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(StatusBit::ALL.len() + 1))?;
        members.serialize_entry("mask", &self.byte().map(|byte| format!("0x{byte:02X}")))?;
        for bit in StatusBit::ALL {
            members.serialize_entry(bit.key(), &self.get(bit))?;
        }
        members.end()
    }
}

/// Yes or no, in the ways in which servers say it.
fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_u64()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        Value::String(word) => match word.trim().to_ascii_lowercase().as_str() {
            "0" | "false" => Some(false),
            "1" | "true" => Some(true),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(value: &Value) -> Status {
        Status::read(value).unwrap()
    }

    #[test]
    fn a_mask_is_read_in_every_notation() {
        for mask in [json!("2F"), json!("0x2F"), json!("0X2f"), json!(47)] {
            assert_eq!(read(&json!({ "mask": mask })), Status::of_byte(0x2F), "{mask}");
            assert_eq!(read(&mask), Status::of_byte(0x2F), "{mask}");
        }
    }

    #[test]
    fn keys_are_read_in_every_spelling() {
        for key in ["confirmedDtc", "confirmedDTC", "CONFIRMED_DTC", "confirmed-dtc", "confirmed"] {
            for value in [json!(true), json!(1), json!("true"), json!("1")] {
                let status = read(&json!({ key: value }));
                assert_eq!(status.get(StatusBit::Confirmed), Some(true), "{key}: {value}");
                assert_eq!(status.get(StatusBit::Pending), None);
            }
        }
        let warning = read(&json!({ "warningIndicator": true }));
        assert_eq!(warning.get(StatusBit::WarningIndicatorRequested), Some(true));
    }

    #[test]
    fn a_key_says_more_than_the_mask() {
        let status = read(&json!({ "testFailed": "0", "mask": "09" }));
        assert_eq!(status.byte(), Some(0x08));
    }

    #[test]
    fn each_status_has_its_class() {
        for (status, class) in [
            (json!({ "mask": "0x09" }), Some(Class::Active)),
            (json!({ "testFailed": true }), Some(Class::Active)),
            (json!({ "mask": "0x08" }), Some(Class::History)),
            (json!({ "confirmedDtc": true, "testFailed": false }), Some(Class::History)),
            (json!({ "confirmedDtc": true }), Some(Class::Confirmed)),
            (json!("CONFIRMED"), Some(Class::Confirmed)),
            (json!({ "mask": "0x04" }), Some(Class::Pending)),
            (json!({ "mask": "0x50" }), None),
        ] {
            assert_eq!(read(&status).class(), class, "{status}");
        }
    }

    #[test]
    fn what_mentions_no_bit_is_no_status() {
        for odd in [
            json!(null),
            json!({}),
            json!([]),
            json!(true),
            json!("odd"),
            json!(""),
            json!(256),
            json!("0x"),
            json!({ "mask": "2F0" }),
            json!({ "testFailed": "maybe" }),
            json!("+1"),
        ] {
            assert_eq!(Status::read(&odd), None, "{odd}");
        }
    }

    #[test]
    fn eight_booleans_are_sent_and_the_unknown_ones_are_null() {
        let status = read(&json!({ "pendingDTC": true, "testFailed": false }));
        insta::assert_json_snapshot!(status, @r#"
        {
          "mask": null,
          "testFailed": false,
          "testFailedThisOperationCycle": null,
          "pendingDtc": true,
          "confirmedDtc": null,
          "testNotCompletedSinceLastClear": null,
          "testFailedSinceLastClear": null,
          "testNotCompletedThisOperationCycle": null,
          "warningIndicatorRequested": null
        }
        "#);
    }

    proptest! {
        #[test]
        fn what_is_sent_is_read_again(set: u8, known in 1..=u8::MAX) {
            let status = Status { set: set & known, known };
            prop_assert_eq!(Status::read(&serde_json::to_value(status).unwrap()), Some(status));
        }

        #[test]
        fn a_byte_and_its_notations_are_inverse(byte: u8) {
            for text in [format!("{byte:02X}"), format!("0x{byte:02x}")] {
                prop_assert_eq!(Status::read(&json!(text)).and_then(Status::byte), Some(byte));
            }
        }
    }
}
