//! The client against real sockets and recorded servers.
//! Nothing of the client is replaced: every test goes through TCP.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod captures;

mod data;
mod dialects;
mod downloads;
mod events;
mod locks;
mod operations;
mod recording;
mod server;
mod sockets;
mod streaming;
mod transport;
mod upkeep;
