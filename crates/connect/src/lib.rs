//! How a vehicle is reached: an order goes in, a stream of parts and then one end come out.
//!
//! Knows nothing of storage, bus, users or HTTP servers, and never sends an order a second time.

mod clock;
mod guard;
mod keys;
mod order;
mod sovd;

pub use crate::order::{Address, End, Order, Part, SendBy};
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub use crate::sovd::fuzz;
pub use crate::sovd::{Probe, Sovd, SovdConfig, are_authorities, is_identity};
pub use ::sovd::SetupError;
