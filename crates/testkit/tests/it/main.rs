//! The testkit's own tests, and the rules of style that no compiler checks.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on ends its test")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod faketime;
mod netns;
mod postgres;
mod process;
mod proxy;
mod redis;
mod redis_cluster;
mod tidy;
