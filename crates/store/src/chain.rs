//! The audit rows as a chain: which place each has, and what has been signed about places.
//!
//! Refuses to hash and to sign: whoever calls has done it, and the store sees to it that the chain has
//! one end, at which one node at a time adds.

use crate::audit::{self, AuditEntry};
use crate::clock::{micros, time};
use crate::commands::micros_of;
use crate::engine::{execute, execute_each, fetch, read, row, statements};
use crate::writer::{Tx, Write};
use crate::{Store, StoreError};
use model::Timestamp;
use model::id::{AuditId, NodeId, UserId};
use std::time::Duration;
use uuid::Uuid;

/// The columns of a [`RowOfChain`].
macro_rules! select_rows {
    ($rest:literal) => {
        concat!(
            "select audit_id, recorded_at, action, actor_id, actor, session_hash, address,
                request_id, object, outcome, reason, details, chain_position, row_hash
            from audit ",
            $rest
        )
    };
}
pub(crate) use select_rows;

/// The columns of a [`SealRow`].
macro_rules! select_seals {
    ($rest:literal) => {
        concat!(
            "select chain_position, row_hash, signed_at, kid, signature from audit_seals ",
            $rest
        )
    };
}
pub(crate) use select_seals;

/// The columns of an [`EndRow`].
macro_rules! select_end {
    () => {
        "select chain_position, row_hash, signed_at, kid, signature, sealer, lease_until
        from audit_head where chain = 1"
    };
}
pub(crate) use select_end;

statements! {
    HEAD = { select_end!() }
    // Who finds it held has nothing to do.
    TAKE = { select_end!(), postgres: + "for update skip locked" }
    BEGIN = {
        "insert into audit_head (chain, chain_position, row_hash, signed_at, kid, signature, sealer,
            lease_until)
        values (1, $1, $2, $3, $4, $5, $6, $7) on conflict (chain) do nothing"
    }
    // Where rows have places there has been an end.
    LOST = { "select chain_position from audit where chain_position is not null limit 1" }
    END = {
        "update audit_head set chain_position = $1, row_hash = $2, signed_at = $3, kid = $4,
            signature = $5, sealer = $6, lease_until = $7
        where chain = 1"
    }
    UNSEALED = { select_rows!("where chain_position is null order by audit_id limit $1") }
    LINK = {
        "update audit set chain_position = $2, row_hash = $3
        where audit_id = $1 and chain_position is null",
        postgres: "update audit a set chain_position = l.chain_position, row_hash = l.row_hash
        from unnest(cast($1 as uuid[]), cast($2 as bigint[]), cast($3 as bytea[]))
            as l (audit_id, chain_position, row_hash)
        where a.audit_id = any(cast($1 as uuid[])) and a.audit_id = l.audit_id
            and a.chain_position is null"
    }
    MARK = {
        "insert into audit_seals (kind, chain_position, row_hash, signed_at, kid, signature)
        values ($1, $2, $3, $4, $5, $6)"
    }
    NEWEST_SEAL = { select_seals!("where kind = $1 order by chain_position desc limit 1") }
    NEXT_SEAL = {
        select_seals!("where kind = $1 and chain_position > $2 order by chain_position limit 1")
    }
    TRIM_ROWS = { "delete from audit where chain_position <= $1" }
    TRIM_SEALS = { "delete from audit_seals where chain_position <= $1" }
}

/// A deed as it is stored, down to the text of its details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its id.
    pub audit_id: AuditId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What was done.
    pub action: String,
    /// Who did it; `None` = the system or the command line.
    pub actor_id: Option<UserId>,
    /// Their name.
    pub actor: String,
    /// See [`AuditEntry::session_hash`].
    pub session_hash: Option<String>,
    /// See [`AuditEntry::address`].
    pub address: Option<String>,
    /// See [`AuditEntry::request_id`].
    pub request_id: Option<String>,
    /// What it was done to; our rows all say it.
    pub object: Option<String>,
    /// What came of it.
    pub outcome: String,
    /// Why, in their words.
    pub reason: Option<String>,
    /// What else is worth knowing, as JSON.
    pub details: Option<String>,
}

/// A place in the chain: that of its last row, and the hash of everything up to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// From 1, without gaps; 0 = before the first row.
    pub position: i64,
    /// SHA-256.
    pub row_hash: Vec<u8>,
}

/// A deed that has its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// What was recorded.
    pub row: AuditRow,
    /// Its place, and the hash that is stored with it.
    pub link: Link,
}

/// A signed statement about a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The place.
    pub link: Link,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// With which key.
    pub kid: String,
    /// Ed25519.
    pub signature: Vec<u8>,
}

/// What a kept statement means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The chain has come by here.
    Checkpoint,
    /// The chain begins after here: what was before has been removed on purpose.
    Anchor,
}

/// The end of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainEnd {
    /// The newest statement.
    pub seal: Seal,
    /// The node that made it.
    pub sealer: NodeId,
    /// Until when only that node may make the next.
    pub lease_until: Timestamp,
}

/// What is added to the chain.
#[derive(Debug, Clone)]
pub struct Sealing {
    /// Who adds it.
    pub sealer: NodeId,
    /// How long nobody else may add.
    pub lease: Duration,
    /// Where the chain was believed to end.
    pub after: Link,
    /// The rows that get a place, in the order of their places.
    pub links: Vec<(AuditId, Link)>,
    /// The end that the chain then has.
    pub head: Seal,
    /// A statement that is kept about the same place; `None` = not yet.
    pub checkpoint: Option<Seal>,
}

/// What is removed from the beginning of the chain.
#[derive(Debug, Clone)]
pub struct Trim {
    /// The last place that goes, as the statement that takes the place of all of them.
    pub anchor: Seal,
    /// What the audit says of it.
    pub audit: AuditEntry,
}

row! {
    pub(crate) struct RowOfChain {
        audit_id: Uuid,
        recorded_at: i64,
        action: String,
        actor_id: Option<Uuid>,
        actor: String,
        session_hash: Option<String>,
        address: Option<String>,
        request_id: Option<String>,
        object: Option<String>,
        outcome: String,
        reason: Option<String>,
        details: Option<String>,
        chain_position: Option<i64>,
        row_hash: Option<Vec<u8>>,
    }
}

row! {
    pub(crate) struct SealRow {
        chain_position: i64,
        row_hash: Vec<u8>,
        signed_at: i64,
        kid: String,
        signature: Vec<u8>,
    }
}

row! {
    pub(crate) struct EndRow {
        chain_position: i64,
        row_hash: Vec<u8>,
        signed_at: i64,
        kid: String,
        signature: Vec<u8>,
        sealer: Uuid,
        lease_until: i64,
    }
}

impl Mark {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Anchor => "anchor",
        }
    }
}

impl Store {
    /// The end of the chain; `None` before the first row has been sealed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn audit_head(&self) -> Result<Option<ChainEnd>, StoreError> {
        let row = read!(&self.readers, HEAD, [], fetch_optional as EndRow)?;
        Ok(row.map(ChainEnd::from))
    }

    /// Rows that have no place yet, whenever they were recorded: a transaction may become visible
    /// after one that began later.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn unsealed_audit(&self, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let limit = i64::from(limit);
        let rows = read!(&self.readers, UNSEALED, [limit], fetch_all as RowOfChain)?;
        Ok(rows.into_iter().map(AuditRow::from).collect())
    }

    /// The newest statement of a kind.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn newest_seal(&self, mark: Mark) -> Result<Option<Seal>, StoreError> {
        let row = read!(&self.readers, NEWEST_SEAL, [mark.word()], fetch_optional as SealRow)?;
        Ok(row.map(Seal::from))
    }

    /// The first checkpoint after a place.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn next_checkpoint(&self, position: i64) -> Result<Option<Seal>, StoreError> {
        let mark = Mark::Checkpoint.word();
        let row = read!(&self.readers, NEXT_SEAL, [mark, position], fetch_optional as SealRow)?;
        Ok(row.map(Seal::from))
    }

    /// Adds to the end of the chain. `false` if it ends elsewhere by now, or another node's lease
    /// runs: then nothing has changed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write; `Corrupt` if a row, or the end of the chain, has vanished.
    pub async fn seal_audit(&self, sealing: Sealing) -> Result<bool, StoreError> {
        self.write(sealing).await
    }

    /// Removes the beginning of the chain. Answers how many rows that were.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn trim_audit(&self, trim: Trim) -> Result<u64, StoreError> {
        self.write(trim).await
    }
}

impl Write for Sealing {
    type Done = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        if !self.takes_turn(tx).await? {
            return Ok(false);
        }
        let linked = execute_each!(&mut tx.conn, LINK, &self.links, |link| [
            Uuid::from(link.0),
            link.1.position,
            link.1.row_hash.as_slice(),
        ]);
        if usize::try_from(linked) != Ok(self.links.len()) {
            return Err(StoreError::Corrupt("audit row"));
        }
        if let Some(checkpoint) = &self.checkpoint {
            keep(tx, Mark::Checkpoint, checkpoint).await?;
        }
        Ok(true)
    }
}

impl Sealing {
    /// Moves the end of the chain, if it is where it was believed to be.
    async fn takes_turn(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let present = fetch!(&mut tx.conn, TAKE, [], fetch_optional as EndRow)?.map(ChainEnd::from);
        let moved = match present {
            None if self.after.position == 0 => {
                let lost = fetch!(&mut tx.conn, LOST, [], fetch_optional as (i64,))?;
                lost.map_or(Ok(BEGIN), |_| Err(StoreError::Corrupt("end of the audit chain")))?
            }
            Some(head) if head.seal.link == self.after && head.is_open_to(self.sealer, tx.now) => {
                END
            }
            Some(_) | None => return Ok(false),
        };
        let seal = &self.head;
        let lease_until = micros(tx.now).saturating_add(micros_of(self.lease));
        let changed = execute!(
            &mut tx.conn,
            moved,
            [
                seal.link.position,
                &seal.link.row_hash,
                micros(seal.signed_at),
                &seal.kid,
                &seal.signature,
                Uuid::from(self.sealer),
                lease_until,
            ]
        )?;
        Ok(changed == 1)
    }
}

impl Write for Trim {
    type Done = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64, StoreError> {
        let position = self.anchor.link.position;
        let removed = execute!(&mut tx.conn, TRIM_ROWS, [position])?;
        execute!(&mut tx.conn, TRIM_SEALS, [position])?;
        keep(tx, Mark::Anchor, &self.anchor).await?;
        audit::note(tx, &self.audit);
        Ok(removed)
    }
}

async fn keep(tx: &mut Tx, mark: Mark, seal: &Seal) -> Result<(), StoreError> {
    execute!(
        &mut tx.conn,
        MARK,
        [
            mark.word(),
            seal.link.position,
            &seal.link.row_hash,
            micros(seal.signed_at),
            &seal.kid,
            &seal.signature,
        ]
    )?;
    Ok(())
}

impl ChainEnd {
    /// Whether a node may add to the chain.
    pub fn is_open_to(&self, node: NodeId, now: Timestamp) -> bool {
        self.sealer == node || self.lease_until <= now
    }
}

impl From<RowOfChain> for AuditRow {
    fn from(row: RowOfChain) -> Self {
        Self {
            audit_id: row.audit_id.into(),
            recorded_at: time(row.recorded_at),
            action: row.action,
            actor_id: row.actor_id.map(UserId::from),
            actor: row.actor,
            session_hash: row.session_hash,
            address: row.address,
            request_id: row.request_id,
            object: row.object,
            outcome: row.outcome,
            reason: row.reason,
            details: row.details,
        }
    }
}

impl From<RowOfChain> for SealedRow {
    fn from(mut row: RowOfChain) -> Self {
        let position = row.chain_position.unwrap_or_default();
        let row_hash = row.row_hash.take().unwrap_or_default();
        Self { row: row.into(), link: Link { position, row_hash } }
    }
}

impl From<SealRow> for Seal {
    fn from(row: SealRow) -> Self {
        Self {
            link: Link { position: row.chain_position, row_hash: row.row_hash },
            signed_at: time(row.signed_at),
            kid: row.kid,
            signature: row.signature,
        }
    }
}

impl From<EndRow> for ChainEnd {
    fn from(row: EndRow) -> Self {
        let link = Link { position: row.chain_position, row_hash: row.row_hash };
        let signed_at = time(row.signed_at);
        Self {
            seal: Seal { link, signed_at, kid: row.kid, signature: row.signature },
            sealer: row.sealer.into(),
            lease_until: time(row.lease_until),
        }
    }
}
