//! What the tests of the workspace stand on: real processes, real databases, clients that read as
//! sentences. It mocks nothing of ours, and no shipped binary uses it: what fails here fails the
//! test, by a panic that says what to do.

#![expect(clippy::expect_used, reason = "a test that cannot go on says why and ends")]
#![expect(clippy::indexing_slicing, reason = "JSON that is not there reads as null")]

pub mod authority;
mod child;
pub mod client;
pub mod contract;
mod directory;
pub mod faketime;
pub mod issuer;
pub mod load;
pub mod log;
pub mod netns;
pub mod platform;
mod ports;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod site;
mod skipped;
pub mod tidy;
mod tls_front;
pub mod vehicle;
mod vehicles;
pub mod watch;

pub use authority::{Authority, Certificates};
pub use client::{Client, Reply};
pub use issuer::{Issuer, IssuerKey};
pub use load::{Harvest, Load, Pace, assert_try_again};
pub use netns::Netns;
pub use platform::{Backend, Neighbour, PASSWORD, Platform, audit, eventually};
pub use postgres::Postgres;
pub use process::{Binary, Process};
pub use proxy::{Direction, FaultProxy};
pub use redis::{Listener, Redis, RedisCluster};
pub use site::{Links, Node, Site};
pub use skipped::Skipped;
pub use tls_front::TlsFront;
pub use vehicle::SimulatedVehicle;
pub use vehicles::{VehicleAddress, Vehicles};
pub use watch::{Heard, Watch, sequences};
