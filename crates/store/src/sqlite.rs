//! SQLite without a hop to another thread: a statement runs where it is asked for.
//!
//! Refuses long work on a thread that others need: a writer, which waits for the disk and for another
//! process's write, has a thread of its own, and elsewhere a single row is read by its key.

use crate::StoreError;
use crate::engine::OTHER_WRITER;
use rusqlite::types::FromSql;
use rusqlite::{CachedStatement, Connection, Error, OpenFlags, Result, Row, Rows, ToSql};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many statements stay prepared: more than there are.
const PREPARED: usize = 128;

/// A connection for rows that are read by their keys, one at a time: that takes less than the way to
/// another thread and back. In a write-ahead log nobody who reads waits for who writes.
#[derive(Clone)]
pub(crate) struct Near(Arc<Mutex<Option<Connection>>>);

impl Near {
    pub(crate) fn connect(path: &Path) -> Result<Self> {
        let conn = connect(path)?;
        conn.pragma_update(None, "query_only", true)?;
        Ok(Self(Arc::new(Mutex::new(Some(conn)))))
    }

    pub(crate) fn fetch_optional<R: FromRow>(
        &self,
        sql: &str,
        binds: Binds<'_>,
    ) -> std::result::Result<Option<R>, StoreError> {
        let conn = self.lock();
        let conn = conn.as_ref().ok_or(StoreError::Busy)?;
        Ok(fetch_optional(conn, sql, binds)?)
    }

    /// Closes it for all who have it.
    pub(crate) fn close(&self) {
        drop(self.lock().take());
    }

    /// Whoever panicked in the middle of a read has changed nothing.
    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the file, which has been made and brought up to date.
pub(crate) fn connect(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(OTHER_WRITER)?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "synchronous", "full")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.set_prepared_statement_cache_capacity(PREPARED);
    Ok(conn)
}

/// Something that can be read from a row.
pub(crate) trait FromRow: for<'r> TryFrom<&'r Row<'r>, Error = Error> {}

impl<T: for<'r> TryFrom<&'r Row<'r>, Error = Error>> FromRow for T {}

/// What binds to `$1` and on.
type Binds<'a> = &'a [&'a dyn ToSql];

/// Runs a statement that answers nothing, and tells how many rows it changed.
pub(crate) fn execute(conn: &Connection, sql: &str, binds: Binds<'_>) -> Result<u64> {
    let changed = prepared(conn, sql, binds)?.raw_execute()?;
    Ok(changed.try_into().unwrap_or(u64::MAX))
}

pub(crate) fn fetch_all<R: FromRow>(
    conn: &Connection,
    sql: &str,
    binds: Binds<'_>,
) -> Result<Vec<R>> {
    let mut statement = prepared(conn, sql, binds)?;
    let mut rows = statement.raw_query();
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(R::try_from(row)?);
    }
    Ok(all)
}

pub(crate) fn fetch_optional<R: FromRow>(
    conn: &Connection,
    sql: &str,
    binds: Binds<'_>,
) -> Result<Option<R>> {
    let mut statement = prepared(conn, sql, binds)?;
    let mut rows = statement.raw_query();
    let first = rows.next()?.map(R::try_from).transpose()?;
    finish(rows)?;
    Ok(first)
}

pub(crate) fn fetch_one<R: FromRow>(conn: &Connection, sql: &str, binds: Binds<'_>) -> Result<R> {
    fetch_optional(conn, sql, binds)?.ok_or(Error::QueryReturnedNoRows)
}

/// A statement that changes rows checks the references of all only when it has come to its end.
fn finish(mut rows: Rows<'_>) -> Result<()> {
    while rows.next()?.is_some() {}
    Ok(())
}

/// The statement with its binds. To SQLite `$2` is a name and no number: a parameter has the place at
/// which it was first mentioned.
fn prepared<'c>(conn: &'c Connection, sql: &str, binds: Binds<'_>) -> Result<CachedStatement<'c>> {
    let mut statement = conn.prepare_cached(sql)?;
    let expected = statement.parameter_count();
    for place in 1..=expected {
        let bind = number(&statement, place).and_then(|number| binds.get(number.checked_sub(1)?));
        let bind = bind.ok_or(Error::InvalidParameterCount(binds.len(), expected))?;
        statement.raw_bind_parameter(place, bind)?;
    }
    Ok(statement)
}

fn number(statement: &CachedStatement<'_>, place: usize) -> Option<usize> {
    statement.parameter_name(place)?.strip_prefix('$')?.parse().ok()
}

/// Reads the columns of a row one after the other.
pub(crate) struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn of(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column, whose name is known.
    pub(crate) fn take<T: FromSql>(&mut self, name: &str) -> Result<T> {
        let place = self.next;
        debug_assert_eq!(self.row.as_ref().column_name(place), Ok(name));
        self.next = place.saturating_add(1);
        self.row.get(place)
    }
}
