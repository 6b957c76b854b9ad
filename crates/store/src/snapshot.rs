//! The audit chain as it stands at one moment, read from end to end.
//!
//! Refuses to write, and to hold up those who do: it has a connection of its own. On SQLite a page is
//! read on the thread that asks for it.

use crate::chain::{
    ChainEnd, EndRow, Mark, RowOfChain, Seal, SealRow, SealedRow, select_end, select_rows,
    select_seals,
};
use crate::engine::{self, Conn, Engine, Target, fetch, statements};
use crate::keys::{KeyRow, Ring, SigningKey};
use crate::{OpenError, StoreError, sqlite};
use sqlx::Executor;

/// What makes all reads of a connection to PostgreSQL those of one moment.
const ONE_MOMENT: &str = "begin isolation level repeatable read, read only";

statements! {
    HEAD = { select_end!() }
    ROWS = { select_rows!("where chain_position >= $1 order by chain_position limit $2") }
    SEALS = {
        select_seals!("where kind = $1 and chain_position > $2 and chain_position <= $3
            order by chain_position")
    }
    UNSEALED = { "select count(*) from audit where chain_position is null" }
}

/// A chain at one moment.
pub struct Snapshot {
    conn: Conn,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Connects. The tables have to be there.
    ///
    /// # Errors
    ///
    /// [`OpenError::Connect`] and [`OpenError::Unusable`].
    pub async fn open(target: &Target) -> Result<Self, OpenError> {
        match target {
            Target::Sqlite(path) => {
                let begun = sqlite::connect(path).and_then(|conn| {
                    conn.pragma_update(None, "query_only", true)?;
                    conn.execute_batch("begin")?;
                    Ok(conn)
                });
                let conn = begun.map_err(|source| target.unreachable(source))?;
                Ok(Self { conn: Engine::Sqlite(conn) })
            }
            Target::Postgres(options) => {
                let conn = engine::postgres(options).await;
                let mut conn = conn.map_err(|source| target.unreachable(source))?;
                let begun = engine::answered(conn.execute(ONE_MOMENT)).await;
                begun.map_err(|error| OpenError::Unusable(error.into()))?;
                Ok(Self { conn: Engine::Postgres(conn) })
            }
        }
    }

    /// The end of the chain; `None` before the first row has been sealed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn head(&mut self) -> Result<Option<ChainEnd>, StoreError> {
        let row = fetch!(&mut self.conn, HEAD, [], fetch_optional as EndRow)?;
        Ok(row.map(ChainEnd::from))
    }

    /// Rows from a place on, that place included, in the order of their places.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn rows(&mut self, from: i64, limit: u32) -> Result<Vec<SealedRow>, StoreError> {
        let limit = i64::from(limit);
        let rows = fetch!(&mut self.conn, ROWS, [from, limit], fetch_all as RowOfChain)?;
        Ok(rows.into_iter().map(SealedRow::from).collect())
    }

    /// Statements of a kind about places after `after`, up to `until`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn seals(
        &mut self,
        mark: Mark,
        after: i64,
        until: i64,
    ) -> Result<Vec<Seal>, StoreError> {
        let mark = mark.word();
        let rows = fetch!(&mut self.conn, SEALS, [mark, after, until], fetch_all as SealRow)?;
        Ok(rows.into_iter().map(Seal::from).collect())
    }

    /// The keys that sign the chain, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn keys(&mut self) -> Result<Vec<SigningKey>, StoreError> {
        let rows = fetch!(&mut self.conn, Ring::Audit.all(), [], fetch_all as KeyRow)?;
        Ok(rows.into_iter().map(SigningKey::from).collect())
    }

    /// How many rows have no place yet.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn unsealed(&mut self) -> Result<u64, StoreError> {
        let (count,) = fetch!(&mut self.conn, UNSEALED, [], fetch_one as (i64,))?;
        Ok(count.unsigned_abs())
    }
}
