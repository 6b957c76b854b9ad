//! The connection that publishes: everything that waits goes out in one pipeline.
//!
//! Refuses to try twice and to keep what Redis was not there for: the store has it.

use super::line::{Line, Place};
use super::{Health, PING, Pauses, in_time};
use crate::live::bus::OrderError;
use crate::observe;
use ::redis::{PushInfo, RedisResult};
use connect::SendBy;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How much goes out together.
const BATCH: usize = 256;
/// The same in bytes, or a little more.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Something for Redis.
pub(super) enum Request {
    /// A text for a channel.
    Post(Posting),
    /// How many listen on each channel?
    Count { channels: Vec<String>, reply: oneshot::Sender<Vec<u64>> },
}

pub(super) struct Posting {
    pub(super) channel: String,
    pub(super) text: Arc<str>,
    /// What it is, if it is an order.
    pub(super) order: Option<Order>,
    pub(super) since: Instant,
    /// What it takes of the outbox.
    pub(super) _room: OwnedSemaphorePermit,
}

/// What only an order carries.
pub(super) struct Order {
    /// Told how many heard it. Dropped = it was not sent.
    pub(super) reply: oneshot::Sender<Result<u64, OrderError>>,
    /// After it the order is not sent.
    pub(super) send_by: SendBy,
}

impl Posting {
    fn is_too_late(&self) -> bool {
        self.order.as_ref().is_some_and(|order| order.send_by.has_passed())
    }
}

/// The task that publishes.
pub(super) struct Publisher {
    place: Place,
    requests: mpsc::Receiver<Request>,
    health: Arc<Health>,
}

impl Publisher {
    pub(super) fn new(
        place: Place,
        requests: mpsc::Receiver<Request>,
        health: Arc<Health>,
    ) -> Self {
        Self { place, requests, health }
    }

    /// Runs until every handle to the bus is gone, and for the connecting until `shutdown`.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        loop {
            let Some(line) = self.connect(&shutdown).await else { return };
            self.health.publishes(true);
            let end = self.serve(line).await;
            self.health.publishes(false);
            match end {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "the bus has stopped taking events"),
            }
        }
    }

    /// Connects. What is asked meanwhile is not answered, and what is posted is dropped.
    async fn connect(&mut self, shutdown: &CancellationToken) -> Option<Line> {
        let mut pauses = Pauses::new();
        loop {
            let attempt = async {
                match self.place.connect(|_: PushInfo| Ok::<_, Infallible>(())).await {
                    Ok(line) => Some(line),
                    Err(error) => {
                        tracing::debug!(%error, "the bus cannot be reached");
                        pauses.next().await;
                        None
                    }
                }
            };
            tokio::pin!(attempt);
            let connected = loop {
                tokio::select! {
                    connected = &mut attempt => break connected,
                    request = self.requests.recv() => drop(request?),
                    () = shutdown.cancelled() => return None,
                }
                observe::bus_dropped(1);
            };
            if connected.is_some() {
                return connected;
            }
        }
    }

    /// Publishes until there is nobody left who could ask for it.
    async fn serve(&mut self, mut line: Line) -> RedisResult<()> {
        let mut ping = tokio::time::interval(PING);
        ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                count = self.requests.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return Ok(());
                    }
                    answer(&mut line, std::mem::take(&mut batch)).await?;
                }
                _ = ping.tick() => self.check(&mut line).await?,
            }
        }
    }
}

impl Publisher {
    /// Asks whether Redis is there. A cluster that lacks a node goes on with the others.
    async fn check(&self, line: &mut Line) -> RedisResult<()> {
        let answer = in_time(line.ping()).await;
        self.health.publishes(answer.is_ok());
        if line.heals_itself() { Ok(()) } else { answer }
    }
}

async fn answer(line: &mut Line, batch: Vec<Request>) -> RedisResult<()> {
    let mut postings = Vec::with_capacity(batch.len());
    let mut bytes = 0;
    for request in batch {
        match request {
            Request::Post(posting) => {
                bytes += posting.text.len();
                postings.push(posting);
            }
            Request::Count { channels, reply } => {
                let counts = in_time(line.listeners(&channels)).await?;
                // Whoever asked may have gone.
                drop(reply.send(counts));
            }
        }
        if bytes >= BATCH_BYTES {
            post(line, std::mem::take(&mut postings)).await?;
            bytes = 0;
        }
    }
    post(line, postings).await
}

async fn post(line: &mut Line, mut postings: Vec<Posting>) -> RedisResult<()> {
    postings.retain(|posting| !posting.is_too_late());
    if postings.is_empty() {
        return Ok(());
    }
    let texts = postings.iter().map(|posting| (posting.channel.as_str(), &posting.text));
    let posted = in_time(line.publish(texts)).await;
    let heard = posted.as_ref().map_or(&[][..], Vec::as_slice);
    for (index, posting) in postings.into_iter().enumerate() {
        let receivers = heard.get(index).copied().flatten();
        match receivers {
            Some(_) => observe::bus_published(posting.since.elapsed()),
            None => observe::bus_dropped(1),
        }
        if let Some(Order { reply, .. }) = posting.order {
            // Whoever asked may have gone.
            reply.send(receivers.ok_or(OrderError::Lost)).ok();
        }
    }
    posted.map(|_| ())
}
