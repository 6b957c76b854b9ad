//! The two databases: how they are opened, and how one statement runs on either.
//!
//! Refuses a third, and refuses SQL that is built at run time: every statement is a constant that a
//! test prepares on both.

use crate::sqlite::Near;
use crate::{Cause, StoreError, migrate};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, SqlitePool};
use std::path::{Path, PathBuf};
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
        source: Cause,
    },
    /// The tables could not be brought up to date.
    #[error("cannot bring the tables of the database up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The thread that writes could not be started.
    #[error("cannot start the thread that writes")]
    Thread(#[source] std::io::Error),
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

    /// The host of a database that is asked over the network and does not have to prove who it is.
    pub fn unverified_host(&self) -> Option<&str> {
        let Self::Postgres(options) = self else { return None };
        let is_socket = options.get_socket().is_some() || options.get_host().starts_with('/');
        let is_verified = matches!(options.get_ssl_mode(), PgSslMode::VerifyFull);
        (!is_socket && !is_verified).then(|| options.get_host())
    }

    pub(crate) fn unreachable(&self, source: impl Into<Cause>) -> OpenError {
        OpenError::Connect { what: self.place(), source: source.into() }
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
pub(crate) type Readers = Engine<SqliteReaders, PgPool>;

/// Connections that only read SQLite.
#[derive(Clone)]
pub(crate) struct SqliteReaders {
    pub(crate) pool: SqlitePool,
    pub(crate) near: Near,
}

/// The connection that writes.
pub(crate) type Conn = Engine<rusqlite::Connection, PgConnection>;

/// How many statements may read at the same time.
const READERS: u32 = 8;
/// How much of the file a reader of SQLite keeps (in KiB, as a negative number): little, because every
/// commit makes it worthless.
const CACHE: &str = "-256";
/// How long a reader waits for its turn before the store counts as unavailable.
const TURN: Duration = Duration::from_secs(3);
/// How long SQLite waits for another process's write (an `admin` command beside the server).
pub(crate) const OTHER_WRITER: Duration = Duration::from_secs(5);
/// How long PostgreSQL may be silent in the middle of a conversation; longer than its `lock_timeout`.
const SILENCE: Duration = Duration::from_secs(3);
/// How long a connection attempt may take.
pub(crate) const CONNECT: Duration = Duration::from_millis(1500);

/// Opens the readers, after the tables have been brought up to date.
pub(crate) async fn open(target: &Target) -> Result<Readers, OpenError> {
    let failed = |source| target.unreachable(source);
    match target {
        Target::Sqlite(path) => {
            let migrating = sqlite(path).busy_timeout(migrate::TURN);
            let mut conn = migrating.connect().await.map_err(failed)?;
            migrate::sqlite(&mut conn).await.map_err(OpenError::Migrate)?;
            let readers = sqlite(path).pragma("query_only", "on").pragma("cache_size", CACHE);
            let options = SqlitePoolOptions::new().max_connections(READERS).acquire_timeout(TURN);
            let pool = options.connect_with(readers).await.map_err(failed)?;
            let near = Near::connect(path).map_err(|source| target.unreachable(source))?;
            Ok(Engine::Sqlite(SqliteReaders { pool, near }))
        }
        Target::Postgres(connect) => {
            migrate::postgres(target, connect).await?;
            let options = PgPoolOptions::new().max_connections(READERS).acquire_timeout(TURN);
            // The pool would wait without end for the answer to a read that was given up.
            let options = options.after_release(|conn, _| {
                Box::pin(async move { answered(conn.ping()).await.map(|()| true) })
            });
            Ok(Engine::Postgres(options.connect_with(*connect.clone()).await.map_err(failed)?))
        }
    }
}

/// Opens a connection to PostgreSQL.
pub(crate) async fn postgres(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let connected = tokio::time::timeout(CONNECT, options.connect()).await;
    connected.unwrap_or(Err(sqlx::Error::PoolTimedOut))
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

impl Readers {
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(readers) => {
                readers.near.close();
                readers.pool.close().await;
            }
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

/// Declares a row that lists have: one that sqlx reads.
macro_rules! listed {
    (
        $(#[$attribute:meta])*
        $scope:vis struct $name:ident { $($field_scope:vis $field:ident: $of:ty,)+ }
    ) => {
        $(#[$attribute])*
        $scope struct $name { $($field_scope $field: $of,)+ }

        $crate::engine::listed!(sqlx::sqlite::SqliteRow => $name { $($field)+ });
        $crate::engine::listed!(sqlx::postgres::PgRow => $name { $($field)+ });
    };
    ($row:ty => $name:ident { $($field:ident)+ }) => {
        impl sqlx::FromRow<'_, $row> for $name {
            fn from_row(row: &$row) -> sqlx::Result<Self> {
                use sqlx::Row;
                Ok(Self { $($field: row.try_get(stringify!($field))?,)+ })
            }
        }
    };
}
pub(crate) use listed;

/// Declares a row that both libraries read. A statement that answers it has its columns in the order
/// of the fields.
macro_rules! row {
    (
        $(#[$attribute:meta])*
        $scope:vis struct $name:ident { $($field_scope:vis $field:ident: $of:ty,)+ }
    ) => {
        $crate::engine::listed! {
            $(#[$attribute])*
            $scope struct $name { $($field_scope $field: $of,)+ }
        }

        impl TryFrom<&rusqlite::Row<'_>> for $name {
            type Error = rusqlite::Error;

            fn try_from(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                let mut columns = $crate::sqlite::Columns::of(row);
                Ok(Self { $($field: columns.take(stringify!($field))?,)+ })
            }
        }
    };
}
pub(crate) use row;

/// Asks the readers: `read!(readers, STATEMENT, [binds], fetch_all as Row)`.
macro_rules! read {
    ($readers:expr, $sql:expr, [$($bind:expr),* $(,)?], $method:ident as $row:ty) => {
        match $readers {
            $crate::engine::Engine::Sqlite(readers) => {
                let answer = sqlx::query_as::<sqlx::Sqlite, $row>($sql.sqlite)$(.bind($bind))*;
                answer.$method(&readers.pool).await
            }
            $crate::engine::Engine::Postgres(pool) => {
                let answer = sqlx::query_as::<sqlx::Postgres, $row>($sql.postgres)$(.bind($bind))*;
                $crate::engine::answered(answer.$method(pool)).await
            }
        }
    };
}
pub(crate) use read;

/// Reads a row by its key, or learns that there is none: `look_up!(readers, STATEMENT, key, Row)`.
macro_rules! look_up {
    ($readers:expr, $sql:expr, $key:expr, $row:ty) => {
        match $readers {
            $crate::engine::Engine::Sqlite(readers) => {
                readers.near.fetch_optional::<$row>($sql.sqlite, rusqlite::params![$key])
            }
            $crate::engine::Engine::Postgres(pool) => {
                let answer = sqlx::query_as::<sqlx::Postgres, $row>($sql.postgres).bind($key);
                let found = $crate::engine::answered(answer.fetch_optional(pool)).await;
                found.map_err($crate::StoreError::from)
            }
        }
    };
}
pub(crate) use look_up;

/// Runs a statement that answers rows: `fetch!(conn, STATEMENT, [binds], fetch_all as Row)`.
macro_rules! fetch {
    ($conn:expr, $sql:expr, [$($bind:expr),* $(,)?], $method:ident as $row:ty) => {
        match $conn {
            $crate::engine::Engine::Sqlite(conn) => {
                $crate::sqlite::$method::<$row>(conn, $sql.sqlite, rusqlite::params![$($bind),*])
                    .map_err($crate::StoreError::from)
            }
            $crate::engine::Engine::Postgres(conn) => {
                let answer = sqlx::query_as::<sqlx::Postgres, $row>($sql.postgres)$(.bind($bind))*;
                $crate::engine::answered(answer.$method(conn)).await.map_err($crate::StoreError::from)
            }
        }
    };
}
pub(crate) use fetch;

/// Runs a statement that answers nothing, and tells how many rows it changed.
macro_rules! execute {
    ($conn:expr, $sql:expr, [$($bind:expr),* $(,)?]) => {
        match $conn {
            $crate::engine::Engine::Sqlite(conn) => {
                $crate::sqlite::execute(conn, $sql.sqlite, rusqlite::params![$($bind),*])
                    .map_err($crate::StoreError::from)
            }
            $crate::engine::Engine::Postgres(conn) => {
                let answer = sqlx::query($sql.postgres)$(.bind($bind))*;
                $crate::engine::answered(answer.execute(conn)).await
                    .map(|done| done.rows_affected())
                    .map_err($crate::StoreError::from)
            }
        }
    };
}
pub(crate) use execute;

/// Runs a statement that answers rows for each of a slice, and gives all answers:
/// `fetch_each!(conn, STATEMENT, slice, |one| [binds], Row)`. PostgreSQL is asked once, with an array
/// for each bind: all who share a transaction pay for its round trips. SQLite is asked one by one.
macro_rules! fetch_each {
    ($conn:expr, $sql:expr, $slice:expr, |$one:ident| [$($bind:expr),* $(,)?], $row:ty) => {{
        let slice: &[_] = $slice;
        match $conn {
            $crate::engine::Engine::Sqlite(conn) => {
                let mut rows = Vec::new();
                for $one in slice {
                    let binds = rusqlite::params![$($bind),*];
                    rows.extend($crate::sqlite::fetch_all::<$row>(conn, $sql.sqlite, binds)?);
                }
                rows
            }
            $crate::engine::Engine::Postgres(conn) => {
                let answer = sqlx::query_as::<sqlx::Postgres, $row>($sql.postgres)
                    $(.bind(slice.iter().map(|$one| $bind).collect::<Vec<_>>()))*;
                $crate::engine::answered(answer.fetch_all(conn)).await?
            }
        }
    }};
}
pub(crate) use fetch_each;

/// The same for a statement that answers nothing; tells how many rows were changed in all.
macro_rules! execute_each {
    ($conn:expr, $sql:expr, $slice:expr, |$one:ident| [$($bind:expr),* $(,)?]) => {{
        let slice: &[_] = $slice;
        match $conn {
            $crate::engine::Engine::Sqlite(conn) => {
                let mut changed = 0;
                for $one in slice {
                    let binds = rusqlite::params![$($bind),*];
                    changed += $crate::sqlite::execute(conn, $sql.sqlite, binds)?;
                }
                changed
            }
            $crate::engine::Engine::Postgres(conn) => {
                let answer = sqlx::query($sql.postgres)
                    $(.bind(slice.iter().map(|$one| $bind).collect::<Vec<_>>()))*;
                $crate::engine::answered(answer.execute(conn)).await?.rows_affected()
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
        crate::chain::ALL,
        crate::claim::ALL,
        crate::commands::ALL,
        crate::drive::ALL,
        crate::events::ALL,
        crate::fault_reads::ALL,
        crate::faults::ALL,
        crate::fleets::ALL,
        crate::idempotency::ALL,
        crate::identities::ALL,
        crate::keys::ALL,
        crate::ledger::ALL,
        crate::logins::ALL,
        crate::nodes::ALL,
        crate::post::ALL,
        crate::sessions::ALL,
        crate::snapshot::ALL,
        crate::tokens::ALL,
        crate::users::ALL,
        crate::vehicles::ALL,
        crate::writer::ALL,
    ]
    .concat()
    .into_iter()
    .map(|(name, sql)| (name, sql.sqlite, sql.postgres))
    .collect()
}
