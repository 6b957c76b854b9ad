//! The two databases: how they are opened, and how one statement runs on either.
//!
//! Refuses a third, and refuses SQL that is built at run time: every statement is a constant that a
//! test prepares on both.

use crate::{StoreError, migrate};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, SqliteConnection, SqlitePool};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Which database.
#[derive(Clone)]
pub enum Target {
    /// A file; made if it is missing.
    Sqlite(PathBuf),
    /// A PostgreSQL server, version 15 or later.
    Postgres(Box<PgConnectOptions>),
}

impl std::fmt::Debug for Target {
    // Connection options hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.debug_tuple("Postgres").finish_non_exhaustive(),
        }
    }
}

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is of no database that we know, or malformed.
    #[error("database_url must be postgres://user:password@host:port/database")]
    Url,
    /// No connection, or the file cannot be opened or made.
    #[error("cannot open the database {what}")]
    Connect {
        /// Which one, without secrets.
        what: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The tables could not be brought up to date.
    #[error("cannot bring the tables of the database up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// It opened, and does not take writes.
    #[error("the database does not take writes")]
    Unusable(#[source] StoreError),
}

impl Target {
    /// The database of a `postgres://` URL.
    ///
    /// # Errors
    ///
    /// [`OpenError::Url`] for anything else.
    pub fn from_url(url: &str) -> Result<Self, OpenError> {
        let known = url.starts_with("postgres://") || url.starts_with("postgresql://");
        let options: PgConnectOptions = url.parse().map_err(|_| OpenError::Url)?;
        if known { Ok(Self::Postgres(Box::new(options))) } else { Err(OpenError::Url) }
    }

    pub(crate) fn unreachable(&self, source: sqlx::Error) -> OpenError {
        OpenError::Connect { what: self.place(), source }
    }

    /// The database's place in words, without its password.
    fn place(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres(options) => format!("at {}:{}", options.get_host(), options.get_port()),
        }
    }
}

/// One thing for each engine.
#[derive(Clone)]
pub(crate) enum Engine<S, P> {
    Sqlite(S),
    Postgres(P),
}

/// Connections that only read.
pub(crate) type Pool = Engine<SqlitePool, PgPool>;
/// The connection that writes.
pub(crate) type Conn = Engine<SqliteConnection, PgConnection>;

/// How many statements may read at the same time.
const READERS: u32 = 8;
/// How much of the file a reader of SQLite keeps (in KiB, as a negative number): little, because every
/// commit makes it worthless.
const CACHE: &str = "-256";
/// How long a reader waits for its turn before the store counts as unavailable.
const TURN: Duration = Duration::from_secs(3);
/// How long SQLite waits for another process's write (an `admin` command beside the server).
const OTHER_WRITER: Duration = Duration::from_secs(5);
/// How long PostgreSQL may be silent in the middle of a conversation; longer than its `lock_timeout`.
const SILENCE: Duration = Duration::from_secs(3);
/// How long a connection attempt may take.
pub(crate) const CONNECT: Duration = Duration::from_millis(1500);

/// Opens the readers, after the tables have been brought up to date.
pub(crate) async fn open(target: &Target) -> Result<Pool, OpenError> {
    let failed = |source| target.unreachable(source);
    match target {
        Target::Sqlite(path) => {
            let mut conn = sqlite(path).connect().await.map_err(failed)?;
            migrate::sqlite(&mut conn).await.map_err(OpenError::Migrate)?;
            let readers = sqlite(path).pragma("query_only", "on").pragma("cache_size", CACHE);
            let options = SqlitePoolOptions::new().max_connections(READERS).acquire_timeout(TURN);
            Ok(Engine::Sqlite(options.connect_with(readers).await.map_err(failed)?))
        }
        Target::Postgres(connect) => {
            migrate::postgres(target).await?;
            let options = PgPoolOptions::new().max_connections(READERS).acquire_timeout(TURN);
            // The pool would wait without end for the answer to a read that was given up.
            let options = options.after_release(|conn, _| {
                Box::pin(async move { answered(conn.ping()).await.map(|()| true) })
            });
            Ok(Engine::Postgres(options.connect_with(*connect.clone()).await.map_err(failed)?))
        }
    }
}

/// Opens a connection that writes.
pub(crate) async fn connect(target: &Target) -> Result<Conn, sqlx::Error> {
    let connecting = async {
        match target {
            Target::Sqlite(path) => sqlite(path).connect().await.map(Engine::Sqlite),
            Target::Postgres(options) => options.connect().await.map(Engine::Postgres),
        }
    };
    match tokio::time::timeout(CONNECT, connecting).await {
        Ok(connected) => connected,
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
}

/// How the file is opened; made if it is missing.
pub(crate) fn sqlite(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(OTHER_WRITER)
}

impl Pool {
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => {
                let closed = tokio::time::timeout(2 * SILENCE, pool.close()).await;
                if closed.is_err() {
                    tracing::warn!("PostgreSQL does not let go of its connections");
                }
            }
        }
    }
}

/// What PostgreSQL answers. A server that is frozen, or cut off without a word, counts as gone.
pub(crate) async fn answered<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(SILENCE, answer).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

/// A statement, in the words of each engine.
#[derive(Clone, Copy)]
pub(crate) struct Sql {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

/// Declares the statements of a module: once where the text serves both engines, twice where it
/// cannot. `ALL` hands them to the test that prepares every one.
macro_rules! statements {
    (@sql $sql:expr, postgres: + $suffix:literal) => {
        $crate::engine::Sql { sqlite: $sql, postgres: concat!($sql, " ", $suffix) }
    };
    (@sql $sqlite:expr, postgres: $postgres:expr) => {
        $crate::engine::Sql { sqlite: $sqlite, postgres: $postgres }
    };
    (@sql $sql:expr) => {
        $crate::engine::Sql { sqlite: $sql, postgres: $sql }
    };
    ($($name:ident = { $($sql:tt)+ })+) => {
        $(const $name: $crate::engine::Sql = $crate::engine::statements!(@sql $($sql)+);)+
        pub(crate) const ALL: &[(&str, $crate::engine::Sql)] = &[$((stringify!($name), $name)),+];
    };
}
pub(crate) use statements;

/// Runs a statement that answers rows: `fetch!(on, STATEMENT, [binds], fetch_all as Row)`.
macro_rules! fetch {
    ($on:expr, $sql:expr, [$($bind:expr),* $(,)?], $method:ident as $row:ty) => {
        match $on {
            $crate::engine::Engine::Sqlite(on) => {
                sqlx::query_as::<sqlx::Sqlite, $row>($sql.sqlite)$(.bind($bind))*.$method(on).await
            }
            $crate::engine::Engine::Postgres(on) => {
                let answer = sqlx::query_as::<sqlx::Postgres, $row>($sql.postgres)$(.bind($bind))*;
                $crate::engine::answered(answer.$method(on)).await
            }
        }
    };
}
pub(crate) use fetch;

/// Runs a statement that answers nothing, and tells how many rows it changed.
macro_rules! execute {
    ($on:expr, $sql:expr, [$($bind:expr),* $(,)?]) => {
        match $on {
            $crate::engine::Engine::Sqlite(on) => {
                sqlx::query($sql.sqlite)$(.bind($bind))*.execute(on).await.map(|done| done.rows_affected())
            }
            $crate::engine::Engine::Postgres(on) => {
                let answer = sqlx::query($sql.postgres)$(.bind($bind))*;
                $crate::engine::answered(answer.execute(on)).await.map(|done| done.rows_affected())
            }
        }
    };
}
pub(crate) use execute;

/// Runs a statement that answers rows for each of a slice, and gives all answers:
/// `fetch_each!(on, STATEMENT, slice, |one| [binds], Row)`. PostgreSQL is asked once, with an array
/// for each bind: all who share a transaction pay for its round trips. SQLite is asked one by one.
macro_rules! fetch_each {
    ($on:expr, $sql:expr, $slice:expr, |$one:ident| [$($bind:expr),* $(,)?], $row:ty) => {{
        let slice: &[_] = $slice;
        match $on {
            $crate::engine::Engine::Sqlite(on) => {
                let mut rows = Vec::new();
                for $one in slice {
                    let answer = sqlx::query_as::<sqlx::Sqlite, $row>($sql.sqlite)$(.bind($bind))*;
                    rows.extend(answer.fetch_all(&mut *on).await?);
                }
                rows
            }
            $crate::engine::Engine::Postgres(on) => {
                let answer = sqlx::query_as::<sqlx::Postgres, $row>($sql.postgres)
                    $(.bind(slice.iter().map(|$one| $bind).collect::<Vec<_>>()))*;
                $crate::engine::answered(answer.fetch_all(on)).await?
            }
        }
    }};
}
pub(crate) use fetch_each;

/// The same for a statement that answers nothing; tells how many rows were changed in all.
macro_rules! execute_each {
    ($on:expr, $sql:expr, $slice:expr, |$one:ident| [$($bind:expr),* $(,)?]) => {{
        let slice: &[_] = $slice;
        match $on {
            $crate::engine::Engine::Sqlite(on) => {
                let mut changed = 0;
                for $one in slice {
                    let answer = sqlx::query($sql.sqlite)$(.bind($bind))*;
                    changed += answer.execute(&mut *on).await?.rows_affected();
                }
                changed
            }
            $crate::engine::Engine::Postgres(on) => {
                let answer = sqlx::query($sql.postgres)
                    $(.bind(slice.iter().map(|$one| $bind).collect::<Vec<_>>()))*;
                $crate::engine::answered(answer.execute(on)).await?.rows_affected()
            }
        }
    }};
}
pub(crate) use execute_each;

/// Every statement of the crate as (name, SQLite text, PostgreSQL text).
#[doc(hidden)]
#[must_use]
pub fn all_statements() -> Vec<(&'static str, &'static str, &'static str)> {
    [
        crate::audit::ALL,
        crate::capabilities::ALL,
        crate::claim::ALL,
        crate::commands::ALL,
        crate::drive::ALL,
        crate::events::ALL,
        crate::fleets::ALL,
        crate::idempotency::ALL,
        crate::keys::ALL,
        crate::ledger::ALL,
        crate::nodes::ALL,
        crate::post::ALL,
        crate::sessions::ALL,
        crate::users::ALL,
        crate::vehicles::ALL,
        crate::writer::ALL,
    ]
    .concat()
    .into_iter()
    .map(|(name, sql)| (name, sql.sqlite, sql.postgres))
    .collect()
}

/// SQLite's "full" and PostgreSQL's `disk_full`.
fn is_full(code: &str) -> bool {
    matches!(code, "13" | "53100")
}

/// PostgreSQL shuts down, starts, has no connection left, lost this one or gave up on it, or it is a
/// standby that takes no writes.
fn is_gone(code: &str) -> bool {
    code.starts_with("57P")
        || code.starts_with("08")
        || matches!(code, "53300" | "25006" | "25P03" | "57014")
}

/// PostgreSQL ended a wait for a lock: a deadlock, or its `lock_timeout`.
pub(crate) fn is_contention(error: &sqlx::Error) -> bool {
    is_deadlock(error) || code(error) == "55P03"
}

/// PostgreSQL chose this transaction to give way.
pub(crate) fn is_deadlock(error: &sqlx::Error) -> bool {
    code(error) == "40P01"
}

fn code(error: &sqlx::Error) -> Cow<'_, str> {
    let error = error.as_database_error();
    error.and_then(sqlx::error::DatabaseError::code).unwrap_or_default()
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = code(&error).into_owned();
        let is_transport = error.as_database_error().is_none()
            && !matches!(
                error,
                sqlx::Error::ColumnDecode { .. }
                    | sqlx::Error::Decode(_)
                    | sqlx::Error::RowNotFound
            );
        match code.as_str() {
            code if is_full(code) => Self::Full(Arc::new(error)),
            code if is_gone(code) => Self::Unavailable(Arc::new(error)),
            _ if is_transport => Self::Unavailable(Arc::new(error)),
            _ => Self::Failed(Arc::new(error)),
        }
    }
}
