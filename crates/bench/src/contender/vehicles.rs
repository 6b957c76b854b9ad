//! Vehicles whose answers the load writes itself, so that the product is fed like its peers.
//!
//! Refuses to say more than it is asked: the list of faults is answered with a stream that it hands over.

use crate::vehicle::{self, FAULTS, STREAM};
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// How long the product may take until it asks a vehicle.
const PATIENCE: Duration = Duration::from_secs(20);

/// Vehicles behind one address, each below a path of its own.
#[derive(Debug)]
pub(super) struct Vehicles {
    address: SocketAddr,
    asked: Receiver<(usize, TcpStream)>,
}

impl Vehicles {
    /// Answers until the process ends.
    pub(super) fn listen() -> Self {
        let (streams, asked) = sync_channel(0);
        Self { address: vehicle::listen(move |stream| converse(stream, &streams)), asked }
    }

    /// The address of a vehicle's SOVD server.
    pub(super) fn url(&self, vehicle: u32) -> String {
        format!("http://{}/{vehicle}", self.address)
    }

    /// The streams of so many vehicles, once each has been asked for its faults.
    pub(super) fn streams(&self, vehicles: u32) -> Vec<TcpStream> {
        let next = |_| self.asked.recv_timeout(PATIENCE).expect("the product asks its vehicles");
        let mut streams: Vec<_> = (0..vehicles).map(next).collect();
        streams.sort_unstable_by_key(|(vehicle, _)| *vehicle);
        streams.into_iter().map(|(_, stream)| stream).collect()
    }
}

/// Answers requests until one asks for the faults, whose connection it hands over.
fn converse(stream: TcpStream, streams: &SyncSender<(usize, TcpStream)>) -> Option<()> {
    let mut answers = stream.try_clone().ok()?;
    let mut requests = BufReader::new(stream);
    loop {
        let (vehicle, place) = vehicle::request(&mut requests)?;
        if place == FAULTS {
            answers.write_all(STREAM.as_bytes()).ok()?;
            return streams.send((vehicle.parse().ok()?, answers)).ok();
        }
        answers.write_all(vehicle::document(&vehicle, &place).as_bytes()).ok()?;
    }
}
