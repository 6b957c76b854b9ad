//! What clients say on a socket, read by fuzz targets: frames, and the messages in them.
//!
//! Refuses to be an interface: it is compiled for `fuzz/` and for the replay of its seeds only.

use super::action;
use super::ear::{broken, context};
use bytes::Bytes;
use std::io::{self, ErrorKind, Read, Write};
use tokio_tungstenite::tungstenite::Error;

/// Bytes of the longest frame that is read here.
const FRAME: usize = 1024;
/// What every answer to a client adds to its own words at most.
const WORDS: usize = 1024;

/// A text frame of the full protocol.
///
/// # Panics
///
/// If what is answered to something unreadable is out of proportion to it.
pub fn client_messages(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let request = action::parse(text);
    assert!(request.id.as_ref().is_none_or(|id| id.len() <= 64));
    if let Err(problem) = request.wish {
        let answer = problem.word(request.id.as_deref()).frame();
        assert!(answer.len() <= WORDS + 12 * text.len(), "{} to {}", answer.len(), text.len());
    }
}

/// The bytes of a connection after its upgrade, in pieces of the size that the first byte says.
///
/// # Panics
///
/// If a message is over the limit, the protocol answers more than it is asked, or it never ends.
pub fn client_frames(data: &[u8]) {
    let [size, bytes @ ..] = data else { return };
    let (early, later) = bytes.split_at(bytes.len().min(usize::from(*size)));
    let mut line = Line { left: later, piece: usize::from(*size).max(1), replies: 0 };
    let mut context = context(&Bytes::copy_from_slice(early), FRAME);
    // Every message has two bytes of a head at least.
    for _ in 0..=bytes.len() {
        match context.read(&mut line) {
            Ok(message) => assert!(message.len() <= FRAME),
            Err(Error::Io(error))
                if error.kind() == ErrorKind::WouldBlock && line.left.is_empty() =>
            {
                break;
            }
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => {
                broken(&error);
                break;
            }
        }
        drop(context.flush(&mut line));
    }
    // A pong for each ping, and one farewell.
    assert!(line.replies <= bytes.len() + 127, "{} to {}", line.replies, bytes.len());
}

/// A connection that has a piece of what is left, or nothing yet, in turn.
struct Line<'a> {
    left: &'a [u8],
    piece: usize,
    replies: usize,
}

impl Read for Line<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.piece.min(room.len()).min(self.left.len());
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let (now, later) = self.left.split_at(count);
        for (to, from) in room.iter_mut().zip(now) {
            *to = *from;
        }
        self.left = later;
        Ok(count)
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
