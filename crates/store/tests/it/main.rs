//! The store on real databases: what it promises holds on SQLite and on PostgreSQL alike.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests fail as tests do"
)]

mod backup;
mod commit;
mod contention;
mod database;
mod expand;
mod migrate;
mod partitions;
mod place;
mod scene;
mod statements;
mod story;
mod tampering;
mod tour;
