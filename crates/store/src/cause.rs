//! What a database's refusal means, whichever library it came through.
//!
//! Refuses to read messages: codes alone decide.

use crate::StoreError;
use std::borrow::Cow;
use std::sync::Arc;

/// What the database, or the way to it, said.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// PostgreSQL, or the pool of those who read SQLite.
    #[error(transparent)]
    Sqlx(#[from] sqlx::Error),
    /// SQLite, where it was asked without a hop to another thread.
    #[error(transparent)]
    Rusqlite(#[from] rusqlite::Error),
}

impl Cause {
    /// PostgreSQL ended a wait for a lock: a deadlock, or its `lock_timeout`.
    pub(crate) fn is_contention(&self) -> bool {
        matches!(self, Self::Sqlx(error) if is_contention(error))
    }

    /// PostgreSQL chose this transaction to give way.
    pub(crate) fn is_deadlock(&self) -> bool {
        matches!(self, Self::Sqlx(error) if is_deadlock(error))
    }
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
fn is_deadlock(error: &sqlx::Error) -> bool {
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
        let cause = Arc::new(Cause::Sqlx(error));
        match code.as_str() {
            code if is_full(code) => Self::Full(cause),
            code if is_gone(code) => Self::Unavailable(cause),
            _ if is_transport => Self::Unavailable(cause),
            _ => Self::Failed(cause),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let is_full = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull);
        let cause = Arc::new(Cause::Rusqlite(error));
        if is_full { Self::Full(cause) } else { Self::Failed(cause) }
    }
}
