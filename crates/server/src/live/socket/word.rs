//! What the server says on a socket beside the events of commands and vehicles.
//!
//! Refuses to be stored: a word is about this one session.

use crate::live::frame::text_frame;
use crate::live::rights::Target;
use bytes::Bytes;
use model::Timestamp;
use model::command::{Phase, Status};
use serde::{Serialize, Serializer};
use std::borrow::Cow;

/// A word; its JSON has its name as `event`.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Word<'a> {
    /// What was asked for is followed.
    Subscribed {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        #[serde(flatten)]
        target: Target,
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        stand: Option<Stand>,
    },
    /// All that had happened has been delivered.
    Live {
        #[serde(flatten)]
        target: Target,
    },
    /// It is not followed any more.
    Unsubscribed {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        #[serde(flatten)]
        target: Target,
        code: Gone,
    },
    /// An action was not carried out.
    Problem {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        code: &'static str,
        message: Cow<'static, str>,
    },
    /// The socket is alive, and there was nothing to say.
    Heartbeat { at: Timestamp },
    /// How the session stands.
    Auth { state: Standing, expires_at: Timestamp },
    /// The server is about to go down.
    Drain { reconnect_after_ms: u64 },
    /// The answer to `ping`.
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
    },
}

/// Where a command stands when it begins to be followed.
#[derive(Debug, Serialize)]
pub(super) struct Stand {
    /// Events after this offset follow.
    pub(super) from: u64,
    /// The offset of its newest event.
    pub(super) head: u64,
    pub(super) state: Phase,
    pub(super) status: Status,
}

/// Why something is not followed any more.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Gone {
    /// The client wished it.
    Requested,
    /// Nothing can follow.
    Ended,
    /// The right was lost.
    Forbidden,
}

/// How a session stands.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// It ends unless it is renewed.
    Expiring,
    /// It has been renewed.
    Ok,
}

impl Word<'_> {
    /// The frame of it.
    pub(super) fn frame(&self) -> Bytes {
        // Ids, words, numbers and times: encoding them cannot fail.
        text_frame(&serde_json::to_string(self).unwrap_or_default())
    }
}

/// `{"command_id":"…"}` or `{"channel":"fleet:…"}`.
impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, id) = match self {
            Self::Command(id) => ("command_id", id.to_string()),
            Self::Channel(channel) => ("channel", channel.to_string()),
        };
        serializer.collect_map([(name, id)])
    }
}
