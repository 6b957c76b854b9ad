//! The record of who did what, written in the transaction of the deed.
//!
//! Refuses to be changed: rows are only ever added.

use crate::clock::{micros, time};
use crate::engine::{Conn, execute_each, listed, read, statements};
use crate::writer::{Tx, Write};
use crate::{Store, StoreError};
use model::Timestamp;
use model::id::{AuditId, UserId};
use serde_json::Value;
use uuid::Uuid;

statements! {
    RECORD = {
        "insert into audit (audit_id, recorded_at, action, actor_id, actor, session_hash, address,
            request_id, object, outcome, reason, details)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        postgres: "insert into audit (audit_id, recorded_at, action, actor_id, actor, session_hash,
            address, request_id, object, outcome, reason, details)
        select d.audit_id, d.recorded_at, d.action, d.actor_id, d.actor, d.session_hash,
            d.address, d.request_id, d.object, d.outcome, d.reason, d.details
        from unnest(
            cast($1 as uuid[]), cast($2 as bigint[]), cast($3 as text[]), cast($4 as uuid[]),
            cast($5 as text[]), cast($6 as text[]), cast($7 as text[]), cast($8 as text[]),
            cast($9 as text[]), cast($10 as text[]), cast($11 as text[]), cast($12 as text[])
        ) as d (audit_id, recorded_at, action, actor_id, actor, session_hash,
            address, request_id, object, outcome, reason, details)"
    }
    ENTRIES = {
        "select audit_id, recorded_at, action, actor_id, actor, session_hash, address, request_id,
            object, outcome, reason, details
        from audit where audit_id < $1 or $1 is null order by audit_id desc limit $2"
    }
}

/// One deed.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// What was done, in the words of the OWASP logging vocabulary and ours.
    pub action: &'static str,
    /// Who did it; `None` for the system and for `fleetwire admin`.
    pub actor_id: Option<UserId>,
    /// Their name.
    pub actor: String,
    /// The SHA-256 of their session's id, in hex; `None` outside a session.
    pub session_hash: Option<String>,
    /// The address that they came from; `None` for `fleetwire admin`.
    pub address: Option<String>,
    /// The request that did it.
    pub request_id: Option<String>,
    /// What it was done to, for example `command/01890a5d-…`.
    pub object: String,
    /// `success`, or what else came of it.
    pub outcome: &'static str,
    /// Why, in their words.
    pub reason: Option<String>,
    /// What else is worth knowing.
    pub details: Option<Value>,
}

/// A recorded deed.
#[derive(Debug, Clone)]
pub struct AuditPage {
    /// Its id; newer deeds have larger ones.
    pub audit_id: AuditId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What was done.
    pub action: String,
    /// Who did it.
    pub actor_id: Option<UserId>,
    /// Their name.
    pub actor: String,
    /// See [`AuditEntry::session_hash`].
    pub session_hash: Option<String>,
    /// See [`AuditEntry::address`].
    pub address: Option<String>,
    /// See [`AuditEntry::request_id`].
    pub request_id: Option<String>,
    /// What it was done to.
    pub object: String,
    /// What came of it.
    pub outcome: String,
    /// Why.
    pub reason: Option<String>,
    /// What else is worth knowing.
    pub details: Option<Value>,
}

listed! {
    struct AuditRow {
        audit_id: Uuid,
        recorded_at: i64,
        action: String,
        actor_id: Option<Uuid>,
        actor: String,
        session_hash: Option<String>,
        address: Option<String>,
        request_id: Option<String>,
        object: String,
        outcome: String,
        reason: Option<String>,
        details: Option<String>,
    }
}

/// A deed, and its place in the log.
pub(crate) struct Deed {
    audit_id: AuditId,
    recorded_at: Timestamp,
    entry: AuditEntry,
}

/// Adds a deed to what the running transaction records.
pub(crate) fn note(tx: &mut Tx, entry: &AuditEntry) {
    let (audit_id, recorded_at) = (AuditId::at(tx.now), tx.now);
    tx.ledger.deeds.push(Deed { audit_id, recorded_at, entry: entry.clone() });
}

/// Adds a deed if it changed anything, and tells whether it did.
pub(crate) fn note_if(tx: &mut Tx, changed: u64, entry: &AuditEntry) -> bool {
    if changed > 0 {
        note(tx, entry);
    }
    changed > 0
}

/// Records what has been noted.
pub(crate) async fn post(conn: &mut Conn, deeds: &[Deed]) -> Result<(), StoreError> {
    execute_each!(conn, RECORD, deeds, |deed| [
        Uuid::from(deed.audit_id),
        micros(deed.recorded_at),
        deed.entry.action,
        deed.entry.actor_id.map(Uuid::from),
        deed.entry.actor.as_str(),
        deed.entry.session_hash.as_deref(),
        deed.entry.address.as_deref(),
        deed.entry.request_id.as_deref(),
        deed.entry.object.as_str(),
        deed.entry.outcome,
        deed.entry.reason.as_deref(),
        deed.entry.details.as_ref().map(Value::to_string),
    ]);
    Ok(())
}

impl Store {
    /// Records a deed that changes nothing else.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn record_audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.write(Record(entry)).await
    }

    /// Deeds, newest first; `before` continues a list.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn audit(
        &self,
        before: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditPage>, StoreError> {
        let before = before.map(Uuid::from);
        let rows =
            read!(&self.readers, ENTRIES, [before, i64::from(limit)], fetch_all as AuditRow)?;
        Ok(rows.into_iter().map(AuditPage::from).collect())
    }
}

struct Record(AuditEntry);

impl Write for Record {
    type Done = ();

    async fn run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        note(tx, &self.0);
        Ok(())
    }
}

impl From<AuditRow> for AuditPage {
    fn from(row: AuditRow) -> Self {
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
            details: row.details.and_then(|text| serde_json::from_str(&text).ok()),
        }
    }
}
