//! The simulated vehicles in the registry of the demo's server.
//!
//! Refuses to take over other vehicles: only the simulated VINs are touched.

use crate::registry;
use model::vehicle::{ConnectionStatus, Connector, Model, Vehicle};
use model::vin::Vin;
use serde_json::Map;
use simulator::Running;
use std::time::Duration;
use store::{NewVehicle, Store, VehicleChange};
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

const FLEET: &str = "demo";
/// How long the server gets to find the vehicles, and how often we look.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(20);

/// Registers the vehicles, or tells the registry their new addresses.
pub(super) async fn register(store: &Store, running: &[Running]) -> anyhow::Result<()> {
    let fleet_id = registry::fleet(store, FLEET).await?.fleet_id;
    for vehicle in running {
        let vin: Vin = vehicle.vin.parse()?;
        let known = store.vehicle_of_vin(&vin).await?;
        let change = VehicleChange {
            fleet_id,
            model: Model {
                make: vehicle.make.clone(),
                model: vehicle.model.clone(),
                year: Some(vehicle.year.into()),
            },
            connector: Connector::sovd(&vehicle.base_url),
            metadata: known.as_ref().map_or_else(Map::new, |known| known.metadata.clone()),
        };
        let object = format!("vehicle/{vin}");
        if let Some(Vehicle { vehicle_id, revision, .. }) = known {
            let deed = registry::deed("sensitive_update", object);
            store.change_vehicle(vehicle_id, revision, change, deed).await?;
        } else {
            let deed = registry::deed("vehicle_registered", object);
            store.add_vehicle(NewVehicle { vin, change }, deed).await?;
        }
    }
    Ok(())
}

/// The registered vehicles, once all that are online are known to be, or patience ends.
pub(super) async fn connected(
    store: &Store,
    running: &[Running],
    shutdown: &CancellationToken,
) -> anyhow::Result<Vec<Vehicle>> {
    let deadline = Instant::now() + PATIENCE;
    let mut look = interval(LOOK);
    loop {
        let vehicles = registered(store, running).await?;
        let online = running.iter().filter(|it| !it.offline).count();
        let connected = vehicles.iter().filter(|it| is_connected(it)).count();
        if connected >= online || Instant::now() >= deadline || shutdown.is_cancelled() {
            return Ok(vehicles);
        }
        look.tick().await;
    }
}

fn is_connected(vehicle: &Vehicle) -> bool {
    vehicle.connection_status == ConnectionStatus::Connected
}

/// The vehicles in the order of the simulator.
async fn registered(store: &Store, running: &[Running]) -> anyhow::Result<Vec<Vehicle>> {
    let mut vehicles = Vec::with_capacity(running.len());
    for Running { vin, .. } in running {
        vehicles.extend(store.vehicle_of_vin(&vin.parse()?).await?);
    }
    Ok(vehicles)
}
