//! The connection under a WebSocket: bare, or sealed by TLS.
//!
//! Refuses to queue: of what it seals, at most one piece waits for the kernel, and nothing is taken
//! before that has gone.

use super::lock;
use rustls::{ServerConnection, Writer};
use socket2::SockRef;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::Mutex;
use tokio::net::TcpStream;

/// How much is sealed before the kernel takes it.
const PIECE: usize = 32 * 1024;
/// How many records without content are read before others get a turn.
const EMPTY_RECORDS: usize = 16;

/// A connection that can be read and written without waiting.
#[derive(Debug)]
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<Sealed>),
}

/// A connection with the keys of its TLS session.
#[derive(Debug)]
pub(crate) struct Sealed {
    stream: TcpStream,
    session: Mutex<ServerConnection>,
}

impl From<TcpStream> for Wire {
    fn from(stream: TcpStream) -> Self {
        Self::Plain(stream)
    }
}

impl From<(TcpStream, ServerConnection)> for Wire {
    fn from((stream, mut session): (TcpStream, ServerConnection)) -> Self {
        session.set_buffer_limit(Some(PIECE));
        Self::Tls(Box::new(Sealed { stream, session: Mutex::new(session) }))
    }
}

impl Wire {
    fn stream(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(sealed) => &sealed.stream,
        }
    }

    /// Waits until there may be something to read.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.stream().readable().await
    }

    /// Waits until the kernel may take something.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.stream().writable().await
    }

    pub(crate) fn try_read(&self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.try_read(room),
            Self::Tls(sealed) => sealed.read(room),
        }
    }

    /// Tells how much was taken, which need not have gone yet: see [`Wire::has_gone`].
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.try_write(bytes),
            Self::Tls(sealed) => sealed.write_all_of(&mut [IoSlice::new(bytes)]),
        }
    }

    /// The same for several pieces.
    pub(crate) fn try_write_vectored(&self, pieces: &mut [IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.try_write_vectored(pieces),
            Self::Tls(sealed) => sealed.write_all_of(pieces),
        }
    }

    /// The same for one who has not waited, and will not.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => SockRef::from(stream).send(bytes),
            Self::Tls(sealed) => sealed.write_all_of(&mut [IoSlice::new(bytes)]),
        }
    }

    /// Whether the kernel has taken everything, after it has been asked to.
    pub(crate) fn has_gone(&self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(true),
            Self::Tls(sealed) => gone(sealed.hand_over(&mut lock(&sealed.session))),
        }
    }

    /// Writes everything, however long that takes.
    pub(crate) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.writable().await?;
            match self.try_write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        while !self.has_gone()? {
            self.writable().await?;
        }
        Ok(())
    }

    /// Says that nothing follows. What the peer still says can be read.
    pub(crate) async fn hang_up(&self) -> io::Result<()> {
        if let Self::Tls(sealed) = self {
            lock(&sealed.session).send_close_notify();
            self.write_all(&[]).await?;
        }
        SockRef::from(self.stream()).shutdown(Shutdown::Write)
    }
}

impl Sealed {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        let mut session = lock(&self.session);
        for _ in 0..EMPTY_RECORDS {
            match session.reader().read(room) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if session.read_tls(&mut Line(&self.stream))? == 0 {
                return Ok(0);
            }
            let understood = session.process_new_packets();
            // The words of TLS itself, an alert for one, are answered as far as that goes at once.
            gone(self.hand_over(&mut session))?;
            understood.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        }
        session.reader().read(room)
    }

    /// Seals what is there, piece by piece, until the kernel takes no more.
    fn write_all_of(&self, mut pieces: &mut [IoSlice<'_>]) -> io::Result<usize> {
        let mut session = lock(&self.session);
        let mut taken = 0;
        while !pieces.is_empty() && gone(self.hand_over(&mut session))? {
            let count = seal(&mut session.writer(), pieces)?;
            if count == 0 {
                break;
            }
            taken += count;
            IoSlice::advance_slices(&mut pieces, count);
        }
        gone(self.hand_over(&mut session))?;
        if taken == 0 && !pieces.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    /// Gives the kernel what has been sealed.
    fn hand_over(&self, session: &mut ServerConnection) -> io::Result<()> {
        while session.wants_write() {
            session.write_tls(&mut Line(&self.stream))?;
        }
        Ok(())
    }
}

fn seal(writer: &mut Writer<'_>, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    match pieces {
        [only] => writer.write(only),
        several => writer.write_vectored(several),
    }
}

/// Whether it went all the way, where stopping halfway is no error.
fn gone(done: io::Result<()>) -> io::Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads and writes as far as that goes at once.
struct Line<'a>(&'a TcpStream);

impl Read for Line<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(room)
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
