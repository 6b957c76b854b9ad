//! One connection through the proxy: bytes in both directions, each under the faults of the moment.
//! It refuses to tell one end what happens at the other while the line between them is stalled.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::Direction;
use super::faults::{Cut, Faults, changed, until};
use super::record::Pen;

/// Most bytes that are taken at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// Chunks on their way in one direction: this many in each delay, at most.
const CHUNKS: usize = 64;

/// What was read at one moment; empty at the end of the stream.
struct Chunk {
    arrived: Instant,
    bytes: Vec<u8>,
}

/// Why a connection ended before both of its streams did.
enum End {
    /// All the bytes that it was allowed have been delivered.
    Cut,
    /// One of its ends is gone.
    Broken,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

/// A client's connection on its way to the target.
pub(super) struct Connection {
    client: TcpStream,
    faults: watch::Receiver<Faults>,
    /// How many resets there were before it.
    resets: u64,
    record: Pen,
}

impl Connection {
    /// A connection for which every fault holds that is switched on from now on.
    pub(super) fn new(client: TcpStream, faults: watch::Receiver<Faults>, record: Pen) -> Self {
        let resets = faults.borrow().resets;
        Self { client, faults, resets, record }
    }

    /// Carries bytes to the target and back until one of them ends it.
    pub(super) async fn carry(mut self, target: SocketAddr) {
        let mut reset = pin!(reset(self.faults.clone(), self.resets));
        let target = tokio::select! {
            biased;
            () = &mut reset => None,
            target = connect(target, self.faults.clone()) => target.ok(),
        };
        let Some(mut target) = target else { return abort(&self.client) };
        tokio::select! {
            biased;
            () = reset => {
                abort(&self.client);
                abort(&target);
            }
            () = relay(&mut self.client, &mut target, self.faults, &self.record) => {}
        }
    }
}

/// Lets a connection end in a reset once it is dropped.
pub(super) fn abort(stream: &TcpStream) {
    // It fails when there is nobody left to reset.
    stream.set_zero_linger().ok();
}

async fn reset(mut faults: watch::Receiver<Faults>, before: u64) {
    until(&mut faults, |faults| faults.resets != before).await;
}

/// In silence the target hears nothing of a new client. An attempt that is given up ends in a reset.
async fn connect(target: SocketAddr, mut faults: watch::Receiver<Faults>) -> io::Result<TcpStream> {
    until(&mut faults, |faults| !faults.is_silent()).await;
    let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_zero_linger()?;
    let stream = socket.connect(target).await?;
    #[expect(deprecated, reason = "back to the default, which never blocks")]
    stream.set_linger(None)?;
    Ok(stream)
}

async fn relay(
    client: &mut TcpStream,
    target: &mut TcpStream,
    mut faults: watch::Receiver<Faults>,
    record: &Pen,
) {
    let outcome = pump_both(client, target, &faults, record).await;
    match outcome {
        Ok(()) => {}
        Err(End::Cut) => {
            client.shutdown().await.ok();
        }
        Err(End::Broken) => {
            until(&mut faults, Faults::is_stall_free).await;
            abort(client);
            abort(target);
        }
    }
}

async fn pump_both(
    client: &mut TcpStream,
    target: &mut TcpStream,
    faults: &watch::Receiver<Faults>,
    record: &Pen,
) -> Result<(), End> {
    client.set_nodelay(true)?;
    target.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_target, to_target) = target.split();
    tokio::try_join!(
        pump(Direction::ToTarget, from_client, to_target, faults, Some(record)),
        pump(Direction::ToClient, from_target, to_client, faults, None),
    )?;
    Ok(())
}

/// Reading goes on while earlier chunks wait for their time: a delay costs no throughput.
async fn pump(
    direction: Direction,
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    faults: &watch::Receiver<Faults>,
    record: Option<&Pen>,
) -> Result<(), End> {
    let (sender, receiver) = mpsc::channel(CHUNKS);
    let delivery =
        Delivery { direction, to, faults: faults.clone(), obeyed: 0, allowance: u64::MAX };
    let reading = read(direction, from, faults.clone(), sender, record);
    tokio::try_join!(reading, delivery.run(receiver)).map(|_| ())
}

async fn read(
    direction: Direction,
    mut from: ReadHalf<'_>,
    mut faults: watch::Receiver<Faults>,
    chunks: mpsc::Sender<Chunk>,
    record: Option<&Pen>,
) -> Result<(), End> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        until(&mut faults, |faults| !faults.is_stalled(direction)).await;
        let length = tokio::select! {
            biased;
            () = changed(&mut faults) => continue,
            length = from.read(&mut buffer) => length?,
        };
        if let Some(record) = record {
            record.write(&buffer[..length]);
        }
        let chunk = Chunk { arrived: Instant::now(), bytes: buffer[..length].to_vec() };
        if chunks.send(chunk).await.is_err() || length == 0 {
            return Ok(());
        }
    }
}

/// The writing side of one direction.
struct Delivery<'a> {
    direction: Direction,
    to: WriteHalf<'a>,
    faults: watch::Receiver<Faults>,
    /// The number of the last cut that was heard of.
    obeyed: u64,
    /// Bytes that may still be delivered.
    allowance: u64,
}

impl Delivery<'_> {
    async fn run(mut self, mut chunks: mpsc::Receiver<Chunk>) -> Result<(), End> {
        loop {
            self.allowed(0)?;
            let chunk = tokio::select! {
                biased;
                () = changed(&mut self.faults) => continue,
                chunk = chunks.recv() => chunk,
            };
            match chunk {
                Some(chunk) if !chunk.bytes.is_empty() => self.deliver(chunk).await?,
                Some(end) => return self.finish(end.arrived).await,
                None => return Ok(()),
            }
        }
    }

    /// The end of the stream comes as late as a byte would.
    async fn finish(mut self, arrived: Instant) -> Result<(), End> {
        self.due(arrived).await;
        self.to.shutdown().await?;
        Ok(())
    }

    async fn deliver(&mut self, chunk: Chunk) -> Result<(), End> {
        let mut rest = chunk.bytes.as_slice();
        while !rest.is_empty() {
            self.due(chunk.arrived).await;
            let length = self.allowed(rest.len())?;
            let written = tokio::select! {
                biased;
                () = changed(&mut self.faults) => continue,
                written = self.to.write(&rest[..length]) => written?,
            };
            self.allowance = self.allowance.saturating_sub(written as u64);
            rest = &rest[written..];
        }
        Ok(())
    }

    /// Waits until what arrived then may be delivered under the faults of now.
    async fn due(&mut self, arrived: Instant) {
        loop {
            until(&mut self.faults, |faults| !faults.is_stalled(self.direction)).await;
            let due = arrived + self.faults.borrow().delay;
            tokio::select! {
                biased;
                () = changed(&mut self.faults) => {}
                () = sleep_until(due) => return,
            }
        }
    }

    /// How many of `wanted` bytes may be delivered now, or that the connection is at its end.
    fn allowed(&mut self, wanted: usize) -> Result<usize, End> {
        let faults = *self.faults.borrow_and_update();
        match faults.cut.filter(|_| self.direction == Direction::ToClient) {
            Some(Cut { number, bytes }) if number != self.obeyed => {
                (self.obeyed, self.allowance) = (number, bytes);
            }
            Some(_) => {}
            None => self.allowance = u64::MAX,
        }
        if self.allowance == 0 && !faults.is_stalled(self.direction) {
            return Err(End::Cut);
        }
        Ok(wanted.min(usize::try_from(self.allowance).unwrap_or(usize::MAX)))
    }
}
