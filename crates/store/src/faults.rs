//! Which faults how many vehicles have, and which vehicles: counted from what is kept of their reads.
//!
//! Refuses to count a vehicle that was not read among those without faults: it says how many were read.

use crate::clock::{micros, time};
use crate::engine::{listed, read, statements};
use crate::fleets::in_sight;
use crate::vehicles::containing;
use crate::{Sight, Store, StoreError};
use model::Timestamp;
use model::decode::{Class, Severity};
use model::id::{CommandId, FleetId, VehicleId};
use model::vehicle::{ConnectionStatus, Model};
use model::vin::Vin;
use uuid::Uuid;

/// Whose vehicles are looked at: the fleet $1, the grants of $2 at the time $3, the token $4.
macro_rules! seen {
    ($rest:literal) => {
        concat!(
            " where v.removed_at is null
                and (v.fleet_id = $1 or $1 is null)
                and ",
            in_sight!("v.fleet_id", "$2", "$3", "$4"),
            " ",
            $rest
        )
    };
}

statements! {
    // The comparison first: it is where PostgreSQL learns the type of a filter that is not given.
    CODES = {
        concat!(
            "select f.entity, f.code, max(f.name) as name, min(f.severity) as severity,
                count(*) as vehicles,
                sum(case when f.status = $5 then 1 else 0 end) as active,
                sum(case when f.status = $6 then 1 else 0 end) as confirmed,
                sum(case when f.status = $7 then 1 else 0 end) as pending,
                sum(case when f.status = $8 then 1 else 0 end) as history,
                min(f.read_at) as oldest_at, max(f.read_at) as newest_at
            from faults f join vehicles v on v.vehicle_id = f.vehicle_id",
            seen!("and (f.severity = $9 or $9 is null)
                and (f.status = $10 or $10 is null)
                and (f.entity = $11 or $11 is null)
                and (lower(f.code || ' ' || coalesce(f.name, '')) like $12 escape '!'
                    or $12 is null)
            group by f.entity, f.code
            order by count(*) desc, coalesce(min(f.severity), 9), f.code, f.entity
            limit $13 offset $14")
        )
    }
    OF_CODE = {
        concat!(
            "select v.vehicle_id, v.vin, v.fleet_id, v.make, v.model, v.year, v.connection_status,
                f.severity, f.status, f.command_id, f.read_at
            from faults f join vehicles v on v.vehicle_id = f.vehicle_id",
            seen!("and f.code = $5 and f.entity = $6
                and (f.severity = $7 or $7 is null)
                and (f.status = $8 or $8 is null)
                and (v.vehicle_id > $9 or $9 is null)
            order by v.vehicle_id limit $10")
        )
    }
    COVERAGE = {
        concat!(
            "select count(*), count(r.vehicle_id),
                coalesce(sum(case when r.whole_at is not null and r.unanswered = '[]'
                    then 1 else 0 end), 0),
                min(r.oldest_at), max(r.newest_at)
            from vehicles v left join fault_reads r on r.vehicle_id = v.vehicle_id",
            seen!("")
        )
    }
}

/// Which vehicles, and which of their faults, are counted; `None` = any.
#[derive(Debug, Clone, Default)]
pub struct FaultFilter {
    /// Only what whoever asks may see.
    pub sight: Sight,
    /// Only vehicles of this fleet.
    pub fleet_id: Option<FleetId>,
    /// Only as bad as this.
    pub severity: Option<Severity>,
    /// Only where it stands so.
    pub status: Option<Class>,
    /// Only of this entity.
    pub entity: Option<String>,
    /// Only with this in the code or the text.
    pub search: Option<String>,
    /// How many at most.
    pub limit: u32,
}

/// A fault of one entity, in how many vehicles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetFault {
    /// The path of the entity.
    pub entity: String,
    /// Its code for people.
    pub code: String,
    /// What is wrong; `None` if no vehicle said.
    pub text: Option<String>,
    /// How bad it is where it is worst; `None` if no vehicle said.
    pub severity: Option<Severity>,
    /// How many vehicles have it.
    pub vehicles: u64,
    /// In how many of them it stands so, in the order of [`Class::ALL`].
    pub statuses: [u64; 4],
    /// When the vehicle among them was read that was read longest ago.
    pub oldest_at: Timestamp,
    /// When one of them was read last.
    pub newest_at: Timestamp,
}

/// A vehicle that has a fault.
#[derive(Debug, Clone)]
pub struct FaultyVehicle {
    /// Which.
    pub vehicle_id: VehicleId,
    /// Its VIN.
    pub vin: Vin,
    /// Its fleet.
    pub fleet_id: FleetId,
    /// What people call it.
    pub model: Model,
    /// What its connection is like.
    pub connection_status: ConnectionStatus,
    /// How bad the fault is in it.
    pub severity: Option<Severity>,
    /// Where the fault stands in it.
    pub status: Option<Class>,
    /// The command that has read it.
    pub command_id: CommandId,
    /// When that was.
    pub read_at: Timestamp,
}

/// How much of what somebody sees has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultCoverage {
    /// The vehicles that they see.
    pub vehicles: u64,
    /// Those of which every entity was asked and has answered.
    pub read: u64,
    /// Those of which some entities were read, or did not answer.
    pub partly_read: u64,
    /// The oldest of what is counted; `None` if nothing was read.
    pub oldest_at: Option<Timestamp>,
    /// The newest.
    pub newest_at: Option<Timestamp>,
}

listed! {
    struct CodeRow {
        entity: String,
        code: String,
        name: Option<String>,
        severity: Option<i16>,
        vehicles: i64,
        active: i64,
        confirmed: i64,
        pending: i64,
        history: i64,
        oldest_at: i64,
        newest_at: i64,
    }
}

listed! {
    struct VehicleRow {
        vehicle_id: Uuid,
        vin: String,
        fleet_id: Uuid,
        make: String,
        model: String,
        year: Option<i32>,
        connection_status: String,
        severity: Option<i16>,
        status: Option<String>,
        command_id: Uuid,
        read_at: i64,
    }
}

impl Store {
    /// Faults by entity and code, those of most vehicles first, and of those the worst; without the first
    /// `offset` of them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn fleet_faults(
        &self,
        filter: &FaultFilter,
        offset: u32,
    ) -> Result<Vec<FleetFault>, StoreError> {
        let Bounds { fleet, granted, now, token, severity, status } = self.bounds(filter);
        let [active, confirmed, pending, history] = Class::ALL.map(Class::word);
        let search = filter.search.as_deref().map(containing);
        let rows = read!(
            &self.readers,
            CODES,
            [
                fleet,
                granted,
                now,
                token,
                active,
                confirmed,
                pending,
                history,
                severity,
                status,
                filter.entity.as_deref(),
                search.as_deref(),
                i64::from(filter.limit),
                i64::from(offset),
            ],
            fetch_all as CodeRow
        )?;
        Ok(rows.into_iter().map(FleetFault::from).collect())
    }

    /// The vehicles that have a code in an entity, in the order of registration; those after `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn vehicles_with_fault(
        &self,
        code: &str,
        entity: &str,
        filter: &FaultFilter,
        after: Option<VehicleId>,
    ) -> Result<Vec<FaultyVehicle>, StoreError> {
        let Bounds { fleet, granted, now, token, severity, status } = self.bounds(filter);
        let (after, limit) = (after.map(Uuid::from), i64::from(filter.limit));
        let rows = read!(
            &self.readers,
            OF_CODE,
            [fleet, granted, now, token, code, entity, severity, status, after, limit],
            fetch_all as VehicleRow
        )?;
        rows.into_iter().map(FaultyVehicle::try_from).collect()
    }

    /// How many of the vehicles that are looked at have been read; of a filter only the fleet and the
    /// sight matter.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn fault_coverage(&self, filter: &FaultFilter) -> Result<FaultCoverage, StoreError> {
        let Bounds { fleet, granted, now, token, .. } = self.bounds(filter);
        let (all, touched, whole, oldest, newest) = read!(
            &self.readers,
            COVERAGE,
            [fleet, granted, now, token],
            fetch_one as (i64, i64, i64, Option<i64>, Option<i64>)
        )?;
        Ok(FaultCoverage {
            vehicles: all.unsigned_abs(),
            read: whole.unsigned_abs(),
            partly_read: touched.saturating_sub(whole).unsigned_abs(),
            oldest_at: oldest.map(time),
            newest_at: newest.map(time),
        })
    }

    fn bounds(&self, filter: &FaultFilter) -> Bounds {
        Bounds {
            fleet: filter.fleet_id.map(Uuid::from),
            granted: filter.sight.granted_to.map(Uuid::from),
            now: micros(self.now()),
            token: filter.sight.confined_by.map(Uuid::from),
            severity: filter.severity.map(|severity| i16::from(severity.number())),
            status: filter.status.map(Class::word),
        }
    }
}

/// A filter as the statements take it.
struct Bounds {
    fleet: Option<Uuid>,
    granted: Option<Uuid>,
    now: i64,
    token: Option<Uuid>,
    severity: Option<i16>,
    status: Option<&'static str>,
}

impl From<CodeRow> for FleetFault {
    fn from(row: CodeRow) -> Self {
        let statuses = [row.active, row.confirmed, row.pending, row.history];
        Self {
            entity: row.entity,
            code: row.code,
            text: row.name,
            severity: row.severity.and_then(severity),
            vehicles: row.vehicles.unsigned_abs(),
            statuses: statuses.map(i64::unsigned_abs),
            oldest_at: time(row.oldest_at),
            newest_at: time(row.newest_at),
        }
    }
}

impl TryFrom<VehicleRow> for FaultyVehicle {
    type Error = StoreError;

    fn try_from(row: VehicleRow) -> Result<Self, StoreError> {
        const CORRUPT: StoreError = StoreError::Corrupt("vehicle");
        Ok(Self {
            vehicle_id: row.vehicle_id.into(),
            vin: row.vin.parse().map_err(|_| CORRUPT)?,
            fleet_id: row.fleet_id.into(),
            model: Model { make: row.make, model: row.model, year: row.year },
            connection_status: ConnectionStatus::from_word(&row.connection_status)
                .ok_or(CORRUPT)?,
            severity: row.severity.and_then(severity),
            status: row.status.as_deref().and_then(Class::from_word),
            command_id: row.command_id.into(),
            read_at: time(row.read_at),
        })
    }
}

fn severity(number: i16) -> Option<Severity> {
    Severity::of_number(u64::try_from(number).ok()?)
}
