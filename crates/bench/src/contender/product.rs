//! Fleetwire as it is delivered: tokens, rights, durable events, replay.
//!
//! Refuses a back door: events come from vehicles, and go out on `/ws/responses/{command_id}`.

use super::vehicles::Vehicles;
use super::{Running, Shape, printed, still};
use crate::event;
use crate::installation::{self, Installation, START};
use crate::load::feed::Feed;
use crate::vehicle;
use serde_json::json;
use std::fs;
use std::process::Command;
use testkit::Binary;
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
            installation: Installation::new(still()),
        };
        product.installation.add_user();
        let (mut process, address) = product.installation.serve(None);
        let register = async {
            let client = installation::client(address).await;
            installation::register(&client, vehicles, |number| product.vehicles.url(number)).await
        };
        product.vehicle_ids = product.runtime.block_on(register);
        process.terminate();
        process.wait(START);
        product
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
                let order = ("faults.list", json!({ "entity": vehicle::ENTITY }));
                let commands = installation::submit(&client, vehicles, order).await;
                let way = |command: &String| installation::way(address, command, client.token());
                commands.iter().map(way).collect()
            }),
        };
        let payload = event::payload(shape.event_bytes);
        let streams = self.vehicles.streams(shape.topics);
        let feed = Feed::new(streams, move |_, number| {
            vehicle::part(number, false, &payload).into_bytes()
        });
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
