//! Another program that listens on a channel: `redis-cli subscribe`.
//! It hands over what was published as it stands, and understands nothing of it.

use std::process::Command;
use std::time::Duration;

use crate::child::{self, Child};

/// Longest wait for the confirmation of the subscription.
const START_LIMIT: Duration = Duration::from_secs(10);

/// The subscriber of one channel. Killed when dropped.
#[derive(Debug)]
pub struct Listener {
    child: Child,
    channel: String,
}

impl Listener {
    /// Listens, from when this returns, with a `redis-cli` that knows where the server is.
    pub(super) fn start(cli: &Command, channel: &str) -> Self {
        let mut command = child::command(cli.get_program());
        command.args(cli.get_args()).args(["subscribe", channel]);
        for (name, value) in cli.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        let child = Child::spawn(command).unwrap_or_else(|error| panic!("redis-cli: {error}"));
        let confirmed = child.stdout.wait_for(START_LIMIT, |line| line == channel);
        assert!(confirmed.is_some(), "no subscription to {channel}: {:?}", child.stderr.all());
        Self { child, channel: channel.to_owned() }
    }

    /// Every text so far, oldest first. Texts with line breaks come in pieces.
    pub fn heard(&self) -> Vec<String> {
        // "message", the channel, the text.
        let lines = self.child.stdout.all();
        let messages = lines.windows(3).filter(|it| it[0] == "message" && it[1] == self.channel);
        messages.map(|it| it[2].clone()).collect()
    }

    /// The first text with `part` in it, waited for up to `limit`.
    pub fn hears(&self, part: &str, limit: Duration) -> String {
        let text = self.child.stdout.wait_for(limit, |line| line.contains(part));
        text.unwrap_or_else(|| panic!("no {part:?} within {limit:?}: {:?}", self.heard()))
    }
}
