//! The testkit's own tests, and the rules of style that no compiler checks.

mod postgres;
mod process;
mod tidy;
