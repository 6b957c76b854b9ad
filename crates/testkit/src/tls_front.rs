//! A vehicle's server behind TLS that wants a token, and may want to know its client: what comes with
//! them is handed on to one that speaks plain HTTP. It understands no more of a request than where it ends.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::authority::Authority;

const DENIED: &[u8] =
    b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A listening front; it ends with the process.
#[derive(Debug)]
pub struct TlsFront {
    /// The base of the SOVD server behind it, as it is reached through it.
    pub url: String,
    /// The certificate, as PEM, of the authority that it is believed by.
    pub authority: String,
}

impl TlsFront {
    /// Stands before the server at `url`, and wants this token.
    pub fn before(url: &str, token: &str) -> Self {
        let authority = Authority::default();
        Self::start(url, token, authority.server("localhost"), &authority)
    }

    /// The same, and lets in only whom `authority` knows, which also vouches for it.
    pub fn known_to(authority: &Authority, url: &str, token: &str) -> Self {
        Self::start(url, token, authority.server_for_known("localhost"), authority)
    }

    fn start(url: &str, token: &str, config: Arc<ServerConfig>, authority: &Authority) -> Self {
        let plain: reqwest::Url = url.parse().expect("it is a URL");
        let behind = plain.socket_addrs(|| None).expect("it is an address")[0];
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let wanted = format!("authorization: bearer {token}\r\n").to_lowercase();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, wanted) = (Arc::clone(&config), wanted.clone());
                // Whoever does not trust it goes away: that is no failure of the test.
                thread::spawn(move || drop(converse(stream, config, behind, &wanted)));
            }
        });
        Self {
            url: format!("https://localhost:{port}{}", plain.path()),
            authority: authority.pem(),
        }
    }
}

/// One request and its answer.
fn converse(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    behind: std::net::SocketAddr,
    wanted: &str,
) -> io::Result<()> {
    let tls = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(tls, stream));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let lower = head.to_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
    let mut body = vec![0; length.and_then(|text| text.trim().parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body)?;
    let client = stream.get_mut();
    if lower.contains(wanted) {
        let mut server = TcpStream::connect(behind)?;
        let head = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
        server.write_all(head.as_bytes())?;
        server.write_all(&body)?;
        hand_on(&mut server, client)?;
    } else {
        client.write_all(DENIED)?;
    }
    client.conn.send_close_notify();
    client.flush()
}

/// Piece by piece: an answer may be a stream.
fn hand_on(server: &mut TcpStream, client: &mut impl Write) -> io::Result<()> {
    let mut piece = [0; 16 * 1024];
    loop {
        let length = server.read(&mut piece)?;
        if length == 0 {
            return Ok(());
        }
        client.write_all(&piece[..length])?;
        client.flush()?;
    }
}
