//! A simulated vehicle as a test handles it: faults to inject, executions to count.
//!
//! It speaks to the simulator's control interface only, never to the server.

use model::id::VehicleId;
use serde_json::Value;

/// One vehicle of the simulator.
#[derive(Debug, Clone)]
pub struct SimulatedVehicle {
    /// Its id in the registry.
    pub vehicle_id: VehicleId,
    /// Its VIN.
    pub vin: String,
    control: String,
}

impl SimulatedVehicle {
    /// The vehicle of that VIN behind a control URL.
    pub fn new(vehicle_id: VehicleId, vin: &str, control_url: &str) -> Self {
        let control = format!("{control_url}/control/vehicles/{vin}");
        Self { vehicle_id, vin: vin.to_owned(), control }
    }

    /// Sets how it behaves from now on, as `{"delay_ms": 0, "parts": 3}`.
    pub async fn set(&self, setting: Value) {
        let sent = reqwest::Client::new().put(&self.control).json(&setting).send().await;
        let answer = sent.expect("the simulator answers");
        assert!(answer.status().is_success(), "{setting}: {:?}", answer.text().await);
    }

    /// How often each command was executed: `{"<command_id>": {"executions": n, "reads": m}}`.
    pub async fn executions(&self) -> Value {
        let url = format!("{}/executions", self.control);
        let answer = reqwest::get(url).await.expect("the simulator answers");
        answer.json().await.expect("it is JSON")
    }

    /// How often one command changed something.
    pub async fn executions_of(&self, command_id: &str) -> u64 {
        self.executions().await[command_id]["executions"].as_u64().unwrap_or(0)
    }
}
