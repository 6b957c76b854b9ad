//! A fault, decoded: its trouble code, its status, how bad it is.
//!
//! Refuses to describe a code: the text of a fault is the vehicle's own.

use super::{Class, FailureType, Status, folded, member};
use crate::dtc::Dtc;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a fault's document says in codes; what is absent could not be decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DecodedFault {
    /// Its trouble code; `None` if it has none in a notation of the standards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtc: Option<DecodedDtc>,
    /// Its status; `None` if the server mentions no bit of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Where it stands; `None` if the status does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// How bad it is; `None` if the server does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

/// A trouble code in all its notations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecodedDtc {
    /// As people write it, with the failure type if that is known: `P0420-13`.
    pub code: String,
    /// As people write it, without the failure type: `P0420`.
    pub display_code: String,
    /// Its three bytes, `042013`; `None` if the failure type is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    /// `powertrain`, `chassis`, `body` or `network`.
    pub system: &'static str,
    /// How the fault shows; `None` if the notation had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_type: Option<FailureType>,
}

/// How bad a fault is, by the words that SOVD has for its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// 1.
    Fatal,
    /// 2.
    Error,
    /// 3.
    Warn,
    /// 4.
    Info,
}

/// What people call a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFault {
    /// Its trouble code without the failure type, or else the server's own code.
    pub code: String,
    /// What is wrong; `None` if the server gave no text.
    pub text: Option<String>,
}

/// The name of a fault in a list; `None` for what is none.
pub fn named(document: &Value) -> Option<NamedFault> {
    let members = document.as_object()?;
    let own = |names| member(members, names).and_then(Value::as_str).map(str::to_owned);
    let code = match trouble_code(members) {
        Some(dtc) => dtc.without_failure_type().to_string(),
        None => own(&["displaycode"]).or_else(|| own(&["code", "faultcode", "dtc", "id"]))?,
    };
    let text = own(&["faultname", "name", "message"]).filter(|text| !text.is_empty());
    Some(NamedFault { code, text })
}

/// Decodes a fault, wrapped in `item` or not.
pub fn fault(document: &Value) -> DecodedFault {
    let Some(members) = document.get("item").unwrap_or(document).as_object() else {
        return DecodedFault::default();
    };
    let status = member(members, &["status"]).and_then(Status::read);
    DecodedFault {
        dtc: trouble_code(members).map(DecodedDtc::from),
        status,
        class: status.and_then(Status::class),
        severity: member(members, &["severity"]).and_then(Severity::read),
    }
}

/// The code for people, or else the server's own; of two that agree, the one with a failure type.
fn trouble_code(members: &Map<String, Value>) -> Option<Dtc> {
    let read = |names| member(members, names).and_then(notation);
    let shown = read(&["displaycode"]);
    let own = read(&["code", "faultcode", "dtc", "id"]);
    match (shown, own) {
        (Some(shown), Some(own)) if shown.failure_type().is_none() && own.matches(shown) => {
            Some(own)
        }
        (shown, own) => shown.or(own),
    }
}

/// A code in any notation; a number is its three bytes.
fn notation(code: &Value) -> Option<Dtc> {
    match code {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => {
            let [0, bytes @ ..] = u32::try_from(number.as_u64()?).ok()?.to_be_bytes() else {
                return None;
            };
            Some(Dtc::from(bytes))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

impl From<Dtc> for DecodedDtc {
    fn from(dtc: Dtc) -> Self {
        Self {
            code: dtc.to_string(),
            display_code: dtc.without_failure_type().to_string(),
            hex: dtc.failure_type().map(|_| dtc.hex()),
            system: dtc.system_name(),
            failure_type: dtc.failure_type().map(FailureType::new),
        }
    }
}

impl Severity {
    /// The severity of a number (1 to 4), or of a word in any case, also in its long form.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::of_number(number.as_u64()?),
            Value::String(text) => Self::of_word(text),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Its number in SOVD: 1 is the worst.
    pub fn number(self) -> u8 {
        match self {
            Self::Fatal => 1,
            Self::Error => 2,
            Self::Warn => 3,
            Self::Info => 4,
        }
    }

    /// The severity of a number; `None` beyond 4.
    pub fn of_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Fatal),
            2 => Some(Self::Error),
            3 => Some(Self::Warn),
            4 => Some(Self::Info),
            _ => None,
        }
    }

    fn of_word(text: &str) -> Option<Self> {
        let folded = folded(text);
        let word = folded.strip_prefix("severity").unwrap_or(&folded);
        match word {
            "fatal" | "critical" => Some(Self::Fatal),
            "error" => Some(Self::Error),
            "warn" | "warning" => Some(Self::Warn),
            "info" | "information" => Some(Self::Info),
            number => Self::of_number(number.parse().ok()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn codes(document: &Value) -> Option<(String, Option<String>)> {
        fault(document).dtc.map(|dtc| (dtc.code, dtc.failure_type.map(FailureType::text)))
    }

    #[test]
    fn a_trouble_code_is_found_in_every_notation() {
        let open = Some("circuit open".to_owned());
        let with = Some(("P0420-13".to_owned(), open));
        for document in [
            json!({ "code": "042013" }),
            json!({ "code": "0x042013" }),
            json!({ "code": "04 20 13" }),
            json!({ "code": 0x04_2013 }),
            json!({ "fault_code": "p0420-13" }),
            json!({ "code": "X1", "display_code": "P042013" }),
            json!({ "code": "042013", "display_code": "P0420" }),
            json!({ "item": { "id": "042013", "displayCode": null } }),
        ] {
            assert_eq!(codes(&document), with, "{document}");
        }
        let without = Some(("U0100".to_owned(), None));
        assert_eq!(codes(&json!({ "code": "012345", "display_code": "U0100" })), without);
    }

    #[test]
    fn severities_are_read_as_numbers_and_as_words() {
        for (severity, expected) in [
            (json!(1), Some(Severity::Fatal)),
            (json!("CRITICAL"), Some(Severity::Fatal)),
            (json!("2"), Some(Severity::Error)),
            (json!("SEVERITY_WARN"), Some(Severity::Warn)),
            (json!("Warning"), Some(Severity::Warn)),
            (json!("info"), Some(Severity::Info)),
            (json!(7), None),
            (json!("bad"), None),
        ] {
            assert_eq!(fault(&json!({ "severity": severity })).severity, expected, "{severity}");
        }
    }

    #[test]
    fn a_decoded_fault_keeps_its_shape() {
        let document = json!({ "code": "403123", "display_code": "C0031", "fault_name": "wheel speed", "severity": 2,
            "status": { "mask": "0x2F" } });
        insta::assert_json_snapshot!(fault(&document), @r#"
        {
          "dtc": {
            "code": "C0031-23",
            "display_code": "C0031",
            "hex": "403123",
            "system": "chassis",
            "failure_type": {
              "code": "0x23",
              "text": "signal stuck low"
            }
          },
          "status": {
            "mask": "0x2F",
            "testFailed": true,
            "testFailedThisOperationCycle": true,
            "pendingDtc": true,
            "confirmedDtc": true,
            "testNotCompletedSinceLastClear": false,
            "testFailedSinceLastClear": true,
            "testNotCompletedThisOperationCycle": false,
            "warningIndicatorRequested": false
          },
          "class": "active",
          "severity": "error"
        }
        "#);
    }

    #[test]
    fn a_fault_goes_by_its_trouble_code_and_else_by_its_own() {
        let name = |document: Value| named(&document).map(|it| (it.code, it.text));
        let p0420 = |text: Option<&str>| Some(("P0420".to_owned(), text.map(str::to_owned)));
        assert_eq!(name(json!({ "code": "042013", "fault_name": "Cat" })), p0420(Some("Cat")));
        assert_eq!(name(json!({ "code": "0x042000", "display_code": "P0420" })), p0420(None));
        let own = json!({ "fault_code": "MOTOR_HOT", "message": "" });
        assert_eq!(name(own), Some(("MOTOR_HOT".to_owned(), None)));
        assert_eq!(name(json!({ "severity": 1 })), None);
        assert_eq!(name(json!("P0420")), None);
    }

    #[test]
    fn what_is_odd_is_not_decoded() {
        for odd in [
            json!(null),
            json!("P0420"),
            json!([{ "code": "P0420" }]),
            json!({ "item": 1 }),
            json!({ "code": ["P0420"], "status": [true], "severity": {} }),
            json!({ "code": 0x0100_0000, "status": "?", "severity": 0 }),
            json!({ "code": -1, "severity": -1 }),
        ] {
            assert_eq!(fault(&odd), DecodedFault::default(), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn a_decoded_code_is_read_again_from_each_of_its_notations(bytes: [u8; 3]) {
            let decoded = DecodedDtc::from(Dtc::from(bytes));
            for notation in [Some(&decoded.code), decoded.hex.as_ref()].into_iter().flatten() {
                prop_assert_eq!(fault(&json!({ "code": notation })).dtc, Some(decoded.clone()));
            }
        }

        #[test]
        fn no_text_panics(code: String, status: String, severity: String) {
            fault(&json!({ "code": code, "status": status, "severity": severity }));
        }
    }
}
