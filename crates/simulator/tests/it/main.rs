//! Holds simulated vehicles against what they promise, over real HTTP.
//!
//! Looks at nothing but the wire and the public interface of the crate.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may stop at what it did not expect"
)]

mod behaviour;
mod control;
mod data;
mod dialects;
mod discovery;
mod faults;
mod fleet;
mod garage;
mod injection;
mod operations;
mod reachability;
mod recordings;
mod stream;
