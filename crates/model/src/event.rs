//! The events of a command: the exact JSON that every client sees, over every way out.
//!
//! Refuses a second form: a frame is encoded here once, stored as text, and sent as stored.

use crate::Timestamp;
use crate::command::{ErrorCode, Phase, Status};
use crate::id::{CommandId, ResponseId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What an event tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One part of the vehicle's answer.
    Response,
    /// Why the command will not be completed; the terminal status follows.
    Error,
    /// A change of state after which more follows.
    Status,
    /// The terminal status: nothing follows.
    End,
}

impl Kind {
    /// The kind as stored.
    pub fn word(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Error => "error",
            Self::Status => "status",
            Self::End => "end",
        }
    }

    /// The kind of a stored word; `None` for a word that no version of ours wrote.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Response, Self::Error, Self::Status, Self::End]
            .into_iter()
            .find(|kind| kind.word() == word)
    }

    /// Whether a client without the full protocol is shown it.
    pub fn is_plain(self) -> bool {
        self != Self::Status
    }
}

/// One event of a command's log, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the log of the command: 1, 2, 3, … without gaps.
    pub offset: u64,
    /// What it tells.
    pub kind: Kind,
    /// Which response it is: 1, 2, 3, … without gaps; `None` unless it is one.
    pub sequence_number: Option<u32>,
    /// The attempt it belongs to; 0 before the first.
    pub attempt: u32,
    /// Which part of the attempt it holds, from 1; `None` unless it is a response.
    pub part: Option<u32>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The JSON text that clients get.
    pub frame: String,
}

/// One part of a vehicle's answer, as REST lists it and as the event carries it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Response {
    /// Its id.
    pub response_id: ResponseId,
    /// What the vehicle said.
    pub response_payload: Box<RawValue>,
    /// 1, 2, 3, … without gaps within the command.
    pub sequence_number: u32,
    /// Whether it is the last.
    pub is_final: bool,
    /// When the server stored it.
    pub received_at: Timestamp,
}

/// The wire form of [`Kind::Response`]; flat copies serve clients of an older wire form.
#[derive(Debug, Serialize)]
pub(crate) struct ResponseEvent<'a, R> {
    pub(crate) event: &'static str,
    pub(crate) command_id: CommandId,
    pub(crate) sequence_number: u32,
    pub(crate) offset: u64,
    pub(crate) response: &'a R,
    pub(crate) response_id: ResponseId,
    pub(crate) response_payload: &'a RawValue,
    pub(crate) is_final: bool,
}

/// The wire form of [`Kind::Error`].
#[derive(Debug, Serialize)]
pub(crate) struct ErrorEvent<'a> {
    pub(crate) event: &'static str,
    pub(crate) command_id: CommandId,
    pub(crate) offset: u64,
    pub(crate) error_message: &'a str,
    pub(crate) error_code: ErrorCode,
}

/// The wire form of [`Kind::Status`] and [`Kind::End`].
#[derive(Debug, Serialize)]
pub(crate) struct StatusEvent<'a> {
    pub(crate) event: &'static str,
    pub(crate) command_id: CommandId,
    pub(crate) offset: u64,
    pub(crate) status: Status,
    pub(crate) state: Phase,
    pub(crate) at: Timestamp,
    pub(crate) attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) completed_at: Option<Timestamp>,
}
