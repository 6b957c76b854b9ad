//! The binary as a process: signals, ports, crashes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(clippy::expect_used, reason = "a test that cannot go on says why and ends")]
#![expect(clippy::indexing_slicing, reason = "JSON that is not there reads as null")]

mod crash;
mod site;
