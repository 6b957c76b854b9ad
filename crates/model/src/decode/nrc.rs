//! Negative response codes of control units (ISO 14229-1, annex A).
//!
//! Refuses to name a code that belongs to a maker, or to nobody.

use super::{byte, folded};
use automotive_diag::uds::UdsError;
use serde::Serialize;
use serde_json::Value;

/// A negative response code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nrc(u8);

impl Nrc {
    /// The code of this byte.
    pub fn new(code: u8) -> Self {
        Self(code)
    }

    /// Its name in the standard; `None` for one that belongs to a maker, or to nobody.
    pub fn name(self) -> Option<String> {
        let named = UdsError::from_repr(self.0).map(|error| format!("{error:?}"));
        let name = named.or_else(|| newer(self.0).map(str::to_owned))?;
        let mut letters = name.chars();
        let first = letters.next()?.to_ascii_lowercase();
        Some(std::iter::once(first).chain(letters).collect())
    }
}

/// A negative response code, and its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecodedNrc {
    /// For example `0x22`.
    pub code: String,
    /// See [`Nrc::name`].
    pub name: Option<String>,
}

impl From<Nrc> for DecodedNrc {
    fn from(nrc: Nrc) -> Self {
        Self { code: format!("0x{:02X}", nrc.0), name: nrc.name() }
    }
}

/// The negative responses that a document names as such, each once: a member `nrc` that is a number, hex
/// digits, or a list of them, however deep.
pub fn nrcs(document: &Value) -> Vec<DecodedNrc> {
    let mut found = Vec::new();
    collect(document, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<DecodedNrc>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if folded(name) == "nrc" {
                    add(member, found);
                } else {
                    collect(member, found);
                }
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| collect(entry, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn add(value: &Value, found: &mut Vec<DecodedNrc>) {
    if let Value::Array(entries) = value {
        return entries.iter().for_each(|entry| add(entry, found));
    }
    let decoded = byte(value).map(|code| DecodedNrc::from(Nrc::new(code)));
    found.extend(decoded.filter(|decoded| !found.contains(decoded)));
}

/// What the edition of 2020 added: authentication and secured data.
fn newer(code: u8) -> Option<&'static str> {
    Some(match code {
        0x34 => "authenticationRequired",
        0x38 => "secureDataTransmissionRequired",
        0x39 => "secureDataTransmissionNotAllowed",
        0x3A => "secureDataVerificationFailed",
        0x50 => "certificateVerificationFailedInvalidTimePeriod",
        0x51 => "certificateVerificationFailedInvalidSignature",
        0x52 => "certificateVerificationFailedInvalidChainOfTrust",
        0x53 => "certificateVerificationFailedInvalidType",
        0x54 => "certificateVerificationFailedInvalidFormat",
        0x55 => "certificateVerificationFailedInvalidContent",
        0x56 => "certificateVerificationFailedInvalidScope",
        0x57 => "certificateVerificationFailedInvalidCertificate",
        0x58 => "ownershipVerificationFailed",
        0x59 => "challengeCalculationFailed",
        0x5A => "settingAccessRightsFailed",
        0x5B => "sessionKeyCreationDerivationFailed",
        0x5C => "configurationDataUsageFailed",
        0x5D => "deAuthenticationFailed",
        0x94 => "resourceTemporarilyNotAvailable",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_standard_have_a_name() {
        for (code, name) in [
            (0x10, "generalReject"),
            (0x22, "conditionsNotCorrect"),
            (0x34, "authenticationRequired"),
            (0x7F, "serviceNotSupportedInActiveSession"),
            (0x81, "rpmTooHigh"),
            (0x94, "resourceTemporarilyNotAvailable"),
        ] {
            assert_eq!(Nrc::new(code).name().as_deref(), Some(name));
        }
    }

    #[test]
    fn each_negative_response_of_a_document_is_found_once() {
        let document = serde_json::json!({
            "error": [{ "path": "/", "error": { "parameters": { "service": "0x31", "nrc": 34 } } }],
            "nrc": ["0x22", "0xF1"], "parameters": { "NRC": null, "data": "7F3122" },
        });
        let found = nrcs(&document);
        let names: Vec<_> = found.iter().map(|it| (it.code.as_str(), it.name.as_deref())).collect();
        assert_eq!(names, [("0x22", Some("conditionsNotCorrect")), ("0xF1", None)]);
    }

    #[test]
    fn a_makers_code_has_no_name() {
        assert_eq!(Nrc::new(0xF1).name(), None);
    }
}
