//! Why a session ends, and how that is said in a close frame.
//!
//! Refuses to let the loss of data look like a normal end.

use super::Dialect;
use crate::live::guard::Over;

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The client closed, or went away.
    ClientLeft,
    /// Everything it came for has been delivered.
    CommandOver,
    /// The token ran out.
    TokenExpired,
    /// Logout, a disabled user or a lost right.
    SessionEnded,
    /// Nobody knows who it is: the reason for the log and the close frame.
    Denied(&'static str),
    /// They may not watch anything.
    Forbidden,
    /// There is no such command, or none that they may see.
    Unknown,
    /// The server is going down.
    ShuttingDown,
    /// The client took nothing, or said nothing, for too long.
    Stuck,
    /// The client sent something that is no frame of ours.
    BadFrame,
    /// The client broke the rules of WebSocket frames.
    BrokenProtocol,
    /// The client sent text that is not UTF-8.
    NotText,
    /// The client sent a frame that is too large.
    TooLarge,
    /// The client went over a limit.
    OverLimit(&'static str),
    /// The store did not answer.
    StoreFailed,
}

impl End {
    /// The close code and reason; `None` = the client has closed.
    pub(super) fn close(self, dialect: Dialect) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::ClientLeft => return None,
            Self::CommandOver => (1000, "done"),
            Self::TokenExpired => (dialect.or_violation(4419), "token expired"),
            Self::SessionEnded => (dialect.or_violation(4401), "session ended"),
            Self::Denied(reason) => (dialect.or_violation(4401), reason),
            Self::Forbidden => (dialect.or_violation(4403), "the role does not permit watching"),
            Self::Unknown => (dialect.or_violation(4404), "no such command"),
            Self::ShuttingDown => (1001, "server is going down: reconnect with ?after="),
            Self::Stuck => (4408, "no progress"),
            Self::BadFrame => (4400, "only text frames with a JSON action are understood"),
            Self::BrokenProtocol => (1002, "that was no WebSocket frame"),
            Self::NotText => (1007, "text frames hold UTF-8"),
            Self::TooLarge => (4413, "frame too large"),
            Self::OverLimit(what) => (4429, what),
            Self::StoreFailed => (1011, "the store does not answer: reconnect with ?after="),
        })
    }

    /// One word for the log.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::ClientLeft => "client_left",
            Self::CommandOver => "command_over",
            Self::TokenExpired => "token_expired",
            Self::SessionEnded => "session_ended",
            Self::Denied(reason) => reason,
            Self::Forbidden => "forbidden",
            Self::Unknown => "unknown_command",
            Self::ShuttingDown => "shutting_down",
            Self::Stuck => "stuck",
            Self::BadFrame => "bad_frame",
            Self::BrokenProtocol => "broken_protocol",
            Self::NotText => "not_text",
            Self::TooLarge => "too_large",
            Self::OverLimit(_) => "over_limit",
            Self::StoreFailed => "store_failed",
        }
    }
}

impl Dialect {
    /// A code of the full protocol; clients of the inherited one know a single code for it all.
    fn or_violation(self, code: u16) -> u16 {
        match self {
            Self::Plain => 1008,
            Self::Full => code,
        }
    }
}

impl From<Over> for End {
    fn from(over: Over) -> Self {
        match over {
            Over::TokenExpired => Self::TokenExpired,
            Over::SessionEnded => Self::SessionEnded,
            Over::StoreFailed => Self::StoreFailed,
        }
    }
}
