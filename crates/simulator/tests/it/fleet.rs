//! The vehicles of the data file, and starting them.
//!
//! Sends no requests.

use std::collections::BTreeSet;

use fleetwire_simulator::{Fleet, StartError, demo_fleet, fleet};
use tokio_util::sync::CancellationToken;

#[test]
fn the_demonstration_has_four_vehicles_and_the_last_is_offline() {
    let offline: Vec<bool> = demo_fleet().iter().map(|vehicle| vehicle.offline).collect();
    assert_eq!(offline, [false, false, false, true]);
}

#[test]
fn a_fleet_is_online_and_every_vin_is_its_own() {
    let vehicles = fleet(50);
    assert!(vehicles.iter().all(|vehicle| !vehicle.offline));
    let vins: BTreeSet<&str> = vehicles.iter().map(|vehicle| vehicle.vin.as_str()).collect();
    assert_eq!(vins.len(), 50);
    assert!(vins.iter().all(|vin| vin.len() == 17));
}

#[test]
fn a_fleet_is_the_same_at_every_call() {
    let vins = |count| fleet(count).into_iter().map(|vehicle| vehicle.vin).collect::<Vec<_>>();
    assert_eq!(vins(7), vins(7));
    assert_eq!(vins(2), vins(7)[..2]);
}

#[tokio::test]
async fn two_vehicles_with_one_vin_do_not_start() {
    let twins = [fleet(1), fleet(1)].concat();
    let refused = Fleet::start(twins, 0, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(refused, StartError::SameVin(_)));
}

#[tokio::test]
async fn a_taken_control_port_is_named() {
    let shutdown = CancellationToken::new();
    let first = Fleet::start(fleet(1), 0, shutdown.clone()).await.unwrap();
    let port = first.control_url().rsplit(':').next().unwrap().parse().unwrap();
    let refused = Fleet::start(fleet(1), port, CancellationToken::new()).await.unwrap_err();
    assert!(refused.to_string().contains(&format!("control port {port}")));
    shutdown.cancel();
    first.stopped().await;
}
