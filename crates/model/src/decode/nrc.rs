//! Negative response codes of control units (ISO 14229-1, annex A).
//!
//! Refuses to name a code that belongs to a maker, or to nobody.

use super::byte;
use automotive_diag::uds::UdsError;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use serde_json::Value;

/// A negative response code.
///
/// Serialised as `{"code": "0x22", "name": "conditionsNotCorrect", "text": "conditions not correct"}`;
/// without a name `name` is `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nrc(u8);

impl Nrc {
    /// The code of this byte.
    pub fn new(code: u8) -> Self {
        Self(code)
    }

    /// The byte.
    pub fn code(self) -> u8 {
        self.0
    }

    /// Its name in the standard; `None` for one that belongs to a maker, or to nobody.
    pub fn name(self) -> Option<String> {
        let named = UdsError::from_repr(self.0).map(|error| format!("{error:?}"));
        let name = named.or_else(|| newer(self.0).map(str::to_owned))?;
        let mut letters = name.chars();
        let first = letters.next()?.to_ascii_lowercase();
        Some(std::iter::once(first).chain(letters).collect())
    }

    /// Its name as words, or that it is unknown.
    pub fn text(self) -> String {
        self.name().map_or_else(
            || format!("unknown negative response code 0x{:02X}", self.0),
            |it| words(&it),
        )
    }
}

impl Serialize for Nrc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Nrc", 3)?;
        fields.serialize_field("code", &format!("0x{:02X}", self.0))?;
        fields.serialize_field("name", &self.name())?;
        fields.serialize_field("text", &self.text())?;
        fields.end()
    }
}

/// The codes in the `parameters` of an error: its member `nrc`, a number or hex digits, or a list of
/// them. Empty if there is none.
pub fn nrcs(parameters: &Value) -> Vec<Nrc> {
    match parameters.get("nrc") {
        Some(Value::Array(codes)) => codes.iter().filter_map(byte).map(Nrc).collect(),
        Some(code) => byte(code).map(Nrc).into_iter().collect(),
        None => Vec::new(),
    }
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

/// `conditionsNotCorrect` as `conditions not correct`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn codes_of_the_standard_have_a_name_and_a_text() {
        for (code, name, text) in [
            (0x10, "generalReject", "general reject"),
            (0x22, "conditionsNotCorrect", "conditions not correct"),
            (0x34, "authenticationRequired", "authentication required"),
            (0x7F, "serviceNotSupportedInActiveSession", "service not supported in active session"),
            (0x81, "rpmTooHigh", "rpm too high"),
            (0x94, "resourceTemporarilyNotAvailable", "resource temporarily not available"),
        ] {
            assert_eq!(Nrc::new(code).name().as_deref(), Some(name));
            assert_eq!(Nrc::new(code).text(), text);
        }
    }

    #[test]
    fn a_makers_code_has_no_name() {
        let code = serde_json::to_value(Nrc::new(0xF1)).unwrap();
        let text = "unknown negative response code 0xF1";
        assert_eq!(code, json!({ "code": "0xF1", "name": null, "text": text }));
    }

    #[test]
    fn codes_come_as_a_number_as_text_or_as_a_list() {
        let codes = |nrc: Value| nrcs(&json!({ "service": "0x14", "nrc": nrc }));
        assert_eq!(codes(json!(34)), [Nrc(0x22)]);
        assert_eq!(codes(json!("0x31")), [Nrc(0x31)]);
        assert_eq!(codes(json!(["0x22", "7F", 16])), [Nrc(0x22), Nrc(0x7F), Nrc(0x10)]);
        for odd in [json!(null), json!(256), json!(-1), json!("x"), json!({}), json!(["0x", 1.5])] {
            assert_eq!(codes(odd), []);
        }
        assert_eq!(nrcs(&json!("no object")), []);
    }
}
