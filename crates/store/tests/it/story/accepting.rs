//! Accepting: durable, and once per idempotency key.

use super::on_both_engines;
use crate::scene::{EVERYTHING, Scene, add_vehicle, deed};
use fleetwire_store::{Accepted, Draft, IdempotencyKey};
use model::command::turn::MAX_READS;
use model::command::{Phase, Risk};
use std::time::Duration;

on_both_engines! {
    an_accepted_command_reads_back_as_it_was_ordered
    the_same_key_and_body_give_the_first_command_again
    concurrent_submissions_with_one_key_have_one_winner
    a_key_is_forgotten_after_a_day
    what_can_start_at_once_starts_in_the_same_commit
    what_is_accepted_together_starts_by_its_turn
}

fn key(name: &str, body: u8) -> IdempotencyKey {
    IdempotencyKey { key: name.to_owned(), body_hash: vec![body; 32] }
}

async fn an_accepted_command_reads_back_as_it_was_ordered(scene: Scene) {
    let draft = Draft { priority: 7, ..scene.draft(Risk::R2) };
    let accepted = scene.store.accept(draft.clone(), None, deed("submit")).await.unwrap();
    let Accepted::New(command, events) = accepted else { panic!("{accepted:?}") };
    let read = scene.command(draft.command_id).await;
    assert_eq!(format!("{read:?}"), format!("{command:?}"));
    assert_eq!(read.order.params.get(), draft.params.get());
    assert_eq!(read.order.deliver_by, read.order.submitted_at + Duration::from_mins(1));
    assert_eq!(scene.log(draft.command_id).await, events);
    let place = scene.store.place_of_command(draft.command_id).await.unwrap();
    assert_eq!((read.phase(), place), (Phase::Queued, Some((scene.vehicle, scene.fleet))));
}

async fn the_same_key_and_body_give_the_first_command_again(scene: Scene) {
    let first = scene.draft(Risk::R0);
    let accepted = scene.accepts_with_key(first.clone(), key("a", 1)).await;
    assert!(matches!(accepted, Accepted::New(..)));
    let again = scene.accepts_with_key(scene.draft(Risk::R0), key("a", 1)).await;
    let Accepted::Replayed(again) = again else { panic!("{again:?}") };
    assert_eq!(again.order.command_id, first.command_id);
    let reused = scene.accepts_with_key(scene.draft(Risk::R0), key("a", 2)).await;
    assert!(matches!(reused, Accepted::KeyReused));
    assert_eq!(scene.deeds().await.iter().filter(|deed| *deed == "submit").count(), 1);
}

/// Two stores, so that the submissions do not share a writer.
async fn concurrent_submissions_with_one_key_have_one_winner(scene: Scene) {
    let other = scene.database.open().await;
    let stores = [&scene.store, &other, &scene.store, &other, &scene.store, &other];
    let submissions = stores
        .map(|store| store.accept(scene.draft(Risk::R0), Some(key("same", 1)), deed("submit")));
    let mut winners = 0;
    let mut ids = Vec::new();
    for accepted in futures_util::future::join_all(submissions).await {
        match accepted.unwrap() {
            Accepted::New(command, _) => {
                winners += 1;
                ids.push(command.order.command_id);
            }
            Accepted::Replayed(command) => ids.push(command.order.command_id),
            other @ (Accepted::KeyReused | Accepted::Started(..)) => panic!("{other:?}"),
        }
    }
    ids.dedup();
    assert_eq!((winners, ids.len()), (1, 1));
    assert_eq!(scene.store.events_after(ids[0], 0, EVERYTHING).await.unwrap().len(), 1);
    other.close().await;
}

async fn a_key_is_forgotten_after_a_day(scene: Scene) {
    scene.accepts_with_key(scene.draft(Risk::R0), key("old", 1)).await;
    scene.database.alter("update idempotency_keys set created_at = created_at - 86400000000").await;
    let anew = scene.accepts_with_key(scene.draft(Risk::R0), key("old", 2)).await;
    assert!(matches!(anew, Accepted::New(..)));
}

async fn what_can_start_at_once_starts_in_the_same_commit(scene: Scene) {
    let accepted = scene.accepts_and_starts(scene.draft(Risk::R2)).await;
    let Accepted::Started(command, mut events, claimed) = accepted else { panic!("{accepted:?}") };
    assert_eq!((command.phase(), claimed.command.phase()), (Phase::Queued, Phase::Running));
    let id = command.order.command_id;
    events.extend(claimed.events);
    assert_eq!(scene.log(id).await, events);
    assert_eq!(format!("{:?}", scene.command(id).await), format!("{:?}", claimed.command));
    let lease = claimed.command.lease().unwrap();
    assert_eq!((lease.owner, claimed.command.fence), (scene.node, 1));
    let next = scene.accepts_and_starts(scene.draft(Risk::R2)).await;
    assert!(matches!(next, Accepted::New(..)), "a write runs alone: {next:?}");
    scene.disconnects(scene.vehicle).await;
    let away = scene.accepts_and_starts(scene.draft(Risk::R0)).await;
    assert!(matches!(away, Accepted::New(..)), "nobody is there: {away:?}");
}

/// They share a transaction, or come close after each other: the same comes of both.
async fn what_is_accepted_together_starts_by_its_turn(scene: Scene) {
    let other = add_vehicle(&scene.store, scene.fleet, "WVWZZZ1JZXW000002").await.unwrap();
    scene.connects(other).await;
    let reads = (0..6).map(|_| scene.draft(Risk::R0));
    let elsewhere = Draft { vehicle_id: other, ..scene.draft(Risk::R3) };
    let submissions = reads.chain([elsewhere]).map(|draft| scene.accepts_and_starts(draft));
    let accepted = futures_util::future::join_all(submissions).await;
    let started = accepted.iter().filter_map(|accepted| match accepted {
        Accepted::Started(_, _, claimed) => Some(claimed.command.order.vehicle_id),
        Accepted::New(..) | Accepted::Replayed(_) | Accepted::KeyReused => None,
    });
    let (there, here): (Vec<_>, Vec<_>) = started.partition(|vehicle_id| *vehicle_id == other);
    assert_eq!((here.len(), there.len()), (MAX_READS, 1));
    assert_eq!(scene.claims_ids().await, [], "no more than these share the vehicle");
}
