//! The store on real databases: what it promises holds on SQLite and on PostgreSQL alike.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests fail as tests do"
)]

mod commit;
mod database;
mod migrate;
mod place;
mod scene;
mod statements;
mod story;
