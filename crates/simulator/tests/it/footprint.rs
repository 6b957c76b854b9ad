//! What a thousand vehicles cost in memory.
//!
//! Measures on request only: the figure depends on what else the process does.

use fleetwire_simulator::{Fleet, full_fleet};
use reqwest::Client;
use serde_json::json;
use tokio_util::sync::CancellationToken;

const VEHICLES: usize = 1000;

/// Memory of this process that is resident, in KiB.
fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
#[ignore = "a measurement: run it alone, with --no-capture"]
#[expect(clippy::print_stdout, reason = "its figures are what it is for")]
async fn a_thousand_vehicles_take_less_than_a_megabyte_each() {
    let before = resident_kib();
    let shutdown = CancellationToken::new();
    let fleet = Fleet::start(full_fleet(VEHICLES), 0, shutdown.clone()).await.unwrap();
    let idle = resident_kib();
    let client = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    for vehicle in fleet.vehicles() {
        let hpc = format!("{}/components/hpc", vehicle.base_url);
        let lists = client.post(format!("{hpc}/data-lists")).json(&json!({"ids": ["vin", "load"]}));
        assert!(lists.send().await.unwrap().status().is_success());
        for path in ["data", "faults", "operations", "modes/session", "docs"] {
            let answer = client.get(format!("{hpc}/{path}")).send().await.unwrap();
            assert!(answer.bytes().await.unwrap().len() > 10);
        }
    }
    let used = resident_kib();
    println!(
        "before {before} KiB, {VEHICLES} vehicles {idle} KiB, after six requests each {used} KiB"
    );
    assert!((used - before) / VEHICLES < 1024);
    shutdown.cancel();
    fleet.stopped().await;
}
