//! A real Redis server on a free loopback port, with faults: killed, frozen, restarted, emptied.
//! It speaks to the server through `redis-cli` only, and keeps no data over a restart.

mod cluster;
mod listener;
mod node;

use std::path::Path;

pub use cluster::RedisCluster;
pub use listener::Listener;
use node::{Access, Node};

/// A Redis server of its own. Every call blocks, and panics when the server cannot do it.
///
/// Dropping it kills the server, as does the end of the test process.
#[derive(Debug)]
pub struct Redis {
    node: Node,
}

impl Redis {
    /// Starts a server that anybody on this machine may use.
    pub fn start() -> Self {
        Self::start_with(Access::default())
    }

    /// Starts a server that speaks TLS only, with a certificate for 127.0.0.1 of an authority made
    /// for it: [`Redis::ca_file`].
    pub fn start_tls() -> Self {
        Self::start_tls_as("127.0.0.1")
    }

    /// The same with a certificate for another name.
    pub fn start_tls_as(name: &str) -> Self {
        Self::start_with(Access { tls: Some(name.to_owned()), ..Access::default() })
    }

    /// Starts a server that wants a password, of characters that need no escape in a URL.
    pub fn start_with_password(password: &str) -> Self {
        Self::start_with(Access { password: Some(password.to_owned()), ..Access::default() })
    }

    fn start_with(access: Access) -> Self {
        Self { node: Node::start(access).unwrap_or_else(|error| panic!("{error:#}")) }
    }

    /// The address, with the password if there is one.
    pub fn url(&self) -> String {
        self.node.url()
    }

    /// The id of its process; 0 while it does not run.
    pub fn id(&self) -> u32 {
        self.node.id()
    }

    /// The port, which stays the same over every restart.
    pub fn port(&self) -> u16 {
        self.node.port()
    }

    /// The certificate of the authority that signed the server's, as PEM.
    pub fn ca_file(&self) -> &Path {
        self.node.ca_file().expect("only a server of start_tls has an authority")
    }

    /// Ends the server at once (`SIGKILL`), and waits until it is gone.
    pub fn kill(&mut self) {
        self.node.kill();
    }

    /// Starts a killed or still running server on the same port. It is empty.
    pub fn restart(&mut self) {
        self.node.restart().unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Freezes the server (`SIGSTOP`): connections stay open and nothing answers.
    pub fn pause(&mut self) {
        self.node.pause();
    }

    /// Lets a frozen server go on (`SIGCONT`).
    pub fn resume(&mut self) {
        self.node.resume();
    }

    /// Runs one command and gives its answer: one line for each element, no line end after the last.
    pub fn command(&self, words: &[&str]) -> String {
        self.node.command(words)
    }

    /// Forgets every key (`FLUSHALL`).
    pub fn flush_all(&self) {
        self.command(&["FLUSHALL"]);
    }

    /// Cuts every connection that has a subscription; how many there were.
    pub fn kill_subscribers(&self) -> u64 {
        number(&self.command(&["CLIENT", "KILL", "TYPE", "pubsub"]))
    }

    /// How many connections are subscribed to a channel.
    pub fn subscribers(&self, channel: &str) -> u64 {
        number(&self.command(&["PUBSUB", "NUMSUB", channel]))
    }

    /// Listens on a channel, as another program would.
    pub fn listen(&self, channel: &str) -> Listener {
        self.node.listen(channel)
    }

    /// Publishes any bytes on a channel; how many subscribers got them.
    pub fn publish(&self, channel: &str, text: impl AsRef<[u8]>) -> u64 {
        number(&self.node.command_with_input(&["-x", "PUBLISH", channel], text.as_ref()))
    }
}

/// The number on the last line of an answer.
fn number(answer: &str) -> u64 {
    let last = answer.lines().last().unwrap_or_default();
    last.parse().unwrap_or_else(|error| panic!("not a number ({error}): {answer:?}"))
}
