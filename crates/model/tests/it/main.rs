//! The rules of a command's life, as tables to read and as properties of random lives.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests fail as tests do"
)]

mod approval;
mod catalog;
mod frames;
mod life;
mod outcomes;
mod reduce;
mod states;
