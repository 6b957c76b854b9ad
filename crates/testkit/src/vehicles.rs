//! Simulated vehicles in a process of their own, as `fleetwire simulate` starts them.
//!
//! It registers them nowhere.

use crate::site::START;
use crate::{Binary, Process};
use serde::Deserialize;

/// A process with vehicles in it.
#[derive(Debug)]
pub struct Vehicles {
    /// The process.
    pub process: Process,
    /// Where it can be told how they behave.
    pub control_url: String,
    /// Each of them.
    pub each: Vec<VehicleAddress>,
}

/// Where a vehicle can be reached.
#[derive(Debug, Deserialize)]
pub struct VehicleAddress {
    /// Its VIN: the same ones in each process.
    pub vin: String,
    /// The base of its SOVD server.
    pub base_url: String,
}

#[derive(Deserialize)]
struct Ready {
    control_url: String,
    vehicles: Vec<VehicleAddress>,
}

impl Vehicles {
    /// So many, ready to be asked.
    pub fn start(count: u32) -> Self {
        let mut command = Binary::fleetwire().command();
        command.args(["simulate", "--json", "--vehicles", &count.to_string()]);
        let process = Process::spawn(command);
        let Ready { control_url, vehicles } = process.ready_line(START);
        Self { process, control_url, each: vehicles }
    }
}
