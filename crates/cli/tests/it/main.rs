//! The binary as a process: its command line, signals, ports, crashes, and what it stands on failing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(clippy::print_stdout, reason = "figures and skipped tests are told to who runs them")]
#![expect(clippy::indexing_slicing, reason = "JSON that is not there reads as null")]

mod admin;
mod audit;
mod backup;
mod chaos;
mod config;
mod crash;
mod credentials;
mod database;
mod demo;
mod demo_refusals;
mod deploy;
mod disk;
mod foreign;
mod jwt;
mod keys;
mod kills;
mod logs;
mod nodes;
mod outcome;
mod run;
mod run_ends;
mod second_person;
mod signals;
mod simulate;
mod terminal;
mod watchers;
mod work;
