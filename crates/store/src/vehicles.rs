//! The registry of vehicles, and what is known of their connections.
//!
//! Refuses to reach a vehicle: it stores what a probe found.

use crate::clock::{micros, time};
use crate::engine::{execute, fetch, look_up, read, row, statements};
use crate::fleets::in_sight;
use crate::writer::{Turn, Tx, Write};
use crate::{AuditEntry, Sight, Store, StoreError, audit, fault_reads};
use model::id::{FleetId, VehicleId};
use model::vehicle::{ConnectionStatus, Connector, Credentials, Model, Presence, Vehicle};
use model::vin::Vin;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Selects vehicles with the columns of a [`VehicleRow`].
macro_rules! select_vehicles {
    ($($rest:tt)+) => {
        concat!(
            "select vehicle_id, vin, fleet_id, make, model, year, connector, sovd_url, sovd_token,
                sovd_ca, sovd_identity, metadata, connection_status, obstacle, last_seen_at, revision
            from vehicles ",
            $($rest)+
        )
    };
}
pub(crate) use select_vehicles;

statements! {
    VEHICLE = { select_vehicles!("where vehicle_id = $1 and removed_at is null") }
    OF_VIN = { select_vehicles!("where vin = $1 and removed_at is null") }
    LIST = {
        select_vehicles!("where removed_at is null
            and (connection_status = $1 or $1 is null)
            and (lower(make || ' ' || model) like $2 escape '!' or $2 is null
                or ($6 and lower(vin) like $2 escape '!'))
            and ", in_sight!("fleet_id", "$3", "$4", "$9"), "
            and (fleet_id = $5 or $5 is null)
        order by vehicle_id limit $7 offset $8")
    }
    COUNT = {
        concat!("select count(*) from vehicles where removed_at is null
            and (connection_status = $1 or $1 is null)
            and (lower(make || ' ' || model) like $2 escape '!' or $2 is null
                or ($6 and lower(vin) like $2 escape '!'))
            and ", in_sight!("fleet_id", "$3", "$4", "$7"), "
            and (fleet_id = $5 or $5 is null)")
    }
    ALL_VEHICLES = { select_vehicles!("where removed_at is null order by vehicle_id") }
    ADD = {
        "insert into vehicles (vehicle_id, vin, fleet_id, make, model, year, connector, sovd_url,
            metadata, sovd_token, sovd_ca, sovd_identity, connection_status, revision)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'disconnected', 1)
        on conflict (vin) where removed_at is null do nothing"
    }
    CHANGE = {
        "update vehicles set fleet_id = $3, make = $4, model = $5, year = $6, connector = $7,
            sovd_url = $8, metadata = $9, sovd_token = $10, sovd_ca = $11,
            sovd_identity = $12,
            revision = revision + 1
        where vehicle_id = $1 and revision = $2 and removed_at is null"
    }
    REMOVE = {
        "update vehicles set removed_at = $2, connection_status = 'disconnected',
            sovd_token = null, sovd_ca = null, sovd_identity = null,
            revision = revision + 1
        where vehicle_id = $1 and removed_at is null and (revision = $3 or $3 is null)"
    }
    PROBED = {
        "update vehicles set connection_status = $2, last_seen_at = coalesce($3, last_seen_at),
            obstacle = $4,
            revision = revision + (case when connection_status = $2 then 0 else 1 end)
        where vehicle_id = $1 and removed_at is null
        returning connection_status, last_seen_at, revision"
    }
}

/// A vehicle to register.
#[derive(Debug, Clone)]
pub struct NewVehicle {
    /// Its VIN.
    pub vin: Vin,
    /// What of it can be changed later.
    pub change: VehicleChange,
}

/// What can be said of a vehicle.
#[derive(Debug, Clone)]
pub struct VehicleChange {
    /// Its fleet.
    pub fleet_id: FleetId,
    /// What people call it.
    pub model: Model,
    /// How it is reached.
    pub connector: Connector,
    /// See [`Vehicle::metadata`].
    pub metadata: Map<String, Value>,
}

/// Which vehicles to list; `None` = any.
#[derive(Debug, Clone, Default)]
pub struct VehicleFilter {
    /// In this state.
    pub status: Option<ConnectionStatus>,
    /// With this text in make or model.
    pub search: Option<String>,
    /// Also with the text in the VIN: not for those who may not see whole VINs.
    pub search_vins: bool,
    /// Only what whoever asks may see.
    pub sight: Sight,
    /// Only of this fleet.
    pub fleet_id: Option<FleetId>,
    /// How many at most.
    pub limit: u32,
    /// How many to pass over.
    pub offset: u32,
}

/// What a probe found.
#[derive(Debug, Clone)]
pub struct ProbeResult {
    /// The vehicle.
    pub vehicle_id: VehicleId,
    /// What its connection is like.
    pub status: ConnectionStatus,
    /// See [`Vehicle::obstacle`].
    pub obstacle: Option<String>,
}

row! {
    pub(crate) struct VehicleRow {
        vehicle_id: Uuid,
        vin: String,
        fleet_id: Uuid,
        make: String,
        model: String,
        year: Option<i32>,
        connector: String,
        sovd_url: String,
        sovd_token: Option<Vec<u8>>,
        sovd_ca: Option<String>,
        sovd_identity: Option<Vec<u8>>,
        metadata: String,
        connection_status: String,
        obstacle: Option<String>,
        last_seen_at: Option<i64>,
        revision: i64,
    }
}

impl TryFrom<VehicleRow> for Vehicle {
    type Error = StoreError;

    fn try_from(row: VehicleRow) -> Result<Self, StoreError> {
        const CORRUPT: StoreError = StoreError::Corrupt("vehicle");
        let credentials = Credentials {
            sealed_token: row.sovd_token,
            authorities: row.sovd_ca,
            sealed_identity: row.sovd_identity,
        };
        Ok(Self {
            vehicle_id: row.vehicle_id.into(),
            vin: row.vin.parse().map_err(|_| CORRUPT)?,
            fleet_id: row.fleet_id.into(),
            model: Model { make: row.make, model: row.model, year: row.year },
            connector: connector(&row.connector, row.sovd_url, credentials).ok_or(CORRUPT)?,
            metadata: serde_json::from_str(&row.metadata).map_err(|_| CORRUPT)?,
            connection_status: ConnectionStatus::from_word(&row.connection_status)
                .ok_or(CORRUPT)?,
            obstacle: row.obstacle,
            last_seen_at: row.last_seen_at.map(time),
            revision: row.revision,
        })
    }
}

fn connector(word: &str, url: String, credentials: Credentials) -> Option<Connector> {
    match word {
        "sovd" => Some(Connector::Sovd { url, credentials }),
        "external" => Some(Connector::External),
        _ => None,
    }
}

impl Store {
    /// The vehicle; `None` if there is none of that id.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn vehicle(&self, id: VehicleId) -> Result<Option<Vehicle>, StoreError> {
        look_up!(&self.readers, VEHICLE, Uuid::from(id), VehicleRow)?
            .map(Vehicle::try_from)
            .transpose()
    }

    /// The vehicle of a VIN.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn vehicle_of_vin(&self, vin: &Vin) -> Result<Option<Vehicle>, StoreError> {
        read!(&self.readers, OF_VIN, [vin.as_str()], fetch_optional as VehicleRow)?
            .map(Vehicle::try_from)
            .transpose()
    }

    /// Vehicles in the order of registration, and how many there are in all.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn vehicles(
        &self,
        filter: &VehicleFilter,
    ) -> Result<(Vec<Vehicle>, u64), StoreError> {
        let status = filter.status.map(ConnectionStatus::word);
        let search = filter.search.as_deref().map(containing);
        let granted = filter.sight.granted_to.map(Uuid::from);
        let token = filter.sight.confined_by.map(Uuid::from);
        let (limit, offset) = (i64::from(filter.limit), i64::from(filter.offset));
        let fleet = filter.fleet_id.map(Uuid::from);
        let vins = filter.search_vins;
        let now = micros(self.now());
        let rows = read!(
            &self.readers,
            LIST,
            [status, search.as_deref(), granted, now, fleet, vins, limit, offset, token],
            fetch_all as VehicleRow
        )?;
        let (total,) = read!(
            &self.readers,
            COUNT,
            [status, search.as_deref(), granted, now, fleet, vins, token],
            fetch_one as (i64,)
        )?;
        let vehicles = rows.into_iter().map(Vehicle::try_from).collect::<Result<_, _>>()?;
        Ok((vehicles, total.unsigned_abs()))
    }

    /// Every vehicle of the registry.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn all_vehicles(&self) -> Result<Vec<Vehicle>, StoreError> {
        read!(&self.readers, ALL_VEHICLES, [], fetch_all as VehicleRow)?
            .into_iter()
            .map(Vehicle::try_from)
            .collect()
    }

    /// Registers a vehicle; `None` if the VIN is registered already.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write; the fleet has to exist.
    pub async fn add_vehicle(
        &self,
        new: NewVehicle,
        audit: AuditEntry,
    ) -> Result<Option<VehicleId>, StoreError> {
        self.write(AddVehicle { new, audit }).await
    }

    /// Changes a vehicle of which `revision` is the newest; `false` if it is not, or is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write; the fleet has to exist.
    pub async fn change_vehicle(
        &self,
        vehicle_id: VehicleId,
        revision: i64,
        change: VehicleChange,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        self.write(ChangeVehicle { vehicle_id, revision, change, audit }).await
    }

    /// Takes a vehicle out of the registry; its history stays. `revision`: only if it is the
    /// newest. `false` if nothing was there to take.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn remove_vehicle(
        &self,
        vehicle_id: VehicleId,
        revision: Option<i64>,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        self.write(RemoveVehicle { vehicle_id, revision, audit }).await
    }

    /// Stores what probes found. Answers what is known of these vehicles then.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn record_probes(
        &self,
        found: Vec<ProbeResult>,
    ) -> Result<Vec<Presence>, StoreError> {
        let mut found = found;
        found.sort_by_key(|probe| probe.vehicle_id);
        self.write(Probed(found)).await
    }
}

/// The `like` pattern of texts that contain this one.
pub(crate) fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for symbol in text.to_lowercase().chars() {
        if matches!(symbol, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(symbol);
    }
    pattern + "%"
}

struct AddVehicle {
    new: NewVehicle,
    audit: AuditEntry,
}

impl Write for AddVehicle {
    type Done = Option<VehicleId>;

    async fn run(&self, tx: &mut Tx) -> Result<Option<VehicleId>, StoreError> {
        let VehicleChange { fleet_id, model, connector, metadata } = &self.new.change;
        let vehicle_id = VehicleId::at(tx.now);
        let added = execute!(
            &mut tx.conn,
            ADD,
            [
                Uuid::from(vehicle_id),
                self.new.vin.as_str(),
                Uuid::from(*fleet_id),
                &model.make,
                &model.model,
                model.year,
                connector.word(),
                connector.sovd_url().unwrap_or_default(),
                Value::Object(metadata.clone()).to_string(),
                connector.credentials().and_then(|it| it.sealed_token.as_deref()),
                connector.credentials().and_then(|it| it.authorities.as_deref()),
                connector.credentials().and_then(|it| it.sealed_identity.as_deref()),
            ]
        )?;
        if added == 0 {
            return Ok(None);
        }
        audit::note(tx, &self.audit);
        Ok(Some(vehicle_id))
    }
}

struct ChangeVehicle {
    vehicle_id: VehicleId,
    revision: i64,
    change: VehicleChange,
    audit: AuditEntry,
}

impl Write for ChangeVehicle {
    type Done = bool;

    fn turn(&self) -> Turn {
        Turn::Vehicle(self.vehicle_id.into())
    }

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let VehicleChange { fleet_id, model, connector, metadata } = &self.change;
        let changed = execute!(
            &mut tx.conn,
            CHANGE,
            [
                Uuid::from(self.vehicle_id),
                self.revision,
                Uuid::from(*fleet_id),
                &model.make,
                &model.model,
                model.year,
                connector.word(),
                connector.sovd_url().unwrap_or_default(),
                Value::Object(metadata.clone()).to_string(),
                connector.credentials().and_then(|it| it.sealed_token.as_deref()),
                connector.credentials().and_then(|it| it.authorities.as_deref()),
                connector.credentials().and_then(|it| it.sealed_identity.as_deref()),
            ]
        )?;
        Ok(audit::note_if(tx, changed, &self.audit))
    }
}

struct RemoveVehicle {
    vehicle_id: VehicleId,
    revision: Option<i64>,
    audit: AuditEntry,
}

impl Write for RemoveVehicle {
    type Done = bool;

    fn turn(&self) -> Turn {
        Turn::Vehicle(self.vehicle_id.into())
    }

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let id = Uuid::from(self.vehicle_id);
        let removed = execute!(&mut tx.conn, REMOVE, [id, micros(tx.now), self.revision])?;
        if removed > 0 {
            fault_reads::forget(&mut tx.conn, self.vehicle_id).await?;
        }
        Ok(audit::note_if(tx, removed, &self.audit))
    }
}

struct Probed(Vec<ProbeResult>);

impl Write for Probed {
    type Done = Vec<Presence>;

    fn turn(&self) -> Turn {
        self.0.first().map_or(Turn::Any, |probe| Turn::Vehicle(probe.vehicle_id.into()))
    }

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Presence>, StoreError> {
        let mut changed = Vec::new();
        for probe in &self.0 {
            let is_seen = probe.status == ConnectionStatus::Connected;
            let row = fetch!(
                &mut tx.conn,
                PROBED,
                [
                    Uuid::from(probe.vehicle_id),
                    probe.status.word(),
                    is_seen.then_some(micros(tx.now)),
                    probe.obstacle.as_deref(),
                ],
                fetch_optional as (String, Option<i64>, i64)
            )?;
            changed.extend(row.map(|(_, last_seen_at, revision)| Presence {
                vehicle_id: probe.vehicle_id,
                connection_status: probe.status,
                last_seen_at: last_seen_at.map(time),
                revision,
            }));
        }
        Ok(changed)
    }
}
