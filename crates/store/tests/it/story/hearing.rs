//! Hearing: what other programs say of a command is recorded once, by whichever node is first.

use super::on_both_engines;
use crate::scene::{LEASE, Scene, part};
use fleetwire_store::{Applied, Draft, Heard, Spoken};
use futures_util::future::join_all;
use model::command::external::{self, External};
use model::command::{Input, Phase, Risk};
use model::event::Kind;
use model::id::{CommandId, NodeId};
use std::time::Duration;

on_both_engines! {
    an_answer_starts_a_command_that_waits
    what_is_said_twice_is_recorded_once
    what_is_heard_twice_at_once_is_recorded_once
    two_nodes_that_hear_the_same_record_it_once
    an_answer_ends_the_pause_before_the_next_attempt
    an_answer_after_the_deadline_changes_nothing
    the_word_that_it_is_done_ends_a_command
    a_failure_is_told_in_the_words_of_the_program
    an_answer_beside_the_owners_leaves_the_numbers_dense
}

fn said(scene: &Scene, command_id: CommandId, source: &str, external: External) -> Spoken {
    Spoken { command_id, node: scene.node, lease: LEASE, source: source.to_owned(), external }
}

/// An answer, as a program publishes it.
fn answer(command_id: CommandId, is_final: bool) -> External {
    let text = format!(
        r#"{{"event":"response","command_id":"{command_id}",
            "response":{{"response_payload":{{"rpm":800}},"is_final":{is_final}}}}}"#
    );
    external::Heard::read(command_id, &text).unwrap().external
}

async fn hears(scene: &Scene, id: CommandId, source: &str, external: External) -> Heard {
    scene.store.hear(said(scene, id, source, external)).await.unwrap()
}

fn recorded(heard: Heard) -> Applied {
    match heard {
        Heard::Recorded(applied) => applied,
        Heard::Duplicate | Heard::Ended | Heard::UnknownCommand => panic!("{heard:?}"),
    }
}

fn kinds(applied: &Applied) -> Vec<Kind> {
    applied.events.iter().map(|event| event.kind).collect()
}

/// The events that carry a source.
async fn named(scene: &Scene) -> Vec<i64> {
    let sql = "select event_offset from events where source is not null order by event_offset";
    scene.database.numbers(sql).await
}

async fn an_answer_starts_a_command_that_waits(scene: Scene) {
    let id = scene.accepts(scene.draft(Risk::R2)).await;
    let first = recorded(hears(&scene, id, "a", answer(id, false)).await);
    assert_eq!(kinds(&first), [Kind::Status, Kind::Status, Kind::Response]);
    assert_eq!(first.command.phase(), Phase::Running);
    assert_eq!(first.command.lease().unwrap().owner, scene.node);
    let last = recorded(hears(&scene, id, "b", answer(id, true)).await);
    assert_eq!(kinds(&last), [Kind::Response, Kind::End]);
    assert_eq!(scene.command(id).await.phase(), Phase::Completed);
    assert_eq!(scene.log(id).await[1..], [first.events, last.events].concat()[..]);
    assert_eq!(named(&scene).await, [4, 5]);
    assert!(matches!(hears(&scene, id, "c", answer(id, true)).await, Heard::Ended));
}

async fn what_is_said_twice_is_recorded_once(scene: Scene) {
    let id = scene.accepts(scene.draft(Risk::R2)).await;
    let other = scene.accepts(scene.draft(Risk::R2)).await;
    recorded(hears(&scene, id, "a", answer(id, false)).await);
    assert!(matches!(hears(&scene, id, "a", answer(id, false)).await, Heard::Duplicate));
    recorded(hears(&scene, id, "b", answer(id, false)).await);
    recorded(hears(&scene, other, "a", answer(other, false)).await);
    let nowhere = CommandId::new();
    let unknown = hears(&scene, nowhere, "a", answer(nowhere, false)).await;
    assert!(matches!(unknown, Heard::UnknownCommand));
    assert_eq!(scene.command(id).await.last_sequence, 2);
}

async fn what_is_heard_twice_at_once_is_recorded_once(scene: Scene) {
    let id = scene.accepts(scene.draft(Risk::R2)).await;
    let sources = ["a", "a", "b", "a"];
    let heard = join_all(sources.map(|source| hears(&scene, id, source, answer(id, false)))).await;
    let [Heard::Recorded(_), Heard::Duplicate, Heard::Recorded(_), Heard::Duplicate] = heard[..]
    else {
        panic!("{heard:?}")
    };
    assert_eq!((scene.command(id).await.last_sequence, named(&scene).await), (2, vec![4, 5]));
}

async fn two_nodes_that_hear_the_same_record_it_once(scene: Scene) {
    let other = scene.database.open().await;
    let mut spoken = Vec::new();
    for _ in 0..20 {
        let id = scene.accepts(scene.draft(Risk::R0)).await;
        for source in ["a", "b", "c"] {
            spoken.push(said(&scene, id, source, answer(id, false)));
        }
    }
    let backwards = spoken.clone().into_iter().rev().map(|said| {
        let node = NodeId::new();
        other.hear(Spoken { node, ..said })
    });
    let forwards = spoken.iter().cloned().map(|said| scene.store.hear(said));
    let (one, two) = tokio::join!(join_all(forwards), join_all(backwards));
    let heard: Vec<_> = one.into_iter().chain(two).map(Result::unwrap).collect();
    let count = |is: fn(&Heard) -> bool| heard.iter().filter(|heard| is(heard)).count();
    assert_eq!(count(|heard| matches!(heard, Heard::Recorded(_))), 60);
    assert_eq!(count(|heard| matches!(heard, Heard::Duplicate)), 60);
    for said in spoken {
        let log = scene.log(said.command_id).await;
        assert!(log.iter().map(|event| event.offset).eq(1..=6));
        assert!(log.iter().filter_map(|event| event.sequence_number).eq(1..=3));
    }
    other.close().await;
}

async fn an_answer_ends_the_pause_before_the_next_attempt(scene: Scene) {
    let command = scene.runs(scene.draft(Risk::R0)).await;
    scene.hears(&command, vec![Input::Lost]).await;
    scene.database.alter("update commands set not_before = not_before + 9000000").await;
    let id = command.order.command_id;
    let answered = recorded(hears(&scene, id, "a", answer(id, true)).await);
    assert_eq!((answered.command.phase(), answered.command.attempt), (Phase::Completed, 2));
}

async fn an_answer_after_the_deadline_changes_nothing(scene: Scene) {
    let id = scene.accepts(Draft { deliver_within: Duration::ZERO, ..scene.draft(Risk::R2) }).await;
    assert!(matches!(hears(&scene, id, "a", answer(id, true)).await, Heard::Ended));
    assert_eq!(scene.command(id).await.phase(), Phase::Queued);
    let [expired] = &scene.store.due().await.unwrap()[..] else { panic!("one is due") };
    assert_eq!(expired.command.phase(), Phase::Expired);
}

async fn the_word_that_it_is_done_ends_a_command(scene: Scene) {
    let id = scene.accepts(scene.draft(Risk::R2)).await;
    let done = recorded(hears(&scene, id, "a", External::Completed).await);
    assert_eq!(kinds(&done), [Kind::Status, Kind::Status, Kind::End]);
    assert_eq!((done.command.phase(), named(&scene).await), (Phase::Completed, vec![4]));
}

async fn a_failure_is_told_in_the_words_of_the_program(scene: Scene) {
    let command = scene.runs(scene.draft(Risk::R2)).await;
    scene.cancels(command.order.command_id).await;
    let failure = External::Failed("ignition is off".to_owned());
    let failed = recorded(hears(&scene, command.order.command_id, "a", failure).await);
    assert_eq!(kinds(&failed), [Kind::Error, Kind::End]);
    assert!(failed.events[0].frame.contains("ignition is off"));
    assert_eq!((failed.command.phase(), named(&scene).await), (Phase::Failed, vec![5]));
}

async fn an_answer_beside_the_owners_leaves_the_numbers_dense(scene: Scene) {
    let command = scene.runs(scene.draft(Risk::R0)).await;
    let id = command.order.command_id;
    scene.hears(&command, vec![part(1, false)]).await;
    recorded(hears(&scene, id, "a", answer(id, false)).await);
    let last = scene.hears(&command, vec![part(2, true)]).await;
    assert_eq!((last.refused, last.command.phase()), (None, Phase::Completed));
    let log = scene.log(id).await;
    assert!(log.iter().map(|event| event.offset).eq(1..=7));
    assert!(log.iter().filter_map(|event| event.sequence_number).eq(1..=3));
}
