//! `kill -9` of the server under load, again and again, while the vehicles live on and count.

use std::time::Duration;
use testkit::{Backend, Load, Site};

const VEHICLES: u32 = 8;
const CYCLES: u32 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_crashes_lose_and_repeat_nothing_on_sqlite() {
    crash_under_load(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_crashes_lose_and_repeat_nothing_on_postgres() {
    crash_under_load(Backend::Postgres).await;
}

async fn crash_under_load(backend: Backend) {
    let mut site = Site::new(backend, VEHICLES).await;
    site.start().await;
    let load = Load::begin(&site).await;
    let mut ready = Vec::new();
    for cycle in 0..CYCLES {
        tokio::time::sleep(Duration::from_millis(u64::from(150 + cycle * 37 % 400))).await;
        site.kill9();
        ready.push(site.start().await);
    }
    let harvest = load.end().await;
    ready.sort();
    println!(
        "{backend:?}: {CYCLES} crashes, {harvest}, ready again after {:?} (median), {:?} (worst)",
        ready[ready.len() / 2],
        ready[ready.len() - 1],
    );
    assert!(harvest.streams.len() > 100, "hardly any load: {harvest}");
    harvest.check(&site).await;
}
