//! The connector against simulated vehicles and against servers that misbehave.
//! Nothing of the connector is replaced: every test goes through TCP.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what tests share fails as tests do"
)]
#![expect(clippy::needless_pass_by_value, reason = "parameters are written in place")]

mod accepted;
mod addresses;
mod bench;
mod catalog;
mod contract;
mod downloads;
mod feeds;
mod handed_over;
mod inherited;
mod live;
mod locks;
mod made;
mod names;
mod nouns;
mod odd;
mod oddities;
mod operation;
mod outputs;
mod pages;
mod phases;
mod polling;
#[path = "../../../sovd/tests/it/recording.rs"]
mod recording;
mod renewals;
mod resources;
mod sizes;
mod state;
mod suite;
mod truth;
mod watched;
