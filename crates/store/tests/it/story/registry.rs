//! The registry: vehicles, fleets, and the connection that probes found.

use super::on_both_engines;
use crate::scene::{Scene, add_user, add_vehicle, deed, described};
use fleetwire_store::{Draft, ProbeResult, Sight, StoreError, VehicleChange, VehicleFilter};
use model::command::Risk;
use model::id::{FleetId, VehicleId};
use model::vehicle::{ConnectionStatus, Connector, Credentials};

on_both_engines! {
    a_vin_is_registered_once
    a_vehicle_is_changed_by_whoever_knows_its_revision
    a_removed_vehicle_is_gone_and_its_history_stays
    credentials_stay_with_a_vehicle_as_long_as_it_is_registered
    a_vehicle_with_an_obstacle_is_worth_a_try
    only_a_change_of_the_connection_raises_the_revision
    vehicles_are_found_by_text_status_and_grant
    fleets_come_and_go
    fleets_have_names_of_their_own
    nothing_is_ordered_from_an_unknown_vehicle
}

fn any() -> VehicleFilter {
    VehicleFilter { limit: 100, ..VehicleFilter::default() }
}

async fn a_vin_is_registered_once(scene: Scene) {
    let vin = "WVWZZZ1JZXW000001";
    assert_eq!(add_vehicle(&scene.store, scene.fleet, vin).await, None);
    let found = scene.store.vehicle_of_vin(&vin.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(found.vehicle_id, scene.vehicle);
    assert_eq!(scene.store.all_vehicles().await.unwrap().len(), 1);
    assert_eq!(scene.deeds().await.iter().filter(|deed| *deed == "vehicle").count(), 1);
}

async fn a_vehicle_is_changed_by_whoever_knows_its_revision(scene: Scene) {
    let before = scene.store.vehicle(scene.vehicle).await.unwrap().unwrap();
    let metadata = serde_json::from_str(r#"{"ecu_aliases":{"0x10":"engine_ecu"}}"#).unwrap();
    let change = VehicleChange { metadata, ..described(scene.fleet) };
    let changes = [(before.revision, true), (before.revision, false)];
    for (revision, is_newest) in changes {
        let changed =
            scene.store.change_vehicle(scene.vehicle, revision, change.clone(), deed("change"));
        assert_eq!(changed.await.unwrap(), is_newest);
    }
    let after = scene.store.vehicle(scene.vehicle).await.unwrap().unwrap();
    assert_eq!((after.metadata, after.revision), (change.metadata, before.revision + 1));
    assert_eq!(scene.deeds().await.last().unwrap(), "change");
}

async fn a_removed_vehicle_is_gone_and_its_history_stays(scene: Scene) {
    let id = scene.accepts(scene.draft(Risk::R0)).await;
    let remove = |revision| scene.store.remove_vehicle(scene.vehicle, revision, deed("remove"));
    assert!(!remove(Some(99)).await.unwrap());
    assert!(remove(None).await.unwrap());
    assert!(!remove(None).await.unwrap());
    assert!(scene.store.vehicle(scene.vehicle).await.unwrap().is_none());
    assert!(scene.claims().await.is_empty());
    assert_eq!(scene.command(id).await.order.vehicle_id, scene.vehicle);
    let again = add_vehicle(&scene.store, scene.fleet, "WVWZZZ1JZXW000001").await;
    assert!(again.is_some_and(|new| new != scene.vehicle));
}

async fn credentials_stay_with_a_vehicle_as_long_as_it_is_registered(scene: Scene) {
    let vehicle = async || scene.store.vehicle(scene.vehicle).await.unwrap().unwrap();
    let plain = vehicle().await;
    assert_eq!(plain.connector.credentials(), Some(&Credentials::default()));
    let credentials = Credentials {
        sealed_token: Some(vec![0, 1, 255]),
        authorities: Some("-----BEGIN CERTIFICATE-----".to_owned()),
        sealed_identity: Some(vec![2, 253]),
    };
    let connector = Connector::Sovd { url: "https://car/v1".to_owned(), credentials };
    let change = VehicleChange { connector: connector.clone(), ..described(scene.fleet) };
    let changed = scene.store.change_vehicle(scene.vehicle, plain.revision, change, deed("it"));
    assert!(changed.await.unwrap());
    assert_eq!(vehicle().await.connector, connector);
    assert!(!format!("{connector:?}").contains("25"), "{connector:?}");
    let change = VehicleChange { connector: Connector::External, ..described(scene.fleet) };
    let revision = plain.revision + 1;
    let changed = scene.store.change_vehicle(scene.vehicle, revision, change, deed("it"));
    assert!(changed.await.unwrap());
    assert_eq!(vehicle().await.connector.credentials(), None);
}

async fn a_vehicle_with_an_obstacle_is_worth_a_try(scene: Scene) {
    scene.disconnects(scene.vehicle).await;
    let id = scene.accepts(scene.draft(Risk::R2)).await;
    assert!(scene.claims().await.is_empty());
    let obstacle = Some("no TLS connection".to_owned());
    let found =
        ProbeResult { vehicle_id: scene.vehicle, status: ConnectionStatus::Error, obstacle };
    scene.store.record_probes(vec![found]).await.unwrap();
    let vehicle = scene.store.vehicle(scene.vehicle).await.unwrap().unwrap();
    assert_eq!(vehicle.obstacle.as_deref(), Some("no TLS connection"));
    assert_eq!(scene.claims_ids().await, [id]);
}

async fn only_a_change_of_the_connection_raises_the_revision(scene: Scene) {
    let before = scene.store.vehicle(scene.vehicle).await.unwrap().unwrap();
    assert_eq!(before.connection_status, ConnectionStatus::Connected);
    assert!(before.last_seen_at.is_some());
    let probe = |status| {
        let unknown = ProbeResult { vehicle_id: VehicleId::new(), status, obstacle: None };
        let found = ProbeResult { vehicle_id: scene.vehicle, status, obstacle: None };
        scene.store.record_probes(vec![unknown, found])
    };
    let story = [
        (ConnectionStatus::Connected, 0),
        (ConnectionStatus::Disconnected, 1),
        (ConnectionStatus::Disconnected, 1),
        (ConnectionStatus::Error, 2),
        (ConnectionStatus::Connected, 3),
    ];
    let mut last_seen_at = before.last_seen_at;
    for (status, changes) in story {
        let [told] = &probe(status).await.unwrap()[..] else { panic!("one is registered") };
        assert_eq!((told.connection_status, told.revision), (status, before.revision + changes));
        assert_eq!(told.last_seen_at > last_seen_at, status == ConnectionStatus::Connected);
        last_seen_at = told.last_seen_at;
        let vehicle = scene.store.vehicle(scene.vehicle).await.unwrap().unwrap();
        assert_eq!((vehicle.revision, vehicle.last_seen_at), (told.revision, last_seen_at));
    }
}

async fn vehicles_are_found_by_text_status_and_grant(scene: Scene) {
    let south = scene.store.fleet_named("south", deed("fleet")).await.unwrap().fleet_id;
    let other = add_vehicle(&scene.store, south, "WVWZZZ1JZXW000002").await.unwrap();
    let found = async |filter: VehicleFilter| {
        let (vehicles, total) = scene.store.vehicles(&filter).await.unwrap();
        (vehicles.iter().map(|vehicle| vehicle.vehicle_id).collect::<Vec<_>>(), total)
    };
    assert_eq!(found(any()).await, (vec![scene.vehicle, other], 2));
    assert_eq!(found(VehicleFilter { limit: 1, offset: 1, ..any() }).await, (vec![other], 2));
    for text in ["000002", "xw000002"] {
        let vins = VehicleFilter { search_vins: true, search: Some(text.to_owned()), ..any() };
        assert_eq!(found(vins).await, (vec![other], 1), "{text}");
        let others = VehicleFilter { search: Some(text.to_owned()), ..any() };
        assert_eq!(found(others).await, (vec![], 0), "{text}");
    }
    for text in ["%", "_", "!", "Golf%"] {
        let search = Some(text.to_owned());
        assert_eq!(found(VehicleFilter { search, ..any() }).await.1, 0, "{text}");
    }
    let status = Some(ConnectionStatus::Connected);
    assert_eq!(found(VehicleFilter { status, ..any() }).await, (vec![scene.vehicle], 1));
    assert_eq!(found(VehicleFilter { fleet_id: Some(south), ..any() }).await, (vec![other], 1));
    let granted_to = add_user(&scene.store, "max", &[south]).await;
    let sight = Sight { granted_to, confined_by: None };
    assert_eq!(found(VehicleFilter { sight, ..any() }).await, (vec![other], 1));
}

async fn fleets_come_and_go(scene: Scene) {
    let store = &scene.store;
    let south = store.fleet_named("south", deed("fleet")).await.unwrap().fleet_id;
    assert_eq!(store.fleet_named("south", deed("fleet")).await.unwrap().fleet_id, south);
    let names = async |granted_to| {
        let fleets = store.fleets(Sight { granted_to, confined_by: None }).await.unwrap();
        fleets.into_iter().map(|fleet| fleet.name).collect::<Vec<_>>()
    };
    assert_eq!(names(None).await, ["north", "south"]);
    assert_eq!(names(Some(scene.user)).await, ["north"]);
    assert!(!store.remove_fleet(scene.fleet, deed("remove")).await.unwrap(), "it has a vehicle");
    assert!(store.remove_fleet(south, deed("remove")).await.unwrap());
    assert_eq!(names(None).await, ["north"]);
}

async fn fleets_have_names_of_their_own(scene: Scene) {
    let store = &scene.store;
    let south = store.fleet_named("south", deed("fleet")).await.unwrap().fleet_id;
    assert!(store.rename_fleet(south, "west", deed("rename")).await.unwrap());
    assert!(!store.rename_fleet(FleetId::new(), "east", deed("rename")).await.unwrap());
    let taken = store.rename_fleet(south, "north", deed("rename")).await;
    assert!(matches!(taken, Err(StoreError::Failed(_))));
    assert_eq!(store.fleet(south).await.unwrap().unwrap().name, "west");
}

async fn nothing_is_ordered_from_an_unknown_vehicle(scene: Scene) {
    let gone = Draft { vehicle_id: VehicleId::new(), ..scene.draft(Risk::R0) };
    let refused = scene.store.accept(gone, None, deed("submit")).await;
    assert!(matches!(refused, Err(StoreError::Failed(_))));
    assert!(!scene.deeds().await.contains(&"submit".to_owned()), "no deed without its row");
}
