//! The one writer: all concurrent writes of a node share transactions, and so share the fsync.
//!
//! Refuses to answer before the commit, and to queue without limit.

use crate::claim::Starting;
use crate::clock::Clock;
use crate::engine::{self, Conn, Engine, Target, fetch, statements};
use crate::ledger::{Ledger, Needs};
use crate::{OpenError, Store, StoreError, sqlite};
use model::Timestamp;
use sqlx::{Connection, Executor};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{io, thread};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use uuid::Uuid;

/// How many writes may share a transaction.
const BATCH: usize = 128;
/// How many writes may wait.
const QUEUE: usize = 1024;
/// How long a write may wait for a place in the queue.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a write that lost a deadlock is tried again.
const RETRIES: usize = 3;
/// How often the database's clock is read.
const CLOCK_CHECK: Duration = Duration::from_secs(10);
/// How PostgreSQL treats a transaction of ours. A node that is frozen in the middle of one holds up
/// the commands in it, and no longer than a lease. Plans are kept, and one that was made while a table
/// was empty must not read all of it when it has grown.
const SESSION: &str = "set statement_timeout = '10s'; set lock_timeout = '2s'; \
                       set idle_in_transaction_session_timeout = '5s'; \
                       set enable_seqscan = off; set jit = off";

statements! {
    CLOCK = {
        "select cast(unixepoch('subsec') * 1000000 as integer)",
        postgres: "select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)"
    }
}

/// A transaction in which writes run.
pub(crate) struct Tx {
    pub(crate) conn: Conn,
    /// The time of everything in it.
    pub(crate) now: Timestamp,
    pub(crate) ledger: Ledger,
    pub(crate) starting: Starting,
}

/// One write. It may run more than once, when a neighbour in its transaction fails; what it did
/// before has then been rolled back.
pub(crate) trait Write: Send + Sync + 'static {
    /// What it answers after the commit.
    type Done: Send + 'static;

    /// When it is run among those that share its transaction.
    fn turn(&self) -> Turn {
        Turn::Any
    }

    /// Asks for what it needs of the ledger.
    fn ask(&self, _: &mut Needs) {}

    fn run(&self, tx: &mut Tx) -> impl Future<Output = Result<Self::Done, StoreError>> + Send;

    /// What it answers, when all who share its transaction have run.
    fn amend(&self, done: Self::Done, _: &mut Tx) -> Self::Done {
        done
    }
}

/// The order in which the writes of a transaction run: every node's transactions wait for rows in
/// about this order, so that two of them rarely wait for each other; whoever loses such a deadlock
/// tries again. What the ledger brings comes before all of it. Writes of equal turn keep their order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// It waits for none of the rows below, and reads no commands but those of the ledger.
    Any,
    /// It waits for vehicles, of which this is the first.
    Vehicle(Uuid),
    /// It waits for nothing, and holds many.
    Sweep,
}

/// Writes nothing: whoever waits for it knows that the database takes writes.
pub(crate) struct Nothing;

impl Write for Nothing {
    type Done = ();

    async fn run(&self, _: &mut Tx) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Store {
    /// Runs a write and answers when it is durable.
    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Done, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Job { write, done: None, reply });
        match self.writer.jobs.send_timeout(job, PATIENCE).await {
            Ok(()) => answer.await.unwrap_or(Err(StoreError::Busy)),
            Err(_) => Err(StoreError::Busy),
        }
    }
}

/// The way to the writer's task.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Box<dyn AnyJob>>,
    closing: CancellationToken,
}

impl Writer {
    pub(crate) fn start(
        target: Target,
        clock: Arc<Clock>,
        tasks: &TaskTracker,
    ) -> Result<Self, OpenError> {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let closing = CancellationToken::new();
        let is_blocking = matches!(target, Target::Sqlite(_));
        let scribe = Scribe { target, clock, waiting, conn: None, clock_read_at: None, gone: None };
        let running = scribe.run(closing.clone());
        if is_blocking {
            start_thread(running, tasks.token()).map_err(OpenError::Thread)?;
        } else {
            tasks.spawn(running);
        }
        Ok(Self { jobs, closing })
    }

    /// Lets the task end after what already waits.
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }
}

/// SQLite runs its statements on the thread that asks, and lets it wait for the disk: it gets one that
/// nobody else needs.
fn start_thread(
    running: impl Future<Output = ()> + Send + 'static,
    tracked: TaskTrackerToken,
) -> io::Result<()> {
    let runtime = Handle::current();
    let thread = thread::Builder::new().name("sqlite-writer".to_owned());
    thread.spawn(move || {
        runtime.block_on(running);
        drop(tracked);
    })?;
    Ok(())
}

struct Job<W: Write> {
    write: W,
    done: Option<W::Done>,
    reply: oneshot::Sender<Result<W::Done, StoreError>>,
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

/// A [`Job`] whose kind of write the queue need not know.
trait AnyJob: Send {
    fn turn(&self) -> Turn;
    fn ask(&self, needs: &mut Needs);
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> Running<'a>;
    fn amend(&mut self, tx: &mut Tx);
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

impl<W: Write> AnyJob for Job<W> {
    fn turn(&self) -> Turn {
        self.write.turn()
    }

    fn ask(&self, needs: &mut Needs) {
        self.write.ask(needs);
    }

    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> Running<'a> {
        Box::pin(async move {
            self.done = Some(self.write.run(tx).await?);
            Ok(())
        })
    }

    fn amend(&mut self, tx: &mut Tx) {
        self.done = self.done.take().map(|done| self.write.amend(done, tx));
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { done, reply, .. } = *self;
        // Nobody may be waiting any more: the write stands all the same.
        drop(reply.send(committed.and_then(|()| done.ok_or(StoreError::Busy))));
    }
}

/// The task that owns the writing connection.
struct Scribe {
    target: Target,
    clock: Arc<Clock>,
    waiting: mpsc::Receiver<Box<dyn AnyJob>>,
    /// `None` until the first write, and after the connection broke.
    conn: Option<Conn>,
    clock_read_at: Option<Instant>,
    /// Why the last attempt did not reach the database.
    gone: Option<StoreError>,
}

impl Scribe {
    async fn run(mut self, closing: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut is_closing = false;
        loop {
            tokio::select! {
                biased;
                count = self.waiting.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        break;
                    }
                    self.commit(std::mem::take(&mut batch)).await;
                    self.refuse_if_gone();
                }
                () = closing.cancelled(), if !is_closing => {
                    is_closing = true;
                    self.waiting.close();
                }
            }
        }
        if let Some(conn) = self.conn.take() {
            close(conn).await;
        }
    }

    /// A database that is gone keeps nobody waiting for the next attempt.
    fn refuse_if_gone(&mut self) {
        let Some(error) = self.gone.take() else { return };
        while let Ok(job) = self.waiting.try_recv() {
            job.finish(Err(error.clone()));
        }
    }

    /// Commits all together; if one of them fails, each by itself, and first what keeps claims alive.
    async fn commit(&mut self, mut batch: Vec<Box<dyn AnyJob>>) {
        batch.sort_by_key(|job| job.turn());
        let end = self.attempt(&mut batch).await;
        if batch.len() == 1 || !end.as_ref().is_err_and(StoreError::is_of_one_write) {
            return self.settle(batch, end).await;
        }
        batch.sort_by_key(|job| job.turn() != Turn::Sweep);
        for job in batch {
            let mut alone = vec![job];
            let end = self.attempt(&mut alone).await;
            self.settle(alone, end).await;
        }
    }

    /// A deadlock with another node is nobody's fault: whoever lost it tries again.
    async fn settle(&mut self, mut jobs: Vec<Box<dyn AnyJob>>, end: Result<(), StoreError>) {
        let mut end = end;
        for _ in 0..RETRIES {
            if !end.as_ref().is_err_and(StoreError::is_deadlock) {
                break;
            }
            end = self.attempt(&mut jobs).await;
        }
        if let Err(error @ StoreError::Unavailable(_)) = &end {
            self.gone = Some(error.clone());
        }
        finish(jobs, &end.map_err(StoreError::without_contention));
    }

    /// Runs the jobs in one transaction. After an error nothing of it stands; the connection is
    /// given up unless the rollback succeeded.
    async fn attempt(&mut self, jobs: &mut [Box<dyn AnyJob>]) -> Result<(), StoreError> {
        let conn = self.begin().await?;
        let (ledger, starting) = (Ledger::default(), Starting::default());
        let mut tx = Tx { conn, now: self.clock.now(), ledger, starting };
        let end = transaction(&mut tx, jobs).await;
        let is_usable = match &end {
            Ok(()) => true,
            Err(StoreError::Unavailable(_)) => false,
            Err(_) => plain(&mut tx.conn, "rollback").await.is_ok(),
        };
        if is_usable {
            self.conn = Some(tx.conn);
        }
        end
    }

    /// A connection with an open transaction. One that broke while it was idle is replaced: nothing
    /// had been asked of it.
    async fn begin(&mut self) -> Result<Conn, StoreError> {
        if let Some(mut conn) = self.conn.take()
            && begin(&mut conn).await.is_ok()
        {
            return self.follow_clock(conn).await;
        }
        let mut conn = self.connect().await?;
        begin(&mut conn).await?;
        self.follow_clock(conn).await
    }

    /// Several nodes share a PostgreSQL, and so its clock.
    async fn follow_clock(&mut self, mut conn: Conn) -> Result<Conn, StoreError> {
        let is_fresh = self.clock_read_at.is_some_and(|at| at.elapsed() < CLOCK_CHECK);
        if !is_fresh && matches!(conn, Engine::Postgres(_)) {
            let (now_us,) = fetch!(&mut conn, CLOCK, [], fetch_one as (i64,))?;
            self.clock.set(now_us);
            self.clock_read_at = Some(Instant::now());
        }
        Ok(conn)
    }

    async fn connect(&mut self) -> Result<Conn, StoreError> {
        self.clock_read_at = None;
        match &self.target {
            Target::Sqlite(path) => Ok(Engine::Sqlite(sqlite::connect(path)?)),
            Target::Postgres(options) => {
                let mut conn = engine::postgres(options).await?;
                engine::answered(conn.execute(SESSION)).await?;
                Ok(Engine::Postgres(conn))
            }
        }
    }
}

async fn transaction(tx: &mut Tx, jobs: &mut [Box<dyn AnyJob>]) -> Result<(), StoreError> {
    let mut needs = Needs::default();
    for job in jobs.iter() {
        job.ask(&mut needs);
    }
    tx.bring(needs).await?;
    for job in &mut *jobs {
        // Whoever reads rows reads what the writes before it made of them.
        if job.turn() != Turn::Any || tx.ledger.is_long() {
            tx.post().await?;
        }
        job.run(tx).await?;
    }
    tx.start_accepted().await?;
    tx.post().await?;
    for job in jobs {
        job.amend(tx);
    }
    plain(&mut tx.conn, "commit").await
}

async fn begin(conn: &mut Conn) -> Result<(), StoreError> {
    // SQLite: a transaction that begins by reading cannot always become a writer later on.
    let begin = if matches!(conn, Engine::Sqlite(_)) { "begin immediate" } else { "begin" };
    plain(conn, begin).await
}

async fn plain(conn: &mut Conn, sql: &'static str) -> Result<(), StoreError> {
    match conn {
        Engine::Sqlite(conn) => _ = sqlite::execute(conn, sql, &[])?,
        Engine::Postgres(conn) => _ = engine::answered(conn.execute(sql)).await?,
    }
    Ok(())
}

async fn close(conn: Conn) {
    let closed = match conn {
        Engine::Sqlite(conn) => conn.close().map_err(|(_, error)| error.into()),
        Engine::Postgres(conn) => engine::answered(conn.close()).await.map_err(StoreError::from),
    };
    if let Err(error) = closed {
        tracing::debug!(%error, "closing the writing connection");
    }
}

fn finish(batch: Vec<Box<dyn AnyJob>>, end: &Result<(), StoreError>) {
    for job in batch {
        job.finish(end.clone());
    }
}
