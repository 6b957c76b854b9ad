//! A client that submits commands on a connection that it keeps.
//!
//! Refuses anything but an acceptance, and to take more of its core than a request needs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
const ID_BYTES: usize = 36;

/// A connection, kept alive.
#[derive(Debug)]
pub(super) struct Submitter {
    stream: TcpStream,
    request: String,
    unread: Vec<u8>,
}

impl Submitter {
    /// Connects; every command will be the same question to the same vehicle.
    pub(super) fn connect(address: SocketAddr, token: &str, vehicle_id: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("it is a TCP socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a TCP socket");
        let body = format!(
            r#"{{"vehicle_id":"{vehicle_id}","command_name":"faults.list","command_params":{{"entity":"{}"}},"deliver_within_ms":3600000}}"#,
            crate::vehicle::ENTITY
        );
        let request = format!(
            "POST /api/v1/commands HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Self { stream, request, unread: Vec::new() }
    }

    /// Submits the command; answers its id.
    pub(super) fn submit(&mut self) -> String {
        self.stream.write_all(self.request.as_bytes()).expect("the server reads");
        let (head, body) = self.answer();
        assert!(head.starts_with("HTTP/1.1 201"), "{head}{body}");
        let (_, rest) = body.split_once(r#""command_id":""#).expect("it has an id");
        rest.get(..ID_BYTES).expect("it is an id").to_owned()
    }

    /// The head and the body of the next answer.
    fn answer(&mut self) -> (String, String) {
        loop {
            if let Some(length) = length(&self.unread) {
                let answer: Vec<_> = self.unread.drain(..length).collect();
                let text = String::from_utf8(answer).expect("it is text");
                let (head, body) = text.split_once("\r\n\r\n").expect("it has a head");
                return (head.to_owned(), body.to_owned());
            }
            let mut chunk = [0; 4096];
            let count = self.stream.read(&mut chunk).expect("the server answers");
            assert!(count > 0, "the server has closed the connection");
            self.unread.extend_from_slice(chunk.get(..count).unwrap_or_default());
        }
    }
}

/// The length of the answer that bytes begin with; `None` as long as it is not whole.
fn length(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
    let head = str::from_utf8(bytes.get(..end)?).ok()?;
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    };
    let length = end + head.lines().find_map(field).expect("its length is announced");
    (bytes.len() >= length).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is_there() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(length(answer), Some(answer.len()));
        assert_eq!(length(answer.strip_suffix(b"}").unwrap()), None);
    }
}
