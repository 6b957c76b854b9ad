//! The way out for clients without WebSocket: server-sent events and long-poll, on the same cursor.
//!
//! Refuses its own idea of delivery: both are a watcher, written down differently.

use super::frame::Frame;
use super::guard::guard;
use super::rights::Followed;
use super::seats::Seat;
use super::watch::Watcher;
use crate::auth::{Auth, Pass};
use crate::observe;
use axum::body::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, Stream};
use model::event::Kind;
use std::fmt::Write;
use std::time::Duration;
use tokio::sync::watch::Sender;
use tokio_util::sync::CancellationToken;

/// How often a silent stream says that it is alive; proxies cut silent connections.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

/// The stream as the body of an answer: ends after the terminal status, with the caller's session,
/// or when the server drains. A client that saw no terminal status knows that there is more.
pub(crate) fn body(
    (watcher, seat): (Watcher, Seat),
    (auth, pass): (Auth, Pass),
    shutdown: CancellationToken,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    let over = over(&watcher, (auth, pass), shutdown);
    let opening = stream::once(async { Ok(Bytes::from_static(b"retry: 2000\n\n")) });
    let watching = (watcher, (seat, observe::event_stream_open()));
    let events = stream::unfold(Some(watching), |watching| async {
        let (mut watcher, place) = watching?;
        match tokio::time::timeout(COMMENT_EVERY, watcher.next()).await {
            Err(_) => Some((Ok(Bytes::from_static(b":\n\n")), Some((watcher, place)))),
            Ok(Ok(frames)) => {
                let goes_on = !is_over(&frames);
                Some((Ok(lines(&frames)), goes_on.then_some((watcher, place))))
            }
            // An error breaks the connection off: it must not look like the end of the stream.
            Ok(Err(error)) => Some((Err(std::io::Error::other(error)), None)),
        }
    });
    opening.chain(events).take_until(Box::pin(over))
}

/// Whether nothing follows these frames.
fn is_over(frames: &[Frame]) -> bool {
    frames.last().is_none_or(|frame| frame.kind == Kind::End)
}

/// Resolves when the stream has to end: with the caller's session or right, or with the server.
fn over(
    watcher: &Watcher,
    (auth, pass): (Auth, Pass),
    shutdown: CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let store = watcher.store().clone();
    let followed = Followed::command(watcher.command_id());
    async move {
        let pass = Sender::new(pass);
        tokio::select! {
            () = shutdown.cancelled() => {}
            _ = guard((&auth, &store), &pass, &followed) => {}
        }
    }
}

fn lines(frames: &[Frame]) -> Bytes {
    let mut text = String::new();
    for frame in frames {
        let written = write!(text, "id: {}\ndata: {}\n\n", frame.offset, frame.text());
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
    text.into()
}

/// What one long-poll answers.
pub(crate) struct Poll {
    pub(crate) frames: Vec<Frame>,
    pub(crate) next_after: u64,
    pub(crate) is_terminal: bool,
}

/// The next events; none after `wait`, or when a stream would have ended.
pub(crate) async fn poll(
    (mut watcher, _seat): (Watcher, Seat),
    wait: Duration,
    from: (Auth, Pass),
    shutdown: CancellationToken,
) -> Result<Poll, store::StoreError> {
    let _counted = observe::event_stream_open();
    let over = over(&watcher, from, shutdown);
    let mut frames = watcher.present().await?;
    if frames.is_none() {
        frames = tokio::select! {
            biased;
            () = over => None,
            frames = watcher.next() => Some(frames?),
            () = tokio::time::sleep(wait) => None,
        };
    }
    let is_terminal = frames.as_ref().is_some_and(|frames| is_over(frames));
    let frames = frames.unwrap_or_default();
    Ok(Poll { frames, next_after: watcher.cursor(), is_terminal })
}
