//! Vehicles whose answers the load writes itself, so that the product is fed like its peers.
//!
//! Refuses to be a simulator: one control unit, one list of faults, answered as a stream.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// How long the product may take until it asks a vehicle.
const PATIENCE: Duration = Duration::from_secs(20);

const STREAM: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

/// The entity that commands are about.
pub(super) const ENTITY: &str = "components/ecu";

/// Vehicles behind one address, each below a path of its own.
#[derive(Debug)]
pub(super) struct Vehicles {
    address: SocketAddr,
    asked: Receiver<(usize, TcpStream)>,
}

impl Vehicles {
    /// Answers until the process ends.
    pub(super) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let (streams, asked) = sync_channel(0);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let streams = streams.clone();
                thread::spawn(move || converse(stream, &streams));
            }
        });
        Self { address, asked }
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

/// An event on a stream.
pub(super) fn part(number: u32, payload: &str) -> Vec<u8> {
    format!("data: {{\"part\":{number},\"is_final\":false,\"payload\":{payload}}}\n\n").into_bytes()
}

/// Answers requests until one asks for the faults, whose connection it hands over.
fn converse(stream: TcpStream, streams: &SyncSender<(usize, TcpStream)>) -> Option<()> {
    let mut answers = stream.try_clone().ok()?;
    let mut requests = BufReader::new(stream).lines().map_while(Result::ok);
    loop {
        let request = requests.next()?;
        let path = request.split(' ').nth(1)?.to_owned();
        // No request has a body.
        requests.find(String::is_empty)?;
        let (vehicle, place) = path.trim_start_matches('/').split_once('/').unwrap_or((&path, ""));
        if place == "components/ecu/faults" {
            answers.write_all(STREAM.as_bytes()).ok()?;
            return streams.send((vehicle.parse().ok()?, answers)).ok();
        }
        answers.write_all(document(vehicle.trim_start_matches('/'), place).as_bytes()).ok()?;
    }
}

fn document(vehicle: &str, place: &str) -> String {
    let ecu = format!("/{vehicle}/{ENTITY}");
    let body: Value = match place {
        "" => {
            let components = format!("/{vehicle}/components");
            json!({ "id": vehicle, "name": vehicle, "components": components })
        }
        "components" => json!({ "items": [{ "id": "ecu", "name": "ecu", "href": ecu }] }),
        _ => json!({ "id": "ecu", "name": "ecu", "faults": format!("{ecu}/faults") }),
    };
    let body = body.to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}
