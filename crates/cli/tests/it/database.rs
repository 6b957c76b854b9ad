//! PostgreSQL goes away under load: refusals for now, never a false acceptance, and back at once.

use serde_json::json;
use std::time::{Duration, Instant};
use testkit::{Backend, Client, Load, Postgres, Reply, Site, assert_try_again, eventually};

const VEHICLES: u32 = 12;
/// How long the database stays away.
const OUTAGE: Duration = Duration::from_millis(1500);
/// How soon after its return commands are accepted again.
const RECOVERY: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_shut_down_costs_nothing_that_was_accepted() {
    outage("shut down", Postgres::stop, Postgres::restart).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_killed_costs_nothing_that_was_accepted() {
    outage("killed", Postgres::kill, Postgres::restart).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_freezes_costs_nothing_that_was_accepted() {
    outage("frozen", Postgres::pause, Postgres::resume).await;
}

async fn outage(name: &str, strike: fn(&mut Postgres), heal: fn(&mut Postgres)) {
    let mut site = Site::new(Backend::Postgres, VEHICLES).await;
    site.start().await;
    let client = site.engineer().await;
    let load = Load::begin(&site).await;
    load.accepts(60).await;
    strike(site.postgres());
    assert_away(&site, &client).await;
    tokio::time::sleep(OUTAGE).await;
    heal(site.postgres());
    let recovery = recovery(&site, &client).await;
    load.accepts(60).await;
    let closes = load.closes();
    let harvest = load.end().await;
    println!("{name}: {harvest}, accepted again after {recovery:?}, closed by code: {closes:?}");
    assert!(recovery <= RECOVERY, "accepted again after {recovery:?} only");
    assert!(closes.keys().all(|code| *code == 1011), "{closes:?}");
    harvest.check(&site).await;
    site.assert_no_errors();
}

/// Everything that needs the database says "try again"; what does not, answers.
async fn assert_away(site: &Site, client: &Client) {
    assert_try_again(&submit(site, client).await);
    for path in ["/api/v1/vehicles", "/api/v1/commands", "/readyz"] {
        assert_try_again(&client.get(path).await);
    }
    for path in ["/livez", "/health", "/metrics"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
}

/// How long it takes until commands are accepted and the server calls itself ready.
async fn recovery(site: &Site, client: &Client) -> Duration {
    let healed = Instant::now();
    eventually("an acceptance", async || submit(site, client).await.status == 201).await;
    eventually("readiness", async || client.get("/readyz").await.status == 200).await;
    healed.elapsed()
}

async fn submit(site: &Site, client: &Client) -> Reply {
    let body = json!({ "vehicle_id": site.vehicle_ids[0], "command_name": "ReadDTC",
        "command_params": { "ecuAddress": "0x10" } });
    client.post("/api/v1/commands", body).await
}
