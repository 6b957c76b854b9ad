//! What a client may ask on its socket.
//!
//! Refuses with a sentence: whatever cannot be read becomes a `problem` event, never a close.

use super::word::Word;
use crate::live::channel::{Channel, NotAChannel};
use crate::live::rights::Target;
use model::id::CommandId;
use serde::Deserialize;
use std::borrow::Cow;

/// How long the name of a request may be.
const MAX_ID: usize = 64;

/// A request of a client: the name that it gave it, and what it asks, or why that cannot be read.
pub(super) struct Request {
    pub(super) id: Option<String>,
    pub(super) wish: Result<Wish, Problem>,
}

/// Something that a client asks for.
#[derive(Debug)]
pub(super) enum Wish {
    /// The events of these commands, each after an offset.
    Watch(Vec<(CommandId, u64)>),
    Follow(Channel),
    Stop(Vec<Target>),
    Auth {
        token: String,
    },
    Cancel(CommandId),
    Ping,
}

/// Why an action was not carried out.
#[derive(Debug)]
pub(super) struct Problem {
    code: &'static str,
    message: Cow<'static, str>,
}

impl Problem {
    pub(super) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn word(self, id: Option<&str>) -> Word<'_> {
        Word::Problem { id, code: self.code, message: self.message }
    }
}

/// The wire form of all actions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    action: String,
    id: Option<String>,
    command_id: Option<String>,
    commands: Option<Vec<Item>>,
    channel: Option<String>,
    after: Option<u64>,
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    command_id: String,
    after: Option<u64>,
}

/// Reads a text frame.
pub(super) fn parse(text: &str) -> Request {
    match serde_json::from_str::<Body>(text) {
        Err(error) => Request { id: None, wish: Err(bad(format!("not an action: {error}"))) },
        Ok(Body { id: Some(id), .. }) if id.len() > MAX_ID => {
            Request { id: None, wish: Err(bad(format!("id must have at most {MAX_ID} bytes"))) }
        }
        Ok(mut body) => Request { id: body.id.take(), wish: wish(body) },
    }
}

fn wish(body: Body) -> Result<Wish, Problem> {
    match body.action.as_str() {
        "subscribe" => subscribe(body),
        "unsubscribe" => match asked(body)? {
            Asked::Commands(commands) => {
                Ok(Wish::Stop(commands.into_iter().map(|(id, _)| Target::Command(id)).collect()))
            }
            Asked::Channel(channel) => Ok(Wish::Stop(vec![Target::Channel(channel)])),
        },
        "auth" => match body.token {
            Some(token) => Ok(Wish::Auth { token }),
            None => Err(bad("auth needs a token")),
        },
        "cancel" => match body.command_id {
            Some(id) => Ok(Wish::Cancel(command_id(&id)?)),
            None => Err(bad("cancel needs a command_id")),
        },
        "ping" => Ok(Wish::Ping),
        _ => Err(Problem::new(
            "unknown-action",
            "action must be subscribe, unsubscribe, auth, cancel or ping",
        )),
    }
}

fn subscribe(body: Body) -> Result<Wish, Problem> {
    Ok(match asked(body)? {
        Asked::Commands(commands) => Wish::Watch(commands),
        Asked::Channel(channel) => Wish::Follow(channel),
    })
}

enum Asked {
    Commands(Vec<(CommandId, u64)>),
    Channel(Channel),
}

fn asked(body: Body) -> Result<Asked, Problem> {
    match (body.command_id, body.commands, body.channel) {
        (Some(id), None, None) => {
            Ok(Asked::Commands(vec![(command_id(&id)?, body.after.unwrap_or(0))]))
        }
        (None, Some(items), None) => {
            let read = |item: Item| Ok((command_id(&item.command_id)?, item.after.unwrap_or(0)));
            items.into_iter().map(read).collect::<Result<_, _>>().map(Asked::Commands)
        }
        (None, None, Some(channel)) => {
            channel.parse().map(Asked::Channel).map_err(|error: NotAChannel| bad(error.to_string()))
        }
        _ => Err(bad("give one of command_id, commands and channel")),
    }
}

fn command_id(text: &str) -> Result<CommandId, Problem> {
    text.parse().map_err(|error| bad(format!("command_id {error}")))
}

fn bad(message: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new("bad-frame", message)
}
