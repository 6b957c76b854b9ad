//! Claiming: whose turn it is at a vehicle.

use super::on_both_engines;
use crate::scene::{LEASE, Scene, add_vehicle, part};
use fleetwire_store::{Claimed, Draft, Reach};
use model::command::{Command, Input, Phase, Risk};
use model::event::Kind;

on_both_engines! {
    a_claim_starts_a_command_and_says_so_in_its_log
    four_reads_share_a_vehicle_and_a_write_runs_alone
    priority_goes_before_age
    a_vehicle_that_is_away_keeps_what_it_was_never_asked
    two_nodes_never_claim_the_same_command
}

async fn a_claim_starts_a_command_and_says_so_in_its_log(scene: Scene) {
    let id = scene.accepts(scene.draft(Risk::R2)).await;
    let [Claimed { command, vehicle, events }] = &scene.claims().await[..] else { panic!() };
    assert_eq!((command.phase(), command.fence, command.attempt), (Phase::Running, 1, 1));
    assert_eq!(command.lease().unwrap().owner, scene.node);
    assert_eq!(vehicle.vehicle_id, scene.vehicle);
    assert_eq!(events.iter().map(|event| event.kind).collect::<Vec<_>>(), [Kind::Status; 2]);
    assert_eq!(scene.log(id).await[1..], events[..]);
    assert_eq!(format!("{:?}", scene.command(id).await), format!("{command:?}"));
    assert!(scene.claims().await.is_empty());
}

async fn four_reads_share_a_vehicle_and_a_write_runs_alone(scene: Scene) {
    let mut reads = Vec::new();
    for _ in 0..5 {
        reads.push(scene.accepts(scene.draft(Risk::R0)).await);
    }
    let write = scene.accepts(scene.draft(Risk::R2)).await;
    let last = scene.accepts(scene.draft(Risk::R0)).await;
    let first_four = scene.claims().await;
    let ids: Vec<_> = first_four.iter().map(|claimed| claimed.command.order.command_id).collect();
    assert_eq!(ids, reads[..4]);
    assert!(scene.claims().await.is_empty());
    end(&scene, &first_four).await;
    let fifth = scene.claims().await;
    assert_eq!(fifth[0].command.order.command_id, reads[4]);
    assert_eq!(fifth.len(), 1, "a read does not overtake the write before it");
    end(&scene, &fifth).await;
    let alone = scene.claims().await;
    assert_eq!((alone.len(), alone[0].command.order.command_id), (1, write));
    assert!(scene.claims().await.is_empty());
    end(&scene, &alone).await;
    assert_eq!(scene.claims_ids().await, [last]);
}

async fn end(scene: &Scene, claimed: &[Claimed]) {
    for Claimed { command, .. } in claimed {
        assert_eq!(scene.hears(command, vec![part(1, true)]).await.refused, None);
    }
}

async fn priority_goes_before_age(scene: Scene) {
    let low = scene.accepts(Draft { priority: -1, ..scene.draft(Risk::R1) }).await;
    let usual = scene.accepts(scene.draft(Risk::R1)).await;
    let high = scene.accepts(Draft { priority: 5, ..scene.draft(Risk::R1) }).await;
    for id in [high, usual, low] {
        let claimed = scene.claims().await;
        assert_eq!((claimed.len(), claimed[0].command.order.command_id), (1, id));
        end(&scene, &claimed).await;
    }
}

async fn a_vehicle_that_is_away_keeps_what_it_was_never_asked(scene: Scene) {
    let tried = scene.runs(scene.draft(Risk::R0)).await;
    scene.disconnects(scene.vehicle).await;
    let waiting = scene.accepts(scene.draft(Risk::R0)).await;
    assert!(scene.claims().await.is_empty());
    scene.hears(&tried, vec![Input::NotSent]).await;
    assert_eq!(scene.claims_ids().await, [tried.order.command_id], "a retry finds out");
    scene.connects(scene.vehicle).await;
    assert_eq!(scene.claims_ids().await, [waiting]);
}

async fn two_nodes_never_claim_the_same_command(scene: Scene) {
    let other = scene.database.open().await;
    for number in 2..6 {
        let vin = format!("WVWZZZ1JZXW00000{number}");
        let vehicle_id = add_vehicle(&scene.store, scene.fleet, &vin).await.unwrap();
        scene.connects(vehicle_id).await;
        for risk in [Risk::R0, Risk::R0, Risk::R2] {
            scene.accepts(Draft { vehicle_id, ..scene.draft(risk) }).await;
        }
    }
    let (one, two) = tokio::join!(
        scene.store.claim(scene.node, LEASE, Reach::All, 100),
        other.claim(model::id::NodeId::new(), LEASE, Reach::All, 100)
    );
    let claimed = one.unwrap().started.into_iter().chain(two.unwrap().started);
    let mut ids: Vec<_> = claimed.map(|Claimed { command, .. }| id(&command)).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8);
    other.close().await;
}

fn id(command: &Command) -> model::id::CommandId {
    command.order.command_id
}
