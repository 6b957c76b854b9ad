//! A WebSocket session: what a client asks, what it is sent, and when it ends.
//!
//! Refuses to queue: what a client does not take stays in the log until it does.

mod action;
mod speaker;

use super::Live;
use super::guard::{Over, guard};
use crate::auth::{Auth, Pass};
use action::Heard;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use model::id::CommandId;
use speaker::Speaker;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Error as WireError;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_util::sync::CancellationToken;

/// How long a close frame, and the peer's answer to it, may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// How many actions may wait to be carried out; more stay in the client's socket.
const ACTIONS: usize = 16;

/// What a session may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long a session without anything to come stays open; zero = for ever.
    pub(crate) idle_close: Duration,
    /// How often the peer is asked whether it is there.
    pub(crate) ping_interval: Duration,
    /// How long a peer may be silent, pongs included.
    pub(crate) peer_timeout: Duration,
    /// How long a peer may take nothing of what is written.
    pub(crate) stuck_after: Duration,
    /// How many commands and channels one session may follow.
    pub(crate) max_subscriptions: usize,
    /// How many frames a client may send in a second, pings and pongs included.
    pub(crate) max_actions_per_second: u32,
}

/// What a client came for.
pub(crate) struct Visit {
    pub(crate) pass: Pass,
    /// The command in the path.
    pub(crate) command_id: CommandId,
    /// The offset after which its events are wanted.
    pub(crate) after: u64,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The client closed, or went away.
    ClientLeft,
    /// Everything it came for has been delivered.
    CommandOver,
    /// The token ran out.
    TokenExpired,
    /// Logout, a disabled user or a lost right.
    SessionEnded,
    /// Not allowed in: the reason for the log and the close frame.
    Denied(&'static str),
    /// The server is going down.
    ShuttingDown,
    /// The client took nothing, or said nothing, for too long.
    Stuck,
    /// The client sent something that is no frame of ours.
    BadFrame,
    /// The client broke the rules of WebSocket frames.
    BrokenProtocol,
    /// The client sent text that is not UTF-8.
    NotText,
    /// The client sent a frame that is too large.
    TooLarge,
    /// The client went over a limit.
    OverLimit(&'static str),
    /// The store did not answer.
    StoreFailed,
}

impl End {
    /// The close code and reason; data loss never looks like 1000.
    fn close(self) -> (u16, &'static str) {
        match self {
            Self::ClientLeft | Self::CommandOver => (1000, "done"),
            Self::TokenExpired => (1008, "token expired"),
            Self::SessionEnded => (1008, "session ended"),
            Self::Denied(reason) => (1008, reason),
            Self::ShuttingDown => (1001, "server is going down: reconnect with ?after="),
            Self::Stuck => (4408, "no progress"),
            Self::BadFrame => (4400, "only text frames with a JSON action are understood"),
            Self::BrokenProtocol => (1002, "that was no WebSocket frame"),
            Self::NotText => (1007, "text frames hold UTF-8"),
            Self::TooLarge => (4413, "frame too large"),
            Self::OverLimit(what) => (4429, what),
            Self::StoreFailed => (1011, "the store does not answer: reconnect with ?after="),
        }
    }

    /// One word for the log.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::ClientLeft => "client_left",
            Self::CommandOver => "command_over",
            Self::TokenExpired => "token_expired",
            Self::SessionEnded => "session_ended",
            Self::Denied(reason) => reason,
            Self::ShuttingDown => "shutting_down",
            Self::Stuck => "stuck",
            Self::BadFrame => "bad_frame",
            Self::BrokenProtocol => "broken_protocol",
            Self::NotText => "not_text",
            Self::TooLarge => "too_large",
            Self::OverLimit(_) => "over_limit",
            Self::StoreFailed => "store_failed",
        }
    }
}

impl From<Over> for End {
    fn from(over: Over) -> Self {
        match over {
            Over::TokenExpired => Self::TokenExpired,
            Over::SessionEnded => Self::SessionEnded,
            Over::StoreFailed => Self::StoreFailed,
        }
    }
}

/// Serves a session until its end.
pub(crate) async fn serve(
    socket: WebSocket,
    visit: Visit,
    (live, auth): (Live, Auth),
    limits: Limits,
    shutdown: CancellationToken,
) -> End {
    let (sink, mut stream) = socket.split();
    let pass = watch::Sender::new(visit.pass);
    let (actions, waiting) = mpsc::channel(ACTIONS);
    let store = live.store.clone();
    let mut speaker = Speaker::new(sink, (live, auth.clone()), pass.clone(), limits);
    let (followed, progress) = (speaker.followed(), speaker.progress());
    speaker.watch(visit.command_id, visit.after);
    // Whichever ends first ends the session; a writer that is blocked on a full socket is cut.
    let end = tokio::select! {
        () = shutdown.cancelled() => End::ShuttingDown,
        over = guard((&auth, &store), pass, followed) => over.into(),
        end = listen(&mut stream, progress, actions, limits) => end,
        end = speaker.run(waiting) => end,
    };
    farewell(speaker.into_sink(), stream, end).await;
    end
}

/// Refuses a session with its close code.
pub(crate) async fn turn_away(socket: WebSocket, end: End) {
    let (sink, stream) = socket.split();
    farewell(sink, stream, end).await;
}

/// Hears the client out, and hands on what it asks.
async fn listen(
    stream: &mut SplitStream<WebSocket>,
    progress: watch::Receiver<Instant>,
    actions: mpsc::Sender<Heard>,
    limits: Limits,
) -> End {
    let mut second = (Instant::now(), 0);
    loop {
        let message = match heard(stream, &progress, limits.peer_timeout).await {
            Ok(message) => message,
            Err(end) => return end,
        };
        // Pings are not free: each is answered.
        if second.0.elapsed() >= Duration::from_secs(1) {
            second = (Instant::now(), 0);
        }
        second.1 += 1;
        if second.1 > limits.max_actions_per_second {
            return End::OverLimit("too many frames in a second");
        }
        let heard = match message {
            Message::Text(text) => action::parse(&text),
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Binary(_) => return End::BadFrame,
            Message::Close(_) => return End::ClientLeft,
        };
        if actions.send(heard).await.is_err() {
            return End::ClientLeft;
        }
    }
}

/// The next message. A client that says nothing is given up, unless it is busy taking what was
/// written: its answers to pings wait behind that.
async fn heard(
    stream: &mut SplitStream<WebSocket>,
    progress: &watch::Receiver<Instant>,
    patience: Duration,
) -> Result<Message, End> {
    let mut silent_since = Instant::now();
    loop {
        match tokio::time::timeout_at(silent_since + patience, stream.next()).await {
            Ok(Some(Ok(message))) => return Ok(message),
            Ok(Some(Err(error))) => return Err(broken(error)),
            Ok(None) => return Err(End::ClientLeft),
            Err(_) => {
                let alive_at = *progress.borrow();
                if alive_at.elapsed() >= patience {
                    return Err(End::Stuck);
                }
                silent_since = alive_at;
            }
        }
    }
}

/// What a reading error says about the client.
fn broken(error: axum::Error) -> End {
    let Ok(error) = error.into_inner().downcast::<WireError>() else { return End::ClientLeft };
    match *error {
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

async fn farewell(
    mut sink: SplitSink<WebSocket, Message>,
    mut stream: SplitStream<WebSocket>,
    end: End,
) {
    let (code, reason) = end.close();
    let frame = CloseFrame { code, reason: reason.into() };
    let goodbye = async {
        sink.send(Message::Close(Some(frame))).await?;
        // Reading on until the peer has closed too: unread bytes would turn into a reset that
        // overtakes the close frame.
        while let Some(Ok(_)) = stream.next().await {}
        Ok::<_, axum::Error>(())
    };
    drop(tokio::time::timeout(FAREWELL, goodbye).await);
}
