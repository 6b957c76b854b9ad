//! What each vehicle offers, as its newest whole discovery has found it.
//!
//! Refuses to keep a history: what was found before is compared with, and replaced.

use crate::clock::{micros, time};
use crate::engine::{execute, read, statements};
use crate::row::signed;
use crate::writer::{Tx, Write};
use crate::{Store, StoreError};
use model::Timestamp;
use model::capabilities::{Changes, compare};
use model::id::{CommandId, VehicleId};
use serde_json::value::RawValue;
use uuid::Uuid;

statements! {
    FOUND = {
        "select revision, command_id, discovered_at, changed_at, changes, entities
        from capabilities where vehicle_id = $1"
    }
    // Only if nobody has kept another tree meanwhile.
    KEEP = {
        "insert into capabilities
            (vehicle_id, revision, command_id, discovered_at, changed_at, changes, entities)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (vehicle_id) do update set revision = excluded.revision,
            command_id = excluded.command_id, discovered_at = excluded.discovered_at,
            changed_at = excluded.changed_at, changes = excluded.changes,
            entities = excluded.entities
        where capabilities.revision = $8"
    }
}

/// What a vehicle offers.
#[derive(Debug, Clone)]
pub struct Capabilities {
    /// Counts from 1; one more whenever a discovery finds something else than the one before.
    pub revision: u64,
    /// The newest discovery.
    pub command_id: CommandId,
    /// When that was.
    pub discovered_at: Timestamp,
    /// When this revision was found first.
    pub changed_at: Timestamp,
    /// What makes this revision different from the one before; empty for the first.
    pub changes: Changes,
    /// Every entity as the vehicle described it, with its place in the tree.
    pub entities: Vec<Box<RawValue>>,
}

type Row = (i64, Uuid, i64, i64, String, String);

impl Store {
    /// What a vehicle offers; `None` as long as nobody has asked it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn capabilities(&self, id: VehicleId) -> Result<Option<Capabilities>, StoreError> {
        let row = read!(&self.readers, FOUND, [Uuid::from(id)], fetch_optional as Row)?;
        row.map(|row| capabilities(row).ok_or(StoreError::Corrupt("capability tree"))).transpose()
    }

    /// Keeps what a discovery of a whole vehicle has found; answers its revision.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write; the vehicle has to exist.
    pub async fn keep_capabilities(
        &self,
        vehicle_id: VehicleId,
        command_id: CommandId,
        entities: &[Box<RawValue>],
    ) -> Result<u64, StoreError> {
        let text = json(&entities)?;
        // The trees are compared here, and not where all writes wait for one another.
        loop {
            let before = self.capabilities(vehicle_id).await?;
            let expected = before.as_ref().map_or(0, |before| before.revision);
            let new = before.as_ref().map(|before| compare(&before.entities, entities));
            let (revision, changed_at, changes) = match (before, new.unwrap_or_default()) {
                (Some(same), new) if new.is_empty() => {
                    (expected, Some(same.changed_at), same.changes)
                }
                (_, new) => (expected.saturating_add(1), None, new),
            };
            let (changes, entities) = (json(&changes)?, text.clone());
            let keep =
                Keep { vehicle_id, command_id, expected, revision, changed_at, changes, entities };
            if self.write(keep).await? {
                return Ok(revision);
            }
        }
    }
}

struct Keep {
    vehicle_id: VehicleId,
    command_id: CommandId,
    /// The revision that was compared with; 0 = there was none.
    expected: u64,
    revision: u64,
    /// `None` = now.
    changed_at: Option<Timestamp>,
    changes: String,
    entities: String,
}

impl Write for Keep {
    type Done = bool;

    /// `false` if another tree has been kept meanwhile.
    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let (vehicle, command) = (Uuid::from(self.vehicle_id), Uuid::from(self.command_id));
        let (revision, expected) = (signed(self.revision), signed(self.expected));
        let (now, changed_at) = (micros(tx.now), micros(self.changed_at.unwrap_or(tx.now)));
        let (changes, entities) = (&self.changes, &self.entities);
        let kept = execute!(
            &mut tx.conn,
            KEEP,
            [vehicle, revision, command, now, changed_at, changes, entities, expected]
        )?;
        Ok(kept > 0)
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(corrupt)
}

fn corrupt(_: serde_json::Error) -> StoreError {
    StoreError::Corrupt("capability tree")
}

fn capabilities(row: Row) -> Option<Capabilities> {
    let (revision, command_id, discovered_at, changed_at, changes, entities) = row;
    Some(Capabilities {
        revision: revision.unsigned_abs(),
        command_id: command_id.into(),
        discovered_at: time(discovered_at),
        changed_at: time(changed_at),
        changes: serde_json::from_str(&changes).ok()?,
        entities: serde_json::from_str(&entities).ok()?,
    })
}
