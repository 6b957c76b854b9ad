//! The server as its clients see it, on real databases and simulated vehicles.

#![expect(clippy::expect_used, reason = "a test that cannot go on says why and ends")]
#![expect(clippy::print_stdout, reason = "skipped tests say so to who runs them")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(clippy::indexing_slicing, reason = "JSON that is not there reads as null")]

mod accept;
mod api_access;
mod api_input;
mod api_pages;
mod api_password;
mod api_registry;
mod api_sessions;
mod api_shapes;
mod api_tokens;
mod api_users;
mod approvals;
mod audit_chain;
mod bus;
mod console;
mod cursor;
mod fleet_faults;
mod lifecycle;
mod limits;
mod nodes;
mod oidc;
mod openapi;
mod permissions;
mod session;
mod storm;
mod tls;
mod vins;
mod websocket;
