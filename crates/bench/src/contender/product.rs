//! Fleetwire as it is delivered: tokens, rights, durable events, replay.
//!
//! Refuses a back door: events come from vehicles, and go out on `/ws/responses/{command_id}`.

use super::installation::{self, Installation};
use super::vehicles::{self, Vehicles};
use super::{Running, START, Shape, printed};
use crate::event;
use crate::load::feed::Feed;
use serde_json::json;
use std::fs;
use std::process::Command;
use testkit::{Binary, Client};
use tokio::runtime::Runtime;

/// A store with vehicles, of which each start gets a copy.
#[derive(Debug)]
pub(crate) struct Product {
    runtime: Runtime,
    vehicles: Vehicles,
    vehicle_ids: Vec<String>,
    installation: Installation,
}

impl Product {
    /// One with so many vehicles.
    pub(crate) fn prepare(vehicles: u32) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let mut product = Self {
            runtime: runtime.expect("a runtime can be made"),
            vehicles: Vehicles::listen(),
            vehicle_ids: Vec::new(),
            installation: Installation::new(Vec::new()),
        };
        product.installation.add_user();
        let (mut process, address) = product.installation.serve(None);
        let register = async {
            let client = installation::client(address).await;
            product.register(&client, vehicles).await
        };
        product.vehicle_ids = product.runtime.block_on(register);
        process.terminate();
        process.wait(START);
        product
    }

    async fn register(&self, client: &Client, vehicles: u32) -> Vec<String> {
        let fleet = client.post("/api/v1/fleets", json!({ "name": "bench" })).await;
        let mut ids = Vec::new();
        for number in 0..vehicles {
            let vehicle = json!({
                "vin": format!("BENCH{number:012}"),
                "fleet_id": fleet.json["fleet_id"],
                "sovd_url": self.vehicles.url(number),
            });
            let reply = client.post("/api/v1/vehicles", vehicle).await;
            let id = reply.json["vehicle_id"].as_str().map(ToOwned::to_owned);
            ids.push(id.unwrap_or_else(|| panic!("it is not registered: {}", reply.json)));
        }
        ids
    }

    /// Starts it, with one running command for each topic.
    pub(super) fn start(&self, core: Option<u32>, shape: Shape) -> Running {
        let installation = self.installation.copy();
        let (process, address) = installation.serve(core);
        let ways = match shape.topics {
            0 => {
                self.runtime.block_on(installation::listening(address));
                Vec::new()
            }
            topics => self.runtime.block_on(async {
                let client = installation::client(address).await;
                let vehicles = self.vehicle_ids.iter().take(topics as usize).map(String::as_str);
                let order = ("faults.list", json!({ "entity": vehicles::ENTITY }));
                let commands = installation::submit(&client, vehicles, order).await;
                let way = |command: &String| installation::way(address, command, client.token());
                commands.iter().map(way).collect()
            }),
        };
        let payload = event::payload(shape.event_bytes);
        let streams = self.vehicles.streams(shape.topics);
        let feed = Feed::new(streams, move |_, number| vehicles::part(number, &payload));
        Running { process, ways, feed, place: installation.place }
    }
}

/// The size of the program without its symbols, in bytes; with them where nothing can strip it.
pub(crate) fn program_bytes(running: &Running) -> u64 {
    let program = Binary::fleetwire().command();
    let program = program.get_args().last().expect("it names the program");
    let bare = running.place.path().join("fleetwire");
    let is_bare = printed(Command::new("strip").arg("-o").arg(&bare).arg(program)).is_some();
    let file = if is_bare { fs::metadata(bare) } else { fs::metadata(program) };
    file.expect("it is a file").len()
}
