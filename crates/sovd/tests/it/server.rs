//! A hand-written HTTP server: it answers with exactly the bytes it is told.
//! It refuses to be correct by itself, or it could not be wrong on purpose.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use fleetwire_sovd::{Client, Entity, Http, Limits, Url};

#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Method and path, e.g. `GET /v1/components`.
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: String,
    /// Counts connections from 0.
    pub(crate) connection: usize,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Hands each connection to `behave` as it was accepted.
    pub(crate) fn raw(behave: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        Self::accepting(move |stream, _, _| behave(stream))
    }

    /// Reads each request, answers with the given bytes and keeps the connection.
    /// No bytes: it closes the connection.
    pub(crate) fn http(answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::accepting(move |stream, connection, seen| converse(stream, connection, seen, &answer))
    }

    /// The same behind TLS.
    pub(crate) fn tls(
        config: Arc<rustls::ServerConfig>,
        answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::accepting(move |stream, connection, seen| {
            let tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let stream = rustls::StreamOwned::new(tls, stream);
            converse(stream, connection, seen, &answer);
        })
    }

    /// The same at a unix socket.
    pub(crate) fn unix(
        path: &Path,
        answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let record = Arc::clone(&seen);
        std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().flatten().enumerate() {
                converse(stream, connection, &record, &answer);
            }
        });
        Self { port: 0, seen }
    }

    /// Answers with JSON by request line, and with an empty 404 otherwise.
    pub(crate) fn json(routes: &[(&str, u16, &str)]) -> Self {
        let routes: HashMap<String, Vec<u8>> = routes
            .iter()
            .map(|(line, status, body)| ((*line).to_owned(), response(*status, "", body)))
            .collect();
        Self::http(move |request| {
            routes.get(&request.line).cloned().unwrap_or_else(|| response(404, "", ""))
        })
    }

    fn accepting(
        behave: impl Fn(TcpStream, usize, &Mutex<Vec<Request>>) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (behave, record) = (Arc::new(behave), Arc::clone(&seen));
        std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().flatten().enumerate() {
                let (behave, record) = (Arc::clone(&behave), Arc::clone(&record));
                std::thread::spawn(move || behave(stream, connection, &record));
            }
        });
        Self { port, seen }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_at("/v1")
    }

    pub(crate) fn client_at(&self, path: &str) -> Client {
        client_of(&format!("http://127.0.0.1:{}{path}", self.port))
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// The JSON of the request that came as number `index`, from 0.
    pub(crate) fn body(&self, index: usize) -> serde_json::Value {
        serde_json::from_str(&self.seen().remove(index).body).unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|request| request.line).collect()
    }
}

fn converse(
    mut stream: impl Read + Write,
    connection: usize,
    seen: &Mutex<Vec<Request>>,
    answer: &impl Fn(&Request) -> Vec<u8>,
) {
    while let Some(request) = read_request(&mut stream, connection) {
        seen.lock().unwrap().push(request.clone());
        let bytes = answer(&request);
        if bytes.is_empty() || stream.write_all(&bytes).is_err() {
            return;
        }
    }
}

/// Small limits, so that tests stay small as well.
pub(crate) fn limits() -> Limits {
    Limits {
        connect_timeout: std::time::Duration::from_millis(300),
        body_bytes: 100_000,
        part_bytes: 200_000,
    }
}

pub(crate) fn client_of(base: &str) -> Client {
    Client::new(Url::parse(base).unwrap(), Http::new(limits()).unwrap())
}

/// An entity without any announced collection, read from a server made for it.
pub(crate) async fn bare_entity(client: &Client, path: &str) -> Entity {
    client.entity(&client.link(path).unwrap()).await.unwrap()
}

pub(crate) fn response(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

pub(crate) fn read_request(stream: &mut impl Read, connection: usize) -> Option<Request> {
    let mut reader = BufReader::new(stream);
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
    Some(Request { line, head, body: String::from_utf8(body).ok()?, connection })
}
