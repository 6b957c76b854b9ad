//! Simulated vehicles, each a SOVD 1.1 server with a listener of its own, with dialects to speak
//! and faults to inject.
//!
//! Shares no code with the client side of the workspace, or it would share its mistakes; listens
//! on loopback only, and keeps nothing beyond its own life.

mod behaviour;
mod clock;
mod control;
mod dialect;
mod entity;
mod fleet;
mod injection;
mod ledger;
mod operation;
mod refusal;
mod run;
mod serve;
mod setting;
mod shelf;
mod sovd;
mod unit;
mod updates;
mod vehicle;
mod vin;

pub use dialect::{Dialect, NoDialect};
pub use fleet::{Vehicle, demo_fleet, fleet, full_fleet};
pub use injection::{Injection, NoFault};
pub use run::{Fleet, Running, StartError};
