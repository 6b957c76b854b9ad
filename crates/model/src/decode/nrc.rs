//! Negative response codes of control units (ISO 14229-1, annex A).
//!
//! Refuses to name a code that belongs to a maker, or to nobody.

use automotive_diag::uds::UdsError;

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
    fn a_makers_code_has_no_name() {
        assert_eq!(Nrc::new(0xF1).name(), None);
    }
}
