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
mod bulk_data;
mod clear_data;
mod configurations;
mod control;
mod data;
mod data_lists;
mod dialects;
mod discovery;
mod entities;
mod faults;
mod fleet;
mod footprint;
mod garage;
mod injection;
mod locks;
mod logs;
mod modes;
mod operations;
mod outputs;
mod reachability;
#[path = "../../../sovd/tests/it/recording.rs"]
mod recording;
mod recordings;
mod scripts;
mod status;
mod stream;
mod subscriptions;
mod triggers;
mod updates;
