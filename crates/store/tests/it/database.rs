//! A database of its own for every test, gone with the test.

use fleetwire_store::{Store, Target};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection, SqliteConnection};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use testkit::Postgres;

#[derive(Debug)]
pub(crate) enum Database {
    Sqlite(TempDir),
    Postgres(Postgres),
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) fn postgres() -> Self {
        Self::Postgres(Postgres::start())
    }

    pub(crate) fn target(&self) -> Target {
        match self {
            Self::Sqlite(place) => Target::Sqlite(file(place)),
            Self::Postgres(server) => Target::from_url(&server.url("postgres")).unwrap(),
        }
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.target()).await.unwrap()
    }

    /// Changes rows behind the store's back: what else only time would do.
    pub(crate) async fn alter(&self, sql: impl Into<String>) {
        let sql = AssertSqlSafe(sql.into());
        match self {
            Self::Sqlite(place) => _ = sqlite(place).await.execute(sql).await.unwrap(),
            Self::Postgres(server) => _ = postgres(server).await.execute(sql).await.unwrap(),
        }
    }

    /// Numbers of the rows behind the store's back.
    pub(crate) async fn numbers(&self, sql: &'static str) -> Vec<i64> {
        match self {
            Self::Sqlite(place) => {
                sqlx::query_scalar(sql).fetch_all(&mut sqlite(place).await).await.unwrap()
            }
            Self::Postgres(server) => {
                sqlx::query_scalar(sql).fetch_all(&mut postgres(server).await).await.unwrap()
            }
        }
    }

    /// The server of a test that needs PostgreSQL.
    pub(crate) fn server(&mut self) -> &mut Postgres {
        match self {
            Self::Postgres(server) => server,
            Self::Sqlite(_) => unreachable!(),
        }
    }
}

pub(crate) fn file(place: &TempDir) -> PathBuf {
    place.path().join("fleetwire.db")
}

/// How long a test waits for its turn beside a store that writes without a pause.
const TURN: Duration = Duration::from_secs(30);

/// A connection of the test's own to the file.
pub(crate) async fn sqlite(place: &TempDir) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file(place)).busy_timeout(TURN);
    options.connect().await.unwrap()
}

/// A connection of the test's own to the server.
pub(crate) async fn postgres(server: &Postgres) -> PgConnection {
    let options: PgConnectOptions = server.url("postgres").parse().unwrap();
    // More than there are: what was prepared stays prepared.
    options.statement_cache_capacity(1000).connect().await.unwrap()
}
