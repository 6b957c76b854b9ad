//! What each vehicle offers, as its newest whole discovery has found it.
//!
//! Refuses to keep a history: what was found before is compared with, and replaced.

use crate::clock::{micros, time};
use crate::engine::{execute, fetch, read, statements};
use crate::writer::{Turn, Tx, Write};
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
    FOUND_BEFORE = {
        "select revision, changed_at, changes, entities from capabilities where vehicle_id = $1",
        postgres: + "for update"
    }
    KEEP = {
        "insert into capabilities
            (vehicle_id, revision, command_id, discovered_at, changed_at, changes, entities)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (vehicle_id) do update set revision = excluded.revision,
            command_id = excluded.command_id, discovered_at = excluded.discovered_at,
            changed_at = excluded.changed_at, changes = excluded.changes,
            entities = excluded.entities"
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
        entities: Vec<Box<RawValue>>,
    ) -> Result<u64, StoreError> {
        self.write(Keep { vehicle_id, command_id, entities }).await
    }
}

struct Keep {
    vehicle_id: VehicleId,
    command_id: CommandId,
    entities: Vec<Box<RawValue>>,
}

impl Write for Keep {
    type Done = u64;

    fn turn(&self) -> Turn {
        Turn::Vehicle(self.vehicle_id.into())
    }

    async fn run(&self, tx: &mut Tx) -> Result<u64, StoreError> {
        let (id, now) = (Uuid::from(self.vehicle_id), micros(tx.now));
        let before =
            fetch!(&mut tx.conn, FOUND_BEFORE, [id], fetch_optional as (i64, i64, String, String))?;
        let (revision, changed_at, changes) = match before {
            None => (1, now, json(&Changes::default())?),
            Some((revision, changed_at, changes, found)) => {
                let found: Vec<Box<RawValue>> = serde_json::from_str(&found).map_err(corrupt)?;
                let new = compare(&found, &self.entities);
                if new.is_empty() {
                    (revision, changed_at, changes)
                } else {
                    (revision.saturating_add(1), now, json(&new)?)
                }
            }
        };
        let (command, entities) = (Uuid::from(self.command_id), json(&self.entities)?);
        execute!(
            &mut tx.conn,
            KEEP,
            [id, revision, command, now, changed_at, &changes, &entities]
        )?;
        Ok(revision.unsigned_abs())
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
