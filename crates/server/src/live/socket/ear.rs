//! The frames of a client: read from its connection, by the rules of RFC 6455.
//!
//! Refuses to write: what the protocol wants answered is left to the speaker.

use super::desk::Desk;
use super::{End, Limits};
use crate::live::outlet::Outlet;
use crate::live::wire::Wire;
use bytes::Bytes;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error as WireError, Message};

/// What is read at once. Clients say little, and most of what an idle watcher costs could be this.
const READ_BUFFER: usize = 256;

/// The hearing end of a connection.
pub(super) struct Ear {
    outlet: Arc<Outlet>,
    context: WebSocketContext,
}

impl Ear {
    /// `early` is what the client said before the upgrade was complete.
    pub(super) fn new(outlet: Arc<Outlet>, early: &Bytes, limits: &Limits) -> Self {
        Self { outlet, context: context(early, limits.max_frame_bytes) }
    }

    /// The next message; what has to be answered to the frames before it is on the desk.
    pub(super) async fn next(&mut self, desk: &Desk) -> Result<Message, End> {
        loop {
            let mut line = Line { wire: &self.outlet.wire, replies: Vec::new() };
            let mut read = self.context.read(&mut line);
            if let Ok(Message::Close(_)) = &read
                && let Err(error) = self.context.flush(&mut line)
            {
                read = Err(error);
            }
            if !line.replies.is_empty() {
                desk.send(&line.replies)?;
            }
            match read {
                Ok(message) => return Ok(message),
                Err(WireError::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    self.outlet.wire.readable().await.map_err(|_| End::ClientLeft)?;
                }
                Err(error) => return Err(broken(&error)),
            }
        }
    }
}

/// The reader of a client's frames; `early` is what is there already.
pub(super) fn context(early: &Bytes, max_frame_bytes: usize) -> WebSocketContext {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(max_frame_bytes))
        .max_frame_size(Some(max_frame_bytes));
    WebSocketContext::from_partially_read(early.to_vec(), Role::Server, Some(config))
}

/// Reads what is there, and keeps what would be written.
struct Line<'a> {
    wire: &'a Wire,
    replies: Vec<u8>,
}

impl Read for Line<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.wire.try_read(room)
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a reading error says about the client.
pub(super) fn broken(error: &WireError) -> End {
    match error {
        WireError::Capacity(_) => End::TooLarge,
        WireError::Utf8(_) => End::NotText,
        WireError::Protocol(
            ProtocolError::ResetWithoutClosingHandshake
            | ProtocolError::ReceivedAfterClosing
            | ProtocolError::SendAfterClosing,
        )
        | WireError::ConnectionClosed
        | WireError::AlreadyClosed
        | WireError::Io(_)
        | WireError::Tls(_)
        | WireError::WriteBufferFull(_)
        | WireError::Url(_)
        | WireError::Http(_)
        | WireError::HttpFormat(_) => End::ClientLeft,
        WireError::Protocol(_) | WireError::AttackAttempt => End::BrokenProtocol,
    }
}
