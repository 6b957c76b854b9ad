//! The record of who did what, written in the transaction of the deed.
//!
//! Refuses to be changed: rows are only ever added.

use crate::clock::{micros, time};
use crate::engine::{execute, fetch, statements};
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
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
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

#[derive(sqlx::FromRow)]
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

/// Adds a deed to the running transaction.
pub(crate) async fn insert(tx: &mut Tx, entry: &AuditEntry) -> Result<(), StoreError> {
    execute!(
        &mut tx.conn,
        RECORD,
        [
            Uuid::from(AuditId::at(tx.now)),
            micros(tx.now),
            entry.action,
            entry.actor_id.map(Uuid::from),
            &entry.actor,
            entry.session_hash.as_deref(),
            entry.address.as_deref(),
            entry.request_id.as_deref(),
            &entry.object,
            entry.outcome,
            entry.reason.as_deref(),
            entry.details.as_ref().map(Value::to_string),
        ]
    )?;
    Ok(())
}

/// Adds a deed if it changed anything, and tells whether it did.
pub(crate) async fn insert_if(
    tx: &mut Tx,
    changed: u64,
    entry: &AuditEntry,
) -> Result<bool, StoreError> {
    if changed > 0 {
        insert(tx, entry).await?;
    }
    Ok(changed > 0)
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
        let rows = fetch!(&self.pool, ENTRIES, [before, i64::from(limit)], fetch_all as AuditRow)?;
        Ok(rows.into_iter().map(AuditPage::from).collect())
    }
}

struct Record(AuditEntry);

impl Write for Record {
    type Done = ();

    async fn run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        insert(tx, &self.0).await
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
