//! `fleetwire simulate`: simulated vehicles in a process that outlives the server's.
//!
//! Refuses to register them anywhere: it tells their addresses.

use crate::args::Simulate;
use crate::{descriptors, output};
use serde::Serialize;
use serde_json::json;
use server::config::{Sources, load};
use server::observe;
use simulator::{Fleet, Running, Vehicle};
use tokio_util::sync::CancellationToken;

/// A vehicle as scripts read it.
#[derive(Serialize)]
struct Shown<'a> {
    vin: &'a str,
    make: &'a str,
    model: &'a str,
    year: u16,
    base_url: &'a str,
    dialect: &'static str,
    offline: bool,
}

/// Runs the vehicles until `shutdown`.
pub(crate) async fn run(simulate: Simulate, shutdown: CancellationToken) -> anyhow::Result<()> {
    observe::init_logs(&load(&Sources::default())?.config.log)?;
    descriptors::raise();
    let vehicles = built(&simulate)?;
    let fleet = Fleet::start(vehicles, simulate.control_port, shutdown).await?;
    output::show(&if simulate.json { line(&fleet) } else { table(&fleet) })?;
    fleet.stopped().await;
    Ok(())
}

/// The vehicles that are asked for; their dialects take turns.
fn built(simulate: &Simulate) -> anyhow::Result<Vec<Vehicle>> {
    let vehicles = match simulate.vehicles {
        Some(count) => simulator::full_fleet(usize::try_from(count)?),
        None => simulator::demo_fleet(),
    };
    let turns = vehicles.into_iter().zip(simulate.dialect.iter().cycle());
    let built =
        turns.map(|(vehicle, dialect)| vehicle.speaking(*dialect).behind(simulate.faults.clone()));
    Ok(built.collect())
}

fn line(fleet: &Fleet) -> String {
    let vehicles: Vec<_> = fleet.vehicles().iter().map(Shown::from).collect();
    format!("{}\n", json!({ "control_url": fleet.control_url(), "vehicles": vehicles }))
}

fn table(fleet: &Fleet) -> String {
    let head = format!(
        "Control API at {}\n\n{:17}  {:8}  ADDRESS\n",
        fleet.control_url(),
        "VIN",
        "DIALECT"
    );
    let row = |Running { vin, base_url, dialect, offline, .. }: &Running| {
        let note = if *offline { "  (offline)" } else { "" };
        format!("{vin}  {:8}  {base_url}{note}\n", dialect.word())
    };
    head + &fleet.vehicles().iter().map(row).collect::<String>()
}

impl<'a> From<&'a Running> for Shown<'a> {
    fn from(vehicle: &'a Running) -> Self {
        let Running { vin, make, model, year, base_url, dialect, offline } = vehicle;
        let (dialect, year, offline) = (dialect.word(), *year, *offline);
        Self { vin, make, model, year, base_url, dialect, offline }
    }
}
