//! The newest whole read of each entity's faults, kept in the transaction that ends its command.
//!
//! Refuses to take away what a read did not ask for, or what an entity did not answer.

use crate::StoreError;
use crate::clock::micros;
use crate::engine::{Conn, execute, execute_each, fetch_each, row, statements};
use model::Timestamp;
use model::decode::{Class, Severity};
use model::id::{CommandId, VehicleId};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

statements! {
    // Whoever comes first keeps the others of this vehicle waiting.
    BEGIN = {
        "insert into fault_reads (vehicle_id, whole_at, oldest_at, newest_at, unanswered)
        values ($1, null, $2, $2, '[]')
        on conflict (vehicle_id) do update set newest_at = excluded.newest_at
        returning vehicle_id, whole_at, unanswered",
        postgres: "insert into fault_reads (vehicle_id, whole_at, oldest_at, newest_at, unanswered)
        select n.vehicle_id, null, n.read_at, n.read_at, '[]'
        from unnest(cast($1 as uuid[]), cast($2 as bigint[])) as n (vehicle_id, read_at)
        on conflict (vehicle_id) do update set newest_at = excluded.newest_at
        returning vehicle_id, whole_at, unanswered"
    }
    KEEP = {
        "insert into faults
            (vehicle_id, entity, code, name, severity, status, command_id, read_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (vehicle_id, entity, code) do update set
            name = coalesce(excluded.name, faults.name),
            severity = coalesce(excluded.severity, faults.severity),
            status = excluded.status, command_id = excluded.command_id,
            read_at = excluded.read_at",
        postgres: "insert into faults
            (vehicle_id, entity, code, name, severity, status, command_id, read_at)
        select n.vehicle_id, n.entity, n.code, n.name, n.severity, n.status, n.command_id, n.read_at
        from unnest(
            cast($1 as uuid[]), cast($2 as text[]), cast($3 as text[]), cast($4 as text[]),
            cast($5 as smallint[]), cast($6 as text[]), cast($7 as uuid[]), cast($8 as bigint[])
        ) as n (vehicle_id, entity, code, name, severity, status, command_id, read_at)
        on conflict (vehicle_id, entity, code) do update set
            name = coalesce(excluded.name, faults.name),
            severity = coalesce(excluded.severity, faults.severity),
            status = excluded.status, command_id = excluded.command_id,
            read_at = excluded.read_at"
    }
    // What entities had and have no more: those that are named, or where all were asked, all but those.
    HEALED = {
        "delete from faults where vehicle_id = $1 and command_id <> $2
            and (entity in (select j.value from json_each($3) j)) <> $4",
        postgres: "delete from faults f using unnest(
            cast($1 as uuid[]), cast($2 as uuid[]), cast($3 as text[]), cast($4 as boolean[])
        ) as n (vehicle_id, command_id, entities, is_whole)
        where f.vehicle_id = n.vehicle_id and f.command_id <> n.command_id
            and (cast(n.entities as jsonb) ? f.entity) <> n.is_whole"
    }
    CLEARED = {
        "delete from faults where vehicle_id = $1 and entity = $2 and (code = $3 or $3 is null)"
    }
    END = {
        "update fault_reads set whole_at = $2, unanswered = $3,
            oldest_at = coalesce(
                (select min(f.read_at) from faults f
                where f.vehicle_id = $1 and (f.read_at < $2 or $2 is null)), $2, $4)
        where vehicle_id = $1",
        postgres: "update fault_reads r set whole_at = n.whole_at, unanswered = n.unanswered,
            oldest_at = coalesce(
                (select min(f.read_at) from faults f where f.vehicle_id = n.vehicle_id
                    and (f.read_at < n.whole_at or n.whole_at is null)), n.whole_at, n.read_at)
        from unnest(
            cast($1 as uuid[]), cast($2 as bigint[]), cast($3 as text[]), cast($4 as bigint[])
        ) as n (vehicle_id, whole_at, unanswered, read_at)
        where r.vehicle_id = n.vehicle_id"
    }
    FORGET_FAULTS = { "delete from faults where vehicle_id = $1" }
    FORGET_READ = { "delete from fault_reads where vehicle_id = $1" }
}

const CORRUPT: StoreError = StoreError::Corrupt("read of faults");

/// A fault as a read of its entity has shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultSeen {
    /// Its code for people; once for each entity of a read.
    pub code: String,
    /// What is wrong; `None` if the read did not say, and then what was known before stays.
    pub text: Option<String>,
    /// How bad it is; `None` as for the text.
    pub severity: Option<Severity>,
    /// Where it stands; `None` if the vehicle did not say.
    pub status: Option<Class>,
}

/// What a command has told of the faults of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// All that it has now.
    Faults(Vec<FaultSeen>),
    /// It did not answer: what was known stays, with its age.
    Unanswered,
    /// All, or those of a code, were cleared, and what remained was not told.
    Cleared(Option<String>),
}

/// What a command has told of the faults of a vehicle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultReading {
    /// Whether every entity of the vehicle was asked.
    pub is_whole: bool,
    /// The entities that were asked, each once.
    pub entities: Vec<(String, Finding)>,
}

/// A reading that is to be kept.
pub(crate) struct Kept {
    pub(crate) vehicle_id: VehicleId,
    pub(crate) command_id: CommandId,
    pub(crate) reading: FaultReading,
}

row! {
    struct ReadRow {
        vehicle_id: Uuid,
        whole_at: Option<i64>,
        unanswered: String,
    }
}

/// Keeps readings, in the order of the vehicles: no two transactions wait for each other.
pub(crate) async fn post(
    conn: &mut Conn,
    now: Timestamp,
    mut readings: Vec<Kept>,
) -> Result<(), StoreError> {
    readings.sort_by_key(|kept| kept.vehicle_id);
    while !readings.is_empty() {
        // A statement has each vehicle once.
        let mut last = None;
        let (first, again): (Vec<_>, _) = readings
            .into_iter()
            .partition(|kept| last.replace(kept.vehicle_id) != Some(kept.vehicle_id));
        keep(conn, micros(now), &first).await?;
        readings = again;
    }
    Ok(())
}

async fn keep(conn: &mut Conn, now: i64, readings: &[Kept]) -> Result<(), StoreError> {
    let begun: Vec<_> = readings.iter().map(|kept| (kept.vehicle(), now)).collect();
    let before = fetch_each!(conn, BEGIN, &begun, |it| [it.0, it.1], ReadRow);
    keep_faults(conn, now, readings).await?;
    heal(conn, readings).await?;
    let before: HashMap<_, _> = before.into_iter().map(|row| (row.vehicle_id, row)).collect();
    let mut ends = Vec::with_capacity(readings.len());
    for kept in readings {
        let before = before.get(&kept.vehicle()).ok_or(CORRUPT)?;
        let whole_at = if kept.reading.is_whole { Some(now) } else { before.whole_at };
        ends.push((kept.vehicle(), whole_at, kept.reading.unanswered(&before.unanswered)?, now));
    }
    execute_each!(conn, END, &ends, |it| [it.0, it.1, it.2.as_str(), it.3]);
    Ok(())
}

async fn keep_faults(conn: &mut Conn, now: i64, readings: &[Kept]) -> Result<(), StoreError> {
    let of_each = readings.iter().flat_map(|kept| {
        let command = Uuid::from(kept.command_id);
        kept.reading.faults().map(move |(entity, it)| (kept.vehicle(), entity, it, command, now))
    });
    let seen: Vec<_> = of_each.collect();
    if !seen.is_empty() {
        execute_each!(conn, KEEP, &seen, |it| [
            it.0,
            it.1,
            it.2.code.as_str(),
            it.2.text.as_deref(),
            it.2.severity.map(|severity| i16::from(severity.number())),
            it.2.status.map(Class::word),
            it.3,
            it.4,
        ]);
    }
    Ok(())
}

/// Takes away what is not there any more.
async fn heal(conn: &mut Conn, readings: &[Kept]) -> Result<(), StoreError> {
    let mut healed = Vec::with_capacity(readings.len());
    for kept in readings {
        let is_whole = kept.reading.is_whole;
        let named = kept.reading.named(|it| matches!(it, Finding::Faults(_)) != is_whole);
        healed.push((kept.vehicle(), Uuid::from(kept.command_id), json(named)?, is_whole));
    }
    execute_each!(conn, HEALED, &healed, |it| [it.0, it.1, it.2.as_str(), it.3]);
    for kept in readings {
        for (entity, finding) in &kept.reading.entities {
            if let Finding::Cleared(code) = finding {
                execute!(conn, CLEARED, [kept.vehicle(), entity.as_str(), code.as_deref()])?;
            }
        }
    }
    Ok(())
}

/// A vehicle that is gone has no faults.
pub(crate) async fn forget(conn: &mut Conn, vehicle_id: VehicleId) -> Result<(), StoreError> {
    let vehicle = Uuid::from(vehicle_id);
    execute!(conn, FORGET_FAULTS, [vehicle])?;
    execute!(conn, FORGET_READ, [vehicle])?;
    Ok(())
}

impl Kept {
    fn vehicle(&self) -> Uuid {
        self.vehicle_id.into()
    }
}

impl FaultReading {
    fn faults(&self) -> impl Iterator<Item = (&str, &FaultSeen)> {
        self.entities.iter().flat_map(|(entity, finding)| {
            let faults = match finding {
                Finding::Faults(faults) => faults.as_slice(),
                Finding::Unanswered | Finding::Cleared(_) => &[],
            };
            faults.iter().map(move |fault| (entity.as_str(), fault))
        })
    }

    fn named(&self, is_meant: impl Fn(&Finding) -> bool) -> BTreeSet<&str> {
        let meant = self.entities.iter().filter(|(_, finding)| is_meant(finding));
        meant.map(|(entity, _)| entity.as_str()).collect()
    }

    /// The entities of which nothing newer is known after this, as JSON.
    fn unanswered(&self, before: &str) -> Result<String, StoreError> {
        let mut unanswered: BTreeSet<String> = serde_json::from_str(before).map_err(corrupt)?;
        if self.is_whole {
            unanswered.clear();
        }
        for (entity, finding) in &self.entities {
            match finding {
                Finding::Faults(_) => _ = unanswered.remove(entity),
                Finding::Unanswered | Finding::Cleared(_) => {
                    unanswered.insert(entity.clone());
                }
            }
        }
        json(unanswered)
    }
}

fn json(names: impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(&names).map_err(corrupt)
}

fn corrupt(_: serde_json::Error) -> StoreError {
    CORRUPT
}
