//! Vehicles that answer at once, and stream as fast as they are heard.
//!
//! Refuses to be a simulator: one control unit, one list of faults.

use crate::event;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// The entity that commands are about.
pub(super) const ENTITY: &str = "components/ecu";
/// Bytes of an event that a part becomes.
pub(super) const EVENT_BYTES: usize = 512;
/// Parts that are written at once.
const JOINED: u32 = 64;

const STREAM: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

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
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it listens");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || converse(stream, answer));
        }
    });
    address
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
        let path = request(&mut requests)?;
        let (vehicle, place) = path.split_once('/').unwrap_or((&path, ""));
        if place == "components/ecu/faults" && answer != Answer::List {
            return stream_parts(answers, answer);
        }
        answers.write_all(document(vehicle, place).as_bytes()).ok()?;
    }
}

/// The path of the next request; none has a body.
fn request(requests: &mut impl BufRead) -> Option<String> {
    let mut lines = requests.lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.trim_matches('/').to_owned();
    lines.find(String::is_empty)?;
    Some(path)
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
            let part = format_args!(
                "data: {{\"part\":{number},\"is_final\":{is_final},\"payload\":{payload}}}\n\n"
            );
            joined.write_fmt(part).ok()?;
        }
        stream.write_all(joined.as_bytes()).ok()?;
    }
    if matches!(answer, Answer::Pausing(_)) {
        // Until the other side has enough of it.
        stream.read_exact(&mut [0]).ok()?;
    }
    Some(())
}

fn document(vehicle: &str, place: &str) -> String {
    let ecu = format!("/{vehicle}/{ENTITY}");
    let body = match place {
        "" => format!(
            r#"{{"id":"{vehicle}","name":"{vehicle}","components":"/{vehicle}/components"}}"#
        ),
        "components" => format!(r#"{{"items":[{{"id":"ecu","name":"ecu","href":"{ecu}"}}]}}"#),
        "components/ecu/faults" => r#"{"items":[]}"#.to_owned(),
        _ => format!(r#"{{"id":"ecu","name":"ecu","faults":"{ecu}/faults"}}"#),
    };
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}
