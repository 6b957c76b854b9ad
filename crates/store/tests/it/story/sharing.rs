//! Sharing a transaction: writes that come at the same time find what the others made, and fail alone.

use super::on_both_engines;
use crate::scene::{LEASE, Scene, deed, json, part};
use fleetwire_store::{Accepted, Applied, IdempotencyKey, Reach, StoreError};
use futures_util::future::{join, join_all};
use model::command::{Command, Input, Phase, Refused, Risk};
use model::id::{CommandId, ResponseId};

on_both_engines! {
    moves_of_one_command_follow_each_other
    a_former_owner_beside_the_present_one_is_held_off
    a_key_that_comes_twice_at_once_is_used_once
    a_claim_finds_the_vehicle_that_has_just_become_free
    a_row_that_cannot_be_read_harms_no_neighbour
    long_answers_come_at_the_same_time
}

/// Several reads, each on its way.
async fn run(scene: &Scene) -> Vec<Command> {
    for _ in 0..4 {
        scene.accepts(scene.draft(Risk::R0)).await;
    }
    let claimed = scene.claims().await.into_iter().map(|claimed| claimed.command);
    claimed.collect()
}

async fn moves_of_one_command_follow_each_other(scene: Scene) {
    let commands = run(&scene).await;
    let parts = (1..=5).flat_map(|number| {
        commands.iter().map(move |command| (command, part(number, number == 5)))
    });
    let heard = parts.map(|(command, part)| scene.hears(command, vec![part]));
    let heard: Vec<Applied> = join_all(heard).await;
    assert!(heard.iter().all(|applied| applied.refused.is_none()));
    for command in commands {
        let id = command.order.command_id;
        let (stored, log) = (scene.command(id).await, scene.log(id).await);
        assert_eq!((stored.phase(), stored.last_sequence), (Phase::Completed, 5));
        assert!(log.iter().map(|event| event.offset).eq(1..=9));
        let told = heard.iter().filter(|applied| applied.command.order.command_id == id);
        let told: Vec<_> = told.flat_map(|applied| applied.events.clone()).collect();
        assert_eq!(log[3..], told[..]);
    }
}

async fn a_former_owner_beside_the_present_one_is_held_off(scene: Scene) {
    let first = scene.runs(scene.draft(Risk::R0)).await;
    scene.hears(&first, vec![Input::Lost]).await;
    let [second] = &scene.claims().await[..] else { panic!("the read goes again") };
    let (zombie, owner) = join(
        scene.hears(&first, vec![part(1, true)]),
        scene.hears(&second.command, vec![part(1, true)]),
    )
    .await;
    assert_eq!((zombie.events.len(), zombie.refused), (0, Some(Refused::Fenced)));
    assert_eq!((owner.command.phase(), owner.refused), (Phase::Completed, None));
}

async fn a_key_that_comes_twice_at_once_is_used_once(scene: Scene) {
    let drafts: Vec<_> = (0..4).map(|_| scene.draft(Risk::R0)).collect();
    let first = drafts[0].command_id;
    let submissions = drafts.into_iter().zip([1, 1, 2, 1]).map(|(draft, body)| {
        let key = IdempotencyKey { key: "same".to_owned(), body_hash: vec![body] };
        scene.accepts_with_key(draft, key)
    });
    let [new, again, other, once_more] = &join_all(submissions).await[..] else { panic!("four") };
    assert!(matches!(new, Accepted::New(command, _) if command.order.command_id == first));
    assert!(matches!(other, Accepted::KeyReused));
    for replay in [again, once_more] {
        let Accepted::Replayed(command) = replay else { panic!("{replay:?}") };
        assert_eq!(command.order.command_id, first);
    }
    assert_eq!(scene.deeds().await.iter().filter(|deed| *deed == "submit").count(), 1);
}

async fn a_claim_finds_the_vehicle_that_has_just_become_free(scene: Scene) {
    let busy = scene.runs(scene.draft(Risk::R2)).await;
    let next = scene.accepts(scene.draft(Risk::R2)).await;
    let told = Reach::Vehicles(vec![scene.vehicle]);
    let (last, claimed) = join(
        scene.hears(&busy, vec![part(1, true)]),
        scene.store.claim(scene.node, LEASE, told, 1),
    )
    .await;
    assert_eq!(last.command.phase(), Phase::Completed);
    assert_eq!(claimed.unwrap().started[0].command.order.command_id, next);
}

async fn a_row_that_cannot_be_read_harms_no_neighbour(scene: Scene) {
    let commands = run(&scene).await;
    let ids: Vec<CommandId> = commands.iter().map(|command| command.order.command_id).collect();
    let (broken, whole) = (ids[1], [ids[0], ids[2], ids[3]]);
    let one = "select command_id from commands order by command_id limit 1 offset 1";
    let harm = format!("update commands set run_timeout_us = -1 where command_id in ({one})");
    scene.database.alter(harm).await;
    let heard = commands.iter().map(|command| {
        let (id, fence) = (command.order.command_id, Some(command.fence));
        scene.store.apply(id, fence, vec![part(1, true)], None)
    });
    let submission = scene.store.accept(scene.draft(Risk::R0), None, deed("submit"));
    let (heard, accepted) = join(join_all(heard), submission).await;
    accepted.unwrap();
    for (id, applied) in ids.iter().zip(heard) {
        match applied {
            Err(StoreError::Corrupt(_)) => assert_eq!(*id, broken),
            applied => assert_eq!(applied.unwrap().unwrap().command.phase(), Phase::Completed),
        }
    }
    for id in whole {
        assert_eq!(scene.command(id).await.phase(), Phase::Completed);
    }
}

async fn long_answers_come_at_the_same_time(scene: Scene) {
    let commands = run(&scene).await;
    let long = json(&format!("\"{}\"", "x".repeat(1 << 20)));
    let parts = (1..=3).flat_map(|number| commands.iter().map(move |command| (number, command)));
    let heard = parts.map(|(part, command)| {
        let (payload, response_id) = (long.clone(), ResponseId::new());
        scene.hears(command, vec![Input::Part { part, is_final: part == 3, response_id, payload }])
    });
    for applied in join_all(heard).await {
        assert_eq!(applied.refused, None);
    }
    for command in commands {
        let log = scene.log(command.order.command_id).await;
        assert!(log.iter().map(|event| event.offset).eq(1..=7));
        assert!(log[3..6].iter().all(|event| event.frame.len() > 1 << 20));
    }
}
