//! The faults of a fleet: kept with the end of the command that has read them.

use super::on_both_engines;
use crate::scene::{Scene, add_vehicle, deed, part};
use fleetwire_store::{Draft, FaultFilter, FaultReading, FaultSeen, Finding};
use futures_util::future::join_all;
use model::command::{Command, Input, Phase, Risk};
use model::decode::{Class, Severity};
use model::id::VehicleId;

on_both_engines! {
    a_read_is_kept_with_the_end_of_its_command_and_only_then
    a_read_takes_away_what_it_asked_for_and_nothing_else
    what_an_entity_does_not_say_is_not_made_up
    a_vehicle_that_is_gone_is_not_counted
    odd_names_are_kept_as_they_are
    readings_that_come_at_the_same_time_are_all_kept
}

fn seen(code: &str, severity: Option<Severity>) -> FaultSeen {
    let status = Some(Class::Active);
    FaultSeen { code: code.to_owned(), text: Some(format!("about {code}")), severity, status }
}

fn faults(codes: &[&str]) -> Finding {
    Finding::Faults(codes.iter().map(|code| seen(code, Some(Severity::Error))).collect())
}

fn reading(is_whole: bool, found: Vec<(&str, Finding)>) -> FaultReading {
    let entities = found.into_iter().map(|(entity, finding)| (entity.to_owned(), finding));
    FaultReading { is_whole, entities: entities.collect() }
}

fn all() -> FaultFilter {
    FaultFilter { limit: 100, ..FaultFilter::default() }
}

impl Scene {
    async fn reads(&self, vehicle_id: VehicleId, reading: FaultReading) -> Command {
        let draft = Draft { vehicle_id, ..self.draft(Risk::R0) };
        let command = self.runs(draft).await;
        let claim = (command.order.command_id, command.fence);
        let applied = self.store.record(claim, vec![part(1, true)], Some(reading)).await;
        applied.unwrap().unwrap().command
    }

    /// What is counted, as `entity code vehicles`.
    async fn counts(&self) -> Vec<String> {
        let found = self.store.fleet_faults(&all(), 0).await.unwrap();
        found.iter().map(|it| format!("{} {} {}", it.entity, it.code, it.vehicles)).collect()
    }

    async fn coverage(&self) -> (u64, u64, u64) {
        let found = self.store.fault_coverage(&all()).await.unwrap();
        (found.vehicles, found.read, found.partly_read)
    }
}

async fn a_read_is_kept_with_the_end_of_its_command_and_only_then(scene: Scene) {
    let command = scene.runs(scene.draft(Risk::R0)).await;
    let (id, fence) = (command.order.command_id, command.fence);
    let whole = || Some(reading(true, vec![("a", faults(&["P0420"]))]));
    let record = async |fence, input| {
        scene.store.record((id, fence), vec![input], whole()).await.unwrap().unwrap()
    };
    assert_eq!(record(fence, part(1, false)).await.command.phase(), Phase::Running);
    assert!(record(fence + 1, part(2, true)).await.events.is_empty(), "somebody else's");
    assert_eq!((scene.counts().await.len(), scene.coverage().await), (0, (1, 0, 0)));
    assert_eq!(record(fence, part(2, true)).await.command.phase(), Phase::Completed);
    assert_eq!(scene.counts().await, ["a P0420 1"]);
    // A second time the command has ended already.
    record(fence, part(3, true)).await;
    assert_eq!((scene.counts().await.len(), scene.coverage().await), (1, (1, 1, 0)));
    let [vehicle] = &scene.store.vehicles_with_fault("P0420", "a", &all(), None).await.unwrap()[..]
    else {
        panic!("one has it")
    };
    assert_eq!((vehicle.vehicle_id, vehicle.command_id), (scene.vehicle, id));

    let failed = scene.runs(scene.draft(Risk::R0)).await;
    let claim = (failed.order.command_id, failed.fence);
    let words = Input::VehicleError("no".to_owned());
    let nothing = Some(reading(true, Vec::new()));
    scene.store.record(claim, vec![words], nothing).await.unwrap();
    assert_eq!(scene.counts().await, ["a P0420 1"], "a read that failed has shown nothing");
}

async fn a_read_takes_away_what_it_asked_for_and_nothing_else(scene: Scene) {
    let other = add_vehicle(&scene.store, scene.fleet, "WVWZZZ1JZXW000002").await.unwrap();
    scene.connects(other).await;
    let two = || vec![("a", faults(&["P0420", "P0171"])), ("b", faults(&["C0035"]))];
    for vehicle in [scene.vehicle, other] {
        scene.reads(vehicle, reading(true, two())).await;
    }
    assert_eq!(scene.counts().await, ["b C0035 2", "a P0171 2", "a P0420 2"]);
    scene.reads(other, reading(false, vec![("a", faults(&["P0420"]))])).await;
    assert_eq!(scene.counts().await, ["b C0035 2", "a P0420 2", "a P0171 1"]);
    scene.reads(other, reading(true, vec![("a", Finding::Unanswered)])).await;
    assert_eq!(scene.counts().await, ["a P0420 2", "b C0035 1", "a P0171 1"], "b is not there");
    assert_eq!(scene.coverage().await, (2, 1, 1));
    scene
        .reads(other, reading(false, vec![("a", Finding::Cleared(Some("P0420".to_owned())))]))
        .await;
    assert_eq!(scene.counts().await, ["b C0035 1", "a P0171 1", "a P0420 1"]);
    scene.reads(scene.vehicle, reading(false, vec![("a", Finding::Cleared(None))])).await;
    assert_eq!(
        (scene.counts().await, scene.coverage().await),
        (vec!["b C0035 1".to_owned()], (2, 0, 2))
    );
    scene.reads(scene.vehicle, reading(true, vec![("a", faults(&[]))])).await;
    assert_eq!((scene.counts().await.len(), scene.coverage().await), (0, (2, 1, 1)));
}

async fn what_an_entity_does_not_say_is_not_made_up(scene: Scene) {
    let told = |fault| reading(true, vec![("a", Finding::Faults(vec![fault]))]);
    scene.reads(scene.vehicle, told(seen("P0420", Some(Severity::Warn)))).await;
    let silent = FaultSeen { text: None, severity: None, status: None, ..seen("P0420", None) };
    scene.reads(scene.vehicle, told(silent)).await;
    let found = scene.store.fleet_faults(&all(), 0).await.unwrap().remove(0);
    assert_eq!(
        (found.text.as_deref(), found.severity),
        (Some("about P0420"), Some(Severity::Warn))
    );
    assert_eq!(found.statuses, [0; 4], "where it stands may have changed");
    assert_eq!(found.oldest_at, found.newest_at);
}

async fn a_vehicle_that_is_gone_is_not_counted(scene: Scene) {
    scene.reads(scene.vehicle, reading(true, vec![("a", faults(&["P0420"]))])).await;
    assert!(scene.store.remove_vehicle(scene.vehicle, None, deed("remove")).await.unwrap());
    assert_eq!((scene.counts().await.len(), scene.coverage().await), (0, (0, 0, 0)));
}

async fn odd_names_are_kept_as_they_are(scene: Scene) {
    let (entity, code) = ("a/\"ü\\', b", "MOTOR \"%_!' 1");
    scene.reads(scene.vehicle, reading(true, vec![(entity, faults(&[code]))])).await;
    let search = |text: &str| FaultFilter { search: Some(text.to_owned()), ..all() };
    assert_eq!(scene.store.fleet_faults(&search("\"%_!'"), 0).await.unwrap().len(), 1);
    assert_eq!(scene.store.fleet_faults(&search("\"x_!'"), 0).await.unwrap().len(), 0);
    scene.reads(scene.vehicle, reading(false, vec![(entity, faults(&[]))])).await;
    assert_eq!(scene.counts().await, [""; 0]);
}

async fn readings_that_come_at_the_same_time_are_all_kept(scene: Scene) {
    let mut claims = Vec::new();
    for number in 1..=20 {
        let vin = format!("WVWZZZ1JZXW0001{number:02}");
        let vehicle_id = add_vehicle(&scene.store, scene.fleet, &vin).await.unwrap();
        scene.connects(vehicle_id).await;
        // Reads of one vehicle go on beside each other.
        for codes in [&["P0420", "P0171"][..], &["P0420"]] {
            let command = scene.runs(Draft { vehicle_id, ..scene.draft(Risk::R0) }).await;
            claims.push(((command.order.command_id, command.fence), codes));
        }
    }
    let ends = claims.into_iter().map(async |(claim, codes)| {
        let whole = reading(true, vec![("a", faults(codes)), ("b", faults(&["C0035"]))]);
        scene.store.record(claim, vec![part(1, true)], Some(whole)).await.unwrap().unwrap();
    });
    join_all(ends).await;
    assert_eq!(scene.counts().await, ["b C0035 20", "a P0420 20"]);
    assert_eq!(scene.coverage().await, (21, 20, 0));
}
