//! The nouns and rules of Fleetwire: what a command, an event, a vehicle and a user are.
//!
//! Refuses I/O, clocks and randomness: time comes in as an argument, and the same input always
//! gives the same result.

pub mod capabilities;
pub mod catalog;
pub mod command;
pub mod decode;
pub mod dtc;
pub mod event;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
pub mod id;
pub mod nesting;
pub mod parts;
pub mod user;
pub mod vehicle;
pub mod vin;

pub use jiff::Timestamp;
