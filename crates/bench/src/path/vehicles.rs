//! Vehicles that answer at once, and stream as fast as they are heard.
//!
//! Refuses to be a simulator: one control unit, one list of faults.

use crate::event;
use crate::vehicle::{self, FAULTS, STREAM};
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Bytes of an event that a part becomes.
pub(super) const EVENT_BYTES: usize = 512;
/// Parts that are written at once.
const JOINED: u32 = 64;

/// How a vehicle answers the question for its faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// With an empty list.
    List,
    /// With parts without end.
    Endless,
    /// With so many parts, after which it says nothing more and stays.
    Pausing(u32),
    /// With so many parts, of which the last is final.
    Ending(u32),
}

/// Vehicles behind one address, each below a path of its own; they answer until the process ends.
pub(super) fn listen(answer: Answer) -> SocketAddr {
    vehicle::listen(move |stream| converse(stream, answer))
}

/// An address at which nothing listens.
pub(super) fn nobody() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    free.expect("a port is free")
}

/// Answers requests until the connection ends.
fn converse(stream: TcpStream, answer: Answer) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut answers = stream.try_clone().ok()?;
    let mut requests = BufReader::new(stream);
    loop {
        let (vehicle, place) = vehicle::request(&mut requests)?;
        if place == FAULTS && answer != Answer::List {
            return stream_parts(answers, answer);
        }
        answers.write_all(vehicle::document(&vehicle, &place).as_bytes()).ok()?;
    }
}

fn stream_parts(mut stream: TcpStream, answer: Answer) -> Option<()> {
    let last = match answer {
        Answer::List => 0,
        Answer::Endless => u32::MAX,
        Answer::Pausing(parts) | Answer::Ending(parts) => parts,
    };
    stream.write_all(STREAM.as_bytes()).ok()?;
    let payload = event::payload(EVENT_BYTES);
    let mut number = 0;
    while number < last {
        let mut joined = String::new();
        for _ in 0..JOINED.min(last - number) {
            number += 1;
            let is_final = number == last && matches!(answer, Answer::Ending(_));
            joined.push_str(&vehicle::part(number, is_final, &payload));
        }
        stream.write_all(joined.as_bytes()).ok()?;
    }
    if matches!(answer, Answer::Pausing(_)) {
        // Until the other side has enough of it.
        stream.read_exact(&mut [0]).ok()?;
    }
    Some(())
}
