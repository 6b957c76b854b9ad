//! Ends that no answer brings: cancel, deadlines, and nodes that died.

use super::on_both_engines;
use crate::scene::{LEASE, Scene, deed, part};
use fleetwire_store::{Applied, Claimed, Draft, Held, Reach, StoreError};
use model::command::{Command, Input, Phase, Refused, Risk, State};
use model::id::NodeId;
use std::time::Duration;

on_both_engines! {
    a_cancel_ends_what_waits_and_asks_what_runs
    what_nobody_took_in_time_expires
    what_runs_too_long_is_given_up
    a_stop_that_nobody_confirms_lets_the_command_run_on
    the_commands_of_a_dead_node_are_taken_over
    a_row_that_cannot_be_read_stops_only_itself
    what_a_dead_node_was_driving_is_taken_over_at_once
    a_living_node_keeps_its_commands_by_renewing
}

fn phase_of(applied: &[Applied], command: &Command) -> Phase {
    let same = |found: &&Applied| found.command.order.command_id == command.order.command_id;
    applied.iter().find(same).map(|found| found.command.phase()).unwrap()
}

async fn a_cancel_ends_what_waits_and_asks_what_runs(scene: Scene) {
    let running = scene.runs(scene.draft(Risk::R2)).await;
    let waiting = scene.accepts(scene.draft(Risk::R2)).await;
    assert_eq!(scene.cancels(waiting).await.command.phase(), Phase::Cancelled);
    assert_eq!(scene.cancels(waiting).await.refused, Some(Refused::Ended));
    let asked = scene.cancels(running.order.command_id).await;
    assert_eq!(asked.command.phase(), Phase::Cancelling);
    assert_eq!(scene.command(running.order.command_id).await.state, asked.command.state);
    let stopped = scene.hears(&running, vec![Input::Stopped]).await;
    assert_eq!(stopped.command.phase(), Phase::Cancelled);
    let read = scene.command(running.order.command_id).await;
    assert_eq!(read.state, stopped.command.state);
    let cancels = scene.deeds().await.iter().filter(|deed| *deed == "cancel").count();
    assert_eq!(cancels, 2, "a refused cancel is no deed");
}

async fn what_nobody_took_in_time_expires(scene: Scene) {
    let id = scene.accepts(Draft { deliver_within: Duration::ZERO, ..scene.draft(Risk::R3) }).await;
    let patient = scene.accepts(scene.draft(Risk::R3)).await;
    let [expired] = &scene.store.due().await.unwrap()[..] else { panic!("one is due") };
    assert_eq!(expired.command.phase(), Phase::Expired);
    assert_eq!(scene.log(id).await[1..], expired.events[..]);
    assert!(scene.store.due().await.unwrap().is_empty());
    assert_eq!(scene.command(patient).await.phase(), Phase::Queued);
}

async fn what_runs_too_long_is_given_up(scene: Scene) {
    for (risk, phase) in [(Risk::R0, Phase::Failed), (Risk::R2, Phase::Unknown)] {
        let draft = Draft { run_timeout: Duration::ZERO, ..scene.draft(risk) };
        let command = scene.runs(draft).await;
        assert_eq!(phase_of(&scene.store.due().await.unwrap(), &command), phase);
        let late = scene.hears(&command, vec![part(1, true)]).await;
        assert_eq!(late.refused, Some(Refused::Ended));
    }
}

async fn a_stop_that_nobody_confirms_lets_the_command_run_on(scene: Scene) {
    let command = scene.runs(scene.draft(Risk::R2)).await;
    scene.cancels(command.order.command_id).await;
    scene.database.alter("update commands set due_at = 0, cancel_until = 0").await;
    assert_eq!(phase_of(&scene.store.due().await.unwrap(), &command), Phase::Running);
    let result = scene.hears(&command, vec![part(1, true)]).await;
    assert_eq!(result.command.phase(), Phase::Completed);
}

async fn the_commands_of_a_dead_node_are_taken_over(scene: Scene) {
    let read = scene.accepts(scene.draft(Risk::R0)).await;
    let dead = NodeId::new();
    claim_for_an_instant(&scene, dead).await;
    let taken = scene.store.take_over(None).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(scene.command(read).await.phase(), Phase::Queued);
    let [again] = &scene.claims().await[..] else { panic!("a read goes again") };
    scene.hears(&again.command, vec![part(1, true)]).await;
    let write = scene.accepts(scene.draft(Risk::R2)).await;
    let first = claim_for_an_instant(&scene, dead).await;
    scene.store.take_over(None).await.unwrap();
    assert_eq!(scene.command(write).await.phase(), Phase::Unknown);
    let zombie = scene.hears(&first.command, vec![part(1, true)]).await;
    assert_eq!(zombie.refused, Some(Refused::Ended));
    assert!(scene.claims().await.is_empty(), "a write is never sent twice");
}

async fn a_row_that_cannot_be_read_stops_only_itself(scene: Scene) {
    let broken = scene.accepts(Draft { deliver_within: Duration::ZERO, ..scene.draft(Risk::R0) });
    let broken = broken.await;
    scene.database.alter("update commands set state = 'from-the-future'").await;
    let other = Draft { deliver_within: Duration::ZERO, ..scene.draft(Risk::R0) };
    let other = scene.accepts(other).await;
    let due = scene.store.due().await.unwrap();
    assert_eq!(phase_of(&due, &scene.command(other).await), Phase::Expired);
    assert!(matches!(scene.store.command(broken).await, Err(StoreError::Corrupt(_))));
    let refused = scene.store.apply(broken, None, vec![Input::Due], None).await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))));
    assert!(scene.claims().await.is_empty(), "what is broken may be in flight");
}

async fn claim_for_an_instant(scene: &Scene, node: NodeId) -> Claimed {
    let mut claims = scene.store.claim(node, Duration::ZERO, Reach::All, 1).await.unwrap();
    claims.started.remove(0)
}

async fn what_a_dead_node_was_driving_is_taken_over_at_once(scene: Scene) {
    let command = scene.runs(scene.draft(Risk::R2)).await;
    let restarted = NodeId::new();
    assert!(scene.store.take_over(None).await.unwrap().is_empty());
    let taken = scene.store.take_over(Some(scene.node)).await.unwrap();
    assert_eq!(phase_of(&taken, &command), Phase::Unknown);
    let own = scene.runs(scene.draft(Risk::R2)).await;
    assert!(scene.store.take_over(Some(restarted)).await.unwrap().is_empty());
    assert!(matches!(scene.command(own.order.command_id).await.state, State::Running(_)));
}

async fn a_living_node_keeps_its_commands_by_renewing(scene: Scene) {
    let id = scene.accepts(scene.draft(Risk::R2)).await;
    let claimed = claim_for_an_instant(&scene, scene.node).await;
    let kept = scene.store.renew(scene.node, LEASE).await.unwrap();
    let held =
        |phase| [Held { command_id: id, fence: 1, phase, has_answer: false, is_renewed: true }];
    assert_eq!(kept, held(Phase::Running));
    assert!(scene.store.take_over(Some(NodeId::new())).await.unwrap().is_empty());
    let cancel = vec![Input::Cancel { by: "erika".to_owned() }];
    scene.store.apply(id, None, cancel, Some(deed("cancel"))).await.unwrap();
    let asked = scene.store.renew(scene.node, LEASE).await.unwrap();
    assert_eq!(asked, held(Phase::Cancelling));
    scene.hears(&claimed.command, vec![Input::Stopped]).await;
    assert!(scene.store.renew(scene.node, LEASE).await.unwrap().is_empty());
}
