//! The audit log as evidence: sealed into a chain by one node at a time, and verified by anybody.
//!
//! Refuses to write deeds: they are recorded in the transactions that do them.

mod auditor;
pub mod chain;
pub mod export;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
pub mod key;
mod sealer;
pub mod verify;

pub(crate) use auditor::Auditor;
pub(crate) use sealer::{Habits, Sealer};

#[cfg(test)]
mod tests;
