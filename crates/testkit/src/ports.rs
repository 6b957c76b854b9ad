//! Loopback ports for servers that are killed and come back.
//! It gives out no port that the kernel may hand to a client: while its server is away, a client
//! that keeps trying would sooner or later be connected to itself, and keep the port.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::TcpListener;
use std::ops::RangeInclusive;

/// Below the kernel's own range by more than [`CLUSTER_BUS_OFFSET`].
const CANDIDATES: RangeInclusive<u16> = 10_000..=22_700;

/// The nodes of a Redis cluster talk to each other this far above the port of their clients.
const CLUSTER_BUS_OFFSET: u16 = 10_000;

/// Ports looked at before giving up.
const LOOKS: usize = 1_000;

/// A port on which nothing listens. Another process may take it before the server does.
pub(crate) fn free_port() -> io::Result<u16> {
    find(is_free)
}

/// A port that is free together with the one of the cluster bus.
pub(crate) fn free_cluster_port() -> io::Result<u16> {
    find(|port| is_free(port) && is_free(port + CLUSTER_BUS_OFFSET))
}

fn find(suits: impl Fn(u16) -> bool) -> io::Result<u16> {
    let mut candidates = (0..LOOKS).map(|_| random_candidate());
    candidates.find(|port| suits(*port)).ok_or_else(|| io::Error::other("no free loopback port"))
}

fn random_candidate() -> u16 {
    let random = RandomState::new().hash_one(0) % CANDIDATES.len() as u64;
    CANDIDATES.start() + u16::try_from(random).unwrap_or_default()
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
