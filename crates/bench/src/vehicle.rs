//! What a vehicle of the load says: one control unit, one list of faults, which may be a stream.
//!
//! Refuses to be a simulator: it knows the few documents on the way to that list.

use std::io::BufRead;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// The entity that commands are about.
pub(crate) const ENTITY: &str = "components/ecu";
/// The list of its faults.
pub(crate) const FAULTS: &str = "components/ecu/faults";

/// What goes before the parts of a stream.
pub(crate) const STREAM: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

/// Converses with whoever connects, until the process ends; each vehicle has a path of its own.
pub(crate) fn listen<C>(converse: C) -> SocketAddr
where
    C: Fn(TcpStream) -> Option<()> + Clone + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it listens");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let converse = converse.clone();
            thread::spawn(move || converse(stream));
        }
    });
    address
}

/// The vehicle and the place that the next request asks for; none has a body.
pub(crate) fn request(requests: &mut impl BufRead) -> Option<(String, String)> {
    let mut lines = requests.lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.trim_matches('/').to_owned();
    lines.find(String::is_empty)?;
    let (vehicle, place) = path.split_once('/').unwrap_or((&path, ""));
    Some((vehicle.to_owned(), place.to_owned()))
}

/// A part of a stream.
pub(crate) fn part(number: u32, is_final: bool, payload: &str) -> String {
    format!("data: {{\"part\":{number},\"is_final\":{is_final},\"payload\":{payload}}}\n\n")
}

/// The answer to a request.
pub(crate) fn document(vehicle: &str, place: &str) -> String {
    let ecu = format!("/{vehicle}/{ENTITY}");
    let body = match place {
        "" => format!(
            r#"{{"id":"{vehicle}","name":"{vehicle}","components":"/{vehicle}/components"}}"#
        ),
        "components" => format!(r#"{{"items":[{{"id":"ecu","name":"ecu","href":"{ecu}"}}]}}"#),
        FAULTS => r#"{"items":[]}"#.to_owned(),
        _ => format!(r#"{{"id":"ecu","name":"ecu","faults":"{ecu}/faults"}}"#),
    };
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}
