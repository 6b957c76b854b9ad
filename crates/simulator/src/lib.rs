//! Simulated vehicles, each a SOVD 1.1 server with a listener of its own, with dialects to speak
//! and faults to inject.
//!
//! Shares no code with the client side of the workspace, or it would share its mistakes; listens
//! on loopback only, and keeps nothing beyond its own life.

mod behaviour;
mod control;
mod dialect;
mod ecu;
mod execution;
mod fleet;
mod injection;
mod ledger;
mod refusal;
mod run;
mod serve;
mod setting;
mod sovd;
mod unit;
mod vehicle;
mod vin;

pub use dialect::{Dialect, NoDialect};
pub use fleet::{Vehicle, demo_fleet, fleet};
pub use injection::{Injection, NoFault};
pub use run::{Fleet, Running, StartError};
