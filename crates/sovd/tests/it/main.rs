//! The client against real sockets and recorded servers.
//! Nothing of the client is replaced: every test goes through TCP.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod captures;
mod dialects;
mod server;
mod sockets;
mod streaming;
