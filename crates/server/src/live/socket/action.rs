//! What a client may ask on its socket.
//!
//! Refuses with a sentence: whatever cannot be read becomes a `problem` event, never a close.

use crate::live::channel::Channel;
use model::id::CommandId;
use serde::{Deserialize, Serialize};

/// A frame of the client: an action, or why it is none.
pub(super) type Heard = Result<Action, Problem>;

/// Something that a client asks for.
#[derive(Debug)]
pub(super) enum Action {
    Watch { command_id: CommandId, after: u64 },
    Unwatch { command_id: CommandId },
    Follow(Channel),
    Unfollow(Channel),
    Auth { token: String },
    Ping,
}

/// Why an action was not carried out.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    event: &'static str,
    code: &'static str,
    message: String,
}

impl Problem {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { event: "problem", code, message: message.into() }
    }

    pub(super) fn frame(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The wire form of all actions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    action: String,
    command_id: Option<String>,
    channel: Option<String>,
    after: Option<u64>,
    token: Option<String>,
}

/// Reads a text frame.
pub(super) fn parse(text: &str) -> Heard {
    let request: Request = serde_json::from_str(text)
        .map_err(|error| Problem::new("bad-frame", format!("not an action: {error}")))?;
    match request.action.as_str() {
        "subscribe" => subscribe(request),
        "unsubscribe" => unsubscribe(request),
        "auth" => match request.token {
            Some(token) => Ok(Action::Auth { token }),
            None => Err(Problem::new("bad-frame", "auth needs a token")),
        },
        "ping" => Ok(Action::Ping),
        _ => Err(Problem::new(
            "unknown-action",
            "action must be subscribe, unsubscribe, auth or ping",
        )),
    }
}

fn subscribe(request: Request) -> Heard {
    let after = request.after.unwrap_or(0);
    match target(request)? {
        Target::Command(command_id) => Ok(Action::Watch { command_id, after }),
        Target::Channel(channel) => Ok(Action::Follow(channel)),
    }
}

fn unsubscribe(request: Request) -> Heard {
    match target(request)? {
        Target::Command(command_id) => Ok(Action::Unwatch { command_id }),
        Target::Channel(channel) => Ok(Action::Unfollow(channel)),
    }
}

enum Target {
    Command(CommandId),
    Channel(Channel),
}

fn target(request: Request) -> Result<Target, Problem> {
    let bad = |message: String| Problem::new("bad-frame", message);
    match (request.command_id, request.channel) {
        (Some(id), None) => match id.parse() {
            Ok(id) => Ok(Target::Command(id)),
            Err(error) => Err(bad(format!("command_id {error}"))),
        },
        (None, Some(channel)) => {
            channel.parse().map(Target::Channel).map_err(|error| bad(error.to_string()))
        }
        _ => Err(bad("give either command_id or channel".to_owned())),
    }
}
