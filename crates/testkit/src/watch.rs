//! A WebSocket as a test follows it.
//!
//! It waits, and never longer than a test may take.

use crate::contract;
use crate::platform::PATIENCE;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{Request, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

/// An open socket.
#[derive(Debug)]
pub struct Watch(WebSocketStream<Box<dyn Line>>);

/// What it is opened on, sealed or not.
trait Line: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Line for T {}

/// What comes over a socket.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// An event.
    Event(Value),
    /// The close frame's code and reason; 1006 if there was none.
    Closed(u16, String),
}

impl Watch {
    /// Opens one.
    ///
    /// # Errors
    ///
    /// The WebSocket library's, if there was no upgrade.
    pub async fn try_open(url: &str) -> Result<Self, Box<tungstenite::Error>> {
        Self::try_open_as(url, None, None).await
    }

    /// Opens one that offers these subprotocols; for `wss://` it takes to know whom to trust.
    ///
    /// # Errors
    ///
    /// The WebSocket library's, if there was no upgrade.
    pub async fn try_open_as(
        url: &str,
        protocols: Option<&str>,
        tls: Option<Arc<ClientConfig>>,
    ) -> Result<Self, Box<tungstenite::Error>> {
        let mut request = url.into_client_request()?;
        if let Some(protocols) = protocols {
            let protocols = protocols.parse().expect("it can be a header");
            request.headers_mut().insert("sec-websocket-protocol", protocols);
        }
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let line = line(&request, tls).await.map_err(tungstenite::Error::Io)?;
        let opened = tokio_tungstenite::client_async_with_config(request, line, Some(config)).await;
        opened.map(|(socket, _)| Self(socket)).map_err(Box::new)
    }

    /// Opens one over a connection that holds almost nothing which has not been read.
    ///
    /// # Panics
    ///
    /// If there is no socket to be had.
    pub async fn open_narrow(url: &str, tls: Option<Arc<ClientConfig>>) -> Self {
        const ROOM: u32 = 4 * 1024;
        let host = url.split('/').nth(2).unwrap_or_default();
        let socket = TcpSocket::new_v4().expect("there are sockets");
        socket.set_recv_buffer_size(ROOM).expect("it can be small");
        let address: SocketAddr = host.parse().expect("it is an address");
        let stream = socket.connect(address).await.expect("somebody listens");
        let line = sealed(stream, &address.ip().to_string(), tls).await;
        let line = line.expect("whoever listens is trusted");
        let opened = tokio_tungstenite::client_async(url, line).await;
        Self(opened.expect("it can be watched").0)
    }

    /// The next event, or the close.
    pub async fn heard(&mut self) -> Heard {
        self.heard_within(PATIENCE).await
    }

    /// The next event, or the close, for which one may have to wait as long as that.
    pub async fn heard_within(&mut self, limit: Duration) -> Heard {
        loop {
            let next = tokio::time::timeout(limit, self.0.next()).await;
            match next.expect("nothing came in time") {
                Some(Ok(Message::Text(text))) => {
                    let event = serde_json::from_str(&text).expect("events are JSON");
                    contract::check(&event);
                    return Heard::Event(event);
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Heard::Closed(frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Close(None)) | Err(_)) | None => {
                    return Heard::Closed(1006, String::new());
                }
                Some(Ok(
                    Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_),
                )) => {}
            }
        }
    }

    /// The next event.
    pub async fn next(&mut self) -> Value {
        match self.heard().await {
            Heard::Event(event) => event,
            Heard::Closed(code, reason) => panic!("closed with {code}: {reason}"),
        }
    }

    /// The next event of that name; whatever comes before it is passed over.
    pub async fn next_of(&mut self, name: &str) -> Value {
        loop {
            let event = self.next().await;
            if event["event"] == name {
                return event;
            }
        }
    }

    /// All events up to the terminal status.
    pub async fn until_end(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await;
            let is_end = event["completed_at"].is_string();
            events.push(event);
            if is_end {
                return events;
            }
        }
    }

    /// The code of the close; whatever comes before it is passed over.
    pub async fn close_code(&mut self) -> u16 {
        self.closed().await.0
    }

    /// The code and reason of the close; whatever comes before it is passed over.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Heard::Closed(code, reason) = self.heard().await {
                return (code, reason);
            }
        }
    }

    /// Sends an action.
    pub async fn send(&mut self, action: Value) {
        self.send_message(Message::Text(action.to_string().into())).await;
    }

    /// Sends any frame.
    pub async fn send_message(&mut self, message: Message) {
        self.0.send(message).await.expect("the socket takes it");
    }
}

/// The connection that a request wants.
async fn line(request: &Request<()>, tls: Option<Arc<ClientConfig>>) -> io::Result<Box<dyn Line>> {
    let host = request.uri().host().unwrap_or_default().to_owned();
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port(request.uri()))).await?;
    stream.set_nodelay(true)?;
    sealed(stream, &host, tls).await
}

async fn sealed(
    stream: TcpStream,
    host: &str,
    tls: Option<Arc<ClientConfig>>,
) -> io::Result<Box<dyn Line>> {
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let name = host.to_owned().try_into().map_err(io::Error::other)?;
    Ok(Box::new(TlsConnector::from(tls).connect(name, stream).await?))
}

fn port(address: &Uri) -> u16 {
    let is_sealed = address.scheme_str() == Some("wss");
    address.port_u16().unwrap_or(if is_sealed { 443 } else { 80 })
}

/// The sequence numbers of the responses among events.
pub fn sequences(events: &[Value]) -> Vec<u64> {
    events.iter().filter_map(|event| event["sequence_number"].as_u64()).collect()
}
