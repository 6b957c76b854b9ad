//! A copy of the embedded database, made while the server writes to it.
//!
//! Refuses PostgreSQL, which has its own tool, and a copy that it has not read again.

use crate::Target;
use crate::engine;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use tokio::fs::{self, File};

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupReport {
    /// The size of the file.
    pub bytes: u64,
    /// How many commands are in it.
    pub commands: u64,
    /// How many events are in it.
    pub events: u64,
}

/// Why there is no backup. What was begun has been removed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database is not ours to copy.
    #[error("a PostgreSQL database is backed up with pg_dump")]
    Postgres,
    /// Something is there already.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The database cannot be read, or not be copied to that place.
    #[error("cannot copy the database")]
    Copy(#[source] sqlx::Error),
    /// The copy is damaged, and so the database may be.
    #[error("the copy is damaged: {0}")]
    Damaged(String),
    /// The file cannot be written.
    #[error("cannot write the backup")]
    File(#[source] io::Error),
}

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Copy(error)
    }
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

/// Copies the database as it stands at one moment; everything committed before is in it. The file
/// appears complete, or not at all, and only its owner can read it.
///
/// # Errors
///
/// [`BackupError`], in a sentence that says what to do.
pub async fn backup(target: &Target, to: &Path) -> Result<BackupReport, BackupError> {
    let Target::Sqlite(from) = target else {
        return Err(BackupError::Postgres);
    };
    if fs::try_exists(to).await? {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let directory = directory(to);
    let unfinished = NamedTempFile::with_prefix_in(".fleetwire-backup-", directory)?;
    copy(from, unfinished.path()).await?;
    let report = read(unfinished.path()).await?;
    File::open(unfinished.path()).await?.sync_all().await?;
    unfinished.persist_noclobber(to).map_err(|refused| match refused.error {
        error if error.kind() == io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        error => BackupError::File(error),
    })?;
    // The name is durable only when its directory is.
    File::open(directory).await?.sync_all().await?;
    Ok(report)
}

fn directory(file: &Path) -> &Path {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or_else(|| Path::new("."))
}

/// Reads the whole database in one transaction, which in WAL mode keeps nobody from writing.
async fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut conn = engine::sqlite(from).create_if_missing(false).connect().await?;
    let name = to.to_str().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    sqlx::query("vacuum into $1").bind(name).execute(&mut conn).await?;
    Ok(conn.close().await?)
}

/// Checks the copy, and counts what is in it.
async fn read(copy: &Path) -> Result<BackupReport, BackupError> {
    let options = SqliteConnectOptions::new().filename(copy).read_only(true);
    let mut conn = options.connect().await?;
    let faults: Vec<String> =
        sqlx::query_scalar("pragma integrity_check").fetch_all(&mut conn).await?;
    if faults != ["ok"] {
        return Err(BackupError::Damaged(faults.join("; ")));
    }
    let commands = count(&mut conn, "select count(*) from commands").await?;
    let events = count(&mut conn, "select count(*) from events").await?;
    conn.close().await?;
    Ok(BackupReport { bytes: fs::metadata(copy).await?.len(), commands, events })
}

async fn count(conn: &mut SqliteConnection, sql: &'static str) -> Result<u64, BackupError> {
    let rows: i64 = sqlx::query_scalar(sql).fetch_one(conn).await?;
    Ok(rows.unsigned_abs())
}
