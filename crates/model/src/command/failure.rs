//! Why a command ended without its final response: one table of codes and texts.
//!
//! Refuses free-form codes: what is not in the table cannot be sent.

use super::{Phase, Risk};
use serde::{Deserialize, Serialize};

/// The stable, machine-readable cause that an `error` event carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// The deadline passed and nothing was ever sent.
    Expired,
    /// The vehicle has no such entity.
    UnknownComponent,
    /// The vehicle's server does not offer this.
    Unsupported,
    /// A condition of the vehicle does not hold.
    Precondition,
    /// The signature of the order was refused.
    Signature,
    /// Somebody else holds the lock.
    Locked,
    /// The vehicle answered with a failure.
    VehicleError,
    /// No connection came about; nothing was sent.
    Unreachable,
    /// The connection or the time ran out after a read was sent.
    Timeout,
    /// The same after anything else was sent: it may have run.
    UnknownOutcome,
    /// The answer was not what SOVD says.
    Malformed,
    /// The answer ended before its final part.
    Truncated,
    /// A part or the whole answer is larger than allowed.
    TooLarge,
    /// Cancelled by a user.
    Cancelled,
    /// A second person forbade it.
    Denied,
    /// It is not what the second person permitted.
    Altered,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 16] = [
        Self::Expired,
        Self::UnknownComponent,
        Self::Unsupported,
        Self::Precondition,
        Self::Signature,
        Self::Locked,
        Self::VehicleError,
        Self::Unreachable,
        Self::Timeout,
        Self::UnknownOutcome,
        Self::Malformed,
        Self::Truncated,
        Self::TooLarge,
        Self::Cancelled,
        Self::Denied,
        Self::Altered,
    ];

    /// The code as stored and sent.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::UnknownComponent => "unknown-component",
            Self::Unsupported => "unsupported",
            Self::Precondition => "precondition",
            Self::Signature => "signature",
            Self::Locked => "locked",
            Self::VehicleError => "vehicle-error",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::UnknownOutcome => "unknown-outcome",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::TooLarge => "too-large",
            Self::Cancelled => "cancelled",
            Self::Denied => "denied",
            Self::Altered => "altered",
        }
    }

    /// The code of a stored word; `None` for a word that no version of ours wrote.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.word() == word)
    }
}

/// The vehicle side said no before it did anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such entity.
    UnknownComponent,
    /// Not offered.
    Unsupported,
    /// A condition does not hold.
    Precondition,
    /// Bad signature.
    Signature,
    /// Locked by somebody else.
    Locked,
}

/// How many characters of a vehicle's words are kept.
const LONGEST: usize = 1000;

/// How and why a command ended without its final response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The terminal phase.
    pub phase: Phase,
    /// The cause.
    pub code: ErrorCode,
    /// The cause in words, for people.
    pub message: String,
}

impl Failure {
    /// The words may be a vehicle's: they become one line that every store takes.
    fn new(phase: Phase, code: ErrorCode, message: impl Into<String>) -> Self {
        let message: String = message.into();
        let printable = |symbol: char| if symbol.is_control() { ' ' } else { symbol };
        Self { phase, code, message: message.chars().map(printable).take(LONGEST).collect() }
    }

    /// Provably never executed.
    pub(super) fn expired() -> Self {
        Self::new(Phase::Expired, ErrorCode::Expired, "Vehicle did not become available in time")
    }

    /// No second person permitted it in time.
    pub(super) fn unapproved() -> Self {
        Self::new(Phase::Expired, ErrorCode::Expired, "Nobody approved it in time")
    }

    /// A second person forbade it.
    pub(super) fn denied(by: &str, reason: &str) -> Self {
        Self::new(Phase::Rejected, ErrorCode::Denied, format!("Denied by {by}: {reason}"))
    }

    /// It is not what a second person permitted.
    pub(super) fn altered() -> Self {
        let message = "The command is not the one that was approved";
        Self::new(Phase::Rejected, ErrorCode::Altered, message)
    }

    /// Cancelled before it was sent, or the stop was confirmed.
    pub(super) fn cancelled() -> Self {
        Self::new(Phase::Cancelled, ErrorCode::Cancelled, "Cancelled")
    }

    /// No connection after all attempts; only reads end so.
    pub(super) fn unreachable() -> Self {
        Self::new(Phase::Failed, ErrorCode::Unreachable, "Vehicle unreachable")
    }

    /// The vehicle refused before doing anything.
    pub(super) fn refused(refusal: Refusal, message: String) -> Self {
        let code = match refusal {
            Refusal::UnknownComponent => ErrorCode::UnknownComponent,
            Refusal::Unsupported => ErrorCode::Unsupported,
            Refusal::Precondition => ErrorCode::Precondition,
            Refusal::Signature => ErrorCode::Signature,
            Refusal::Locked => ErrorCode::Locked,
        };
        Self::new(Phase::Rejected, code, message)
    }

    /// The vehicle answered with a failure of its own.
    pub(super) fn vehicle(message: String) -> Self {
        Self::new(Phase::Failed, ErrorCode::VehicleError, message)
    }

    /// The connection or the time ran out after sending.
    pub(super) fn lost(risk: Risk) -> Self {
        if risk.is_repeatable() {
            Self::new(Phase::Failed, ErrorCode::Timeout, "Vehicle connection timeout")
        } else {
            Self::new(
                Phase::Unknown,
                ErrorCode::UnknownOutcome,
                "Vehicle connection lost: the command may have run",
            )
        }
    }

    /// An answer came that is of no use; a read failed, anything else may have run.
    pub(super) fn unusable(risk: Risk, code: ErrorCode, message: &str) -> Self {
        let phase = if risk.is_repeatable() { Phase::Failed } else { Phase::Unknown };
        Self::new(phase, code, message)
    }
}
