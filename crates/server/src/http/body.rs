//! Whether the body of a request was read to its end.
//!
//! Refuses to read on for the sake of it: who is answered before the end is told that the connection
//! is over, so that no other request is sent into one that is being closed.

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// Says whether the end was reached.
#[derive(Debug, Clone)]
pub(super) struct End(Arc<AtomicBool>);

impl End {
    pub(super) fn is_reached(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A body that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    body: Incoming,
    end: End,
}

impl Watched {
    pub(super) fn new(body: Incoming) -> (Self, End) {
        let end = End(Arc::new(AtomicBool::new(body.is_end_stream())));
        (Self { body, end: end.clone() }, end)
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.end.0.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
