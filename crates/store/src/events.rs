//! Reading the event log.
//!
//! Refuses unbounded answers: every page has a limit in events and in bytes.

use crate::clock::time;
use crate::engine::{listed, read, statements};
use crate::row::signed;
use crate::{Store, StoreError};
use model::command::Phase;
use model::event::{Event, Kind};
use model::id::{CommandId, FleetId, VehicleId};
use uuid::Uuid;

statements! {
    // The sum runs over what the limit leaves, so that a page never reads more than it holds. SQLite
    // would plan anew for every limit that is a bare parameter.
    AFTER = {
        "select event_offset, kind, sequence_number, attempt, part, recorded_at, frame from (
            select event_offset, kind, sequence_number, attempt, part, recorded_at, frame,
                frame_bytes, sum(frame_bytes) over (order by event_offset) as total from (
                select event_offset, kind, sequence_number, attempt, part, recorded_at, frame,
                    frame_bytes
                from events where command_id = $1 and event_offset > $2
                order by event_offset limit ($3 + 0)) e) page
        where total - frame_bytes < $4 order by event_offset"
    }
    HEADS = {
        "select c.command_id, v.vehicle_id, v.fleet_id, c.state, c.last_offset
        from commands c join vehicles v on v.vehicle_id = c.vehicle_id
        where c.command_id in (select unhex(value) from json_each($1))",
        postgres: "select c.command_id, v.vehicle_id, v.fleet_id, c.state, c.last_offset
        from commands c join vehicles v on v.vehicle_id = c.vehicle_id
        where c.command_id in (
            select cast(value as uuid) from json_array_elements_text(cast($1 as json)) as value)"
    }
}

/// How much of a log to read at once.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// At most so many events.
    pub events: u32,
    /// No further event once so many bytes are there: at least one event comes, whatever its size.
    pub bytes: u32,
}

/// The end of a log as it stands, and where its command belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The command.
    pub command_id: CommandId,
    /// Its vehicle.
    pub vehicle_id: VehicleId,
    /// The vehicle's fleet, which decides about who may see the command.
    pub fleet_id: FleetId,
    /// The command's state.
    pub phase: Phase,
    /// The offset of its newest event.
    pub offset: u64,
}

listed! {
    struct EventRow {
        event_offset: i64,
        kind: String,
        sequence_number: Option<i32>,
        attempt: i32,
        part: Option<i32>,
        recorded_at: i64,
        frame: String,
    }
}

impl Store {
    /// The events after an offset, oldest first; empty if there are none (yet).
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn events_after(
        &self,
        command_id: CommandId,
        after: u64,
        page: Page,
    ) -> Result<Vec<Event>, StoreError> {
        let (events, bytes) = (i64::from(page.events), i64::from(page.bytes));
        let rows = read!(
            &self.readers,
            AFTER,
            [Uuid::from(command_id), signed(after), events, bytes],
            fetch_all as EventRow
        )?;
        rows.into_iter().map(|row| event(row).ok_or(StoreError::Corrupt("event"))).collect()
    }

    /// Where the logs of these commands end, and where the commands belong; those that do not exist are
    /// left out.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn heads(&self, commands: &[CommandId]) -> Result<Vec<Head>, StoreError> {
        let ids: Vec<String> =
            commands.iter().map(|&id| Uuid::from(id).simple().to_string()).collect();
        let list = serde_json::Value::from(ids).to_string();
        let rows = read!(&self.readers, HEADS, [&list], fetch_all as HeadRow)?;
        rows.into_iter().map(|row| head(row).ok_or(StoreError::Corrupt("command"))).collect()
    }
}

type HeadRow = (Uuid, Uuid, Uuid, String, i64);

fn head((command_id, vehicle_id, fleet_id, state, last_offset): HeadRow) -> Option<Head> {
    Some(Head {
        command_id: command_id.into(),
        vehicle_id: vehicle_id.into(),
        fleet_id: fleet_id.into(),
        phase: Phase::from_word(&state)?,
        offset: last_offset.try_into().ok()?,
    })
}

fn event(row: EventRow) -> Option<Event> {
    Some(Event {
        offset: row.event_offset.try_into().ok()?,
        kind: Kind::from_word(&row.kind)?,
        sequence_number: row.sequence_number.map(u32::try_from).transpose().ok()?,
        attempt: row.attempt.try_into().ok()?,
        part: row.part.map(u32::try_from).transpose().ok()?,
        recorded_at: time(row.recorded_at),
        frame: row.frame,
    })
}
