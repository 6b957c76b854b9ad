//! Fleets: the units in which rights to vehicles are granted.
//!
//! Refuses to lose history: a fleet that has ever had a vehicle stays.

use crate::clock::micros;
use crate::engine::{execute, fetch, read, statements};
use crate::writer::{Tx, Write};
use crate::{AuditEntry, Sight, Store, StoreError, audit};
use model::id::FleetId;
use model::vehicle::Fleet;
use uuid::Uuid;

/// The condition that a [`Sight`] is on a column with a fleet: `in_sight!(column, granted_to, now, confined_by)`,
/// with the numbers of the binds. The comparison first: it is where PostgreSQL learns the type of a bind
/// that is null.
macro_rules! in_sight {
    ($fleet:literal, $user:literal, $now:literal, $session:literal) => {
        concat!(
            "(",
            $fleet,
            " in (select g.fleet_id from grants g where g.user_id = ",
            $user,
            " and (g.until is null or g.until > ",
            $now,
            ")) or ",
            $user,
            " is null)
            and (",
            $fleet,
            " in (select t.fleet_id from api_token_fleets t
                where t.session_id = ",
            $session,
            ") or ",
            $session,
            " is null)"
        )
    };
}
pub(crate) use in_sight;

statements! {
    ADD_FLEET = { "insert into fleets (fleet_id, name) values ($1, $2) on conflict do nothing" }
    FLEET = { "select fleet_id, name from fleets where fleet_id = $1" }
    FLEET_OF_NAME = { "select fleet_id, name from fleets where name = $1" }
    FLEETS = {
        concat!("select fleet_id, name from fleets
            where ", in_sight!("fleet_id", "$1", "$2", "$3"), " order by name")
    }
    RENAME_FLEET = { "update fleets set name = $2 where fleet_id = $1" }
    VEHICLES_IN_FLEET = { "select count(*) from vehicles where fleet_id = $1" }
    REMOVE_FLEET = { "delete from fleets where fleet_id = $1" }
}

impl Store {
    /// The fleet of that name, made if it is missing.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn fleet_named(&self, name: &str, audit: AuditEntry) -> Result<Fleet, StoreError> {
        self.write(FleetNamed { name: name.to_owned(), audit }).await
    }

    /// The fleet; `None` if there is none of that id.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn fleet(&self, id: FleetId) -> Result<Option<Fleet>, StoreError> {
        let row = read!(&self.readers, FLEET, [Uuid::from(id)], fetch_optional as (Uuid, String))?;
        Ok(row.map(fleet))
    }

    /// The fleets that somebody sees, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn fleets(&self, sight: Sight) -> Result<Vec<Fleet>, StoreError> {
        let now = micros(self.now());
        let granted = sight.granted_to.map(Uuid::from);
        let token = sight.confined_by.map(Uuid::from);
        let rows =
            read!(&self.readers, FLEETS, [granted, now, token], fetch_all as (Uuid, String))?;
        Ok(rows.into_iter().map(fleet).collect())
    }

    /// Whether somebody sees each of these fleets; one that is not there is seen by nobody.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn are_seen(&self, sight: Sight, fleets: &[FleetId]) -> Result<bool, StoreError> {
        if fleets.is_empty() {
            return Ok(true);
        }
        let seen = self.fleets(sight).await?;
        Ok(fleets.iter().all(|wanted| seen.iter().any(|fleet| fleet.fleet_id == *wanted)))
    }

    /// Renames a fleet; `false` if there is none of that id.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the name is taken.
    pub async fn rename_fleet(
        &self,
        id: FleetId,
        name: &str,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        self.write(RenameFleet { id, name: name.to_owned(), audit }).await
    }

    /// Removes a fleet that has never had a vehicle; `false` if it has, or does not exist.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn remove_fleet(&self, id: FleetId, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(RemoveFleet { id, audit }).await
    }
}

fn fleet((fleet_id, name): (Uuid, String)) -> Fleet {
    Fleet { fleet_id: fleet_id.into(), name }
}

struct FleetNamed {
    name: String,
    audit: AuditEntry,
}

impl Write for FleetNamed {
    type Done = Fleet;

    async fn run(&self, tx: &mut Tx) -> Result<Fleet, StoreError> {
        let id = Uuid::from(FleetId::at(tx.now));
        let added = execute!(&mut tx.conn, ADD_FLEET, [id, &self.name])?;
        audit::note_if(tx, added, &self.audit);
        let row = fetch!(&mut tx.conn, FLEET_OF_NAME, [&self.name], fetch_one as (Uuid, String))?;
        Ok(fleet(row))
    }
}

struct RenameFleet {
    id: FleetId,
    name: String,
    audit: AuditEntry,
}

impl Write for RenameFleet {
    type Done = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let renamed = execute!(&mut tx.conn, RENAME_FLEET, [Uuid::from(self.id), &self.name])?;
        Ok(audit::note_if(tx, renamed, &self.audit))
    }
}

struct RemoveFleet {
    id: FleetId,
    audit: AuditEntry,
}

impl Write for RemoveFleet {
    type Done = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let id = Uuid::from(self.id);
        let (vehicles,) = fetch!(&mut tx.conn, VEHICLES_IN_FLEET, [id], fetch_one as (i64,))?;
        if vehicles > 0 {
            return Ok(false);
        }
        let removed = execute!(&mut tx.conn, REMOVE_FLEET, [id])?;
        Ok(audit::note_if(tx, removed, &self.audit))
    }
}
