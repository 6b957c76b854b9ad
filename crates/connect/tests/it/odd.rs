//! A server whose every answer is written by the test.
//! Knows no SOVD beyond one root and one component.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use fleetwire_connect::Address;

use crate::bench::{PATIENCE, address};

pub(crate) const ROOT: &str = r#"{"id":"","name":"","components":"/v1/components"}"#;
const COMPONENTS: &str = r#"{"items":[{"id":"ecu","name":"ECU","href":"/v1/components/ecu"},
    {"id":"rich","name":"Rich","href":"/v1/components/rich"}]}"#;
/// A component with all that there is to watch and to fetch.
const RICH: &str = r#"{"id":"rich","name":"Rich","data":"/v1/components/rich/data",
    "faults":"/v1/components/rich/faults","bulk-data":"/v1/components/rich/bulk-data",
    "cyclic-subscriptions":"/v1/components/rich/cyclic-subscriptions",
    "triggers":"/v1/components/rich/triggers","logs":"/v1/components/rich/logs",
    "scripts":"/v1/components/rich/scripts",
    "configurations":"/v1/components/rich/configurations",
    "communication-logs":"/v1/components/rich/communication-logs"}"#;
const ECU: &str = r#"{"id":"ecu","name":"ECU","data":"/v1/components/ecu/data",
    "faults":"/v1/components/ecu/faults","operations":"/v1/components/ecu/operations"}"#;

/// Status, further header lines, body.
pub(crate) type Answer = (u16, String, String);

/// Request line, head and body, as they came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// What a server does with a request.
pub(crate) enum Reply {
    /// Sends an answer; status 0 closes the connection without one, 1 never answers.
    Answer(Answer),
    /// Writes what it likes, then closes the connection.
    Writes(Writing),
}

type Writing = Box<dyn FnOnce(&mut dyn Write)>;

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// A running server.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers from a table of `METHOD path`; a request that comes again takes the next entry
    /// of the same name, the last one for ever.
    pub(crate) fn start(table: &[(&'static str, u16, &'static str)]) -> Self {
        Self::start_with(ROOT, ECU, table)
    }

    /// The same with a root and a component of its own.
    pub(crate) fn start_with(
        root: &'static str,
        ecu: &'static str,
        table: &[(&'static str, u16, &'static str)],
    ) -> Self {
        let own = [
            ("GET /v1", 200, root),
            ("GET /v1/components", 200, COMPONENTS),
            ("GET /v1/components/ecu", 200, ecu),
            ("GET /v1/components/rich", 200, RICH),
        ];
        let answers = Mutex::new(own.into_iter().chain(table.iter().copied()).collect::<Vec<_>>());
        Self::with(move |line| {
            let mut answers = answers.lock().unwrap();
            let mut named = answers.iter().enumerate().filter(|(_, entry)| entry.0 == line);
            let Some((index, &(_, status, body))) = named.next() else {
                return (404, String::new(), String::new());
            };
            if named.next().is_some() {
                answers.remove(index);
            }
            (status, String::new(), body.to_owned())
        })
    }

    pub(crate) fn with(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self::replying(move |request| Reply::Answer(answer(&request.line)))
    }

    /// A server whose root and components are as usual, and the rest as `reply` has it.
    pub(crate) fn beside(
        reply: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        Self::replying(move |request| {
            if let Some(reply) = reply(request) {
                return reply;
            }
            Reply::Answer(match request.line.as_str() {
                "GET /v1" => plain(200, ROOT),
                "GET /v1/components" => plain(200, COMPONENTS),
                "GET /v1/components/ecu" => plain(200, ECU),
                "GET /v1/components/rich" => plain(200, RICH),
                _ => plain(404, ""),
            })
        })
    }

    pub(crate) fn replying(reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let reply: Arc<Handler> = Arc::new(reply);
        let record = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (reply, record) = (Arc::clone(&reply), Arc::clone(&record));
                std::thread::spawn(move || converse(&stream, &*reply, &record));
            }
        });
        Self { port, seen }
    }

    pub(crate) fn address(&self) -> Address {
        address(&format!("http://127.0.0.1:{}/v1", self.port))
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until a request of this line has come.
    pub(crate) async fn has_seen(&self, line: &str) {
        let seen = async {
            while self.count(line) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.expect(line);
    }

    /// How often a request of this line came.
    pub(crate) fn count(&self, line: &str) -> usize {
        self.seen().iter().filter(|request| request.line == line).count()
    }
}

/// An answer without further headers.
pub(crate) fn plain(status: u16, body: &str) -> Answer {
    (status, String::new(), body.to_owned())
}

fn converse(mut stream: &TcpStream, reply: &Handler, seen: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        seen.lock().unwrap().push(request.clone());
        let (status, headers, body) = match reply(&request) {
            Reply::Answer(answer) => answer,
            Reply::Writes(write) => return write(&mut stream),
        };
        match status {
            0 => return,
            1 => loop {
                std::thread::park();
            },
            _ => {}
        }
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n");
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let line = head.lines().next()?.trim_end_matches(" HTTP/1.1").to_owned();
    Some(Request { line, head, body: String::from_utf8_lossy(&body).into_owned() })
}
