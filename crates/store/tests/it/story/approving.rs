//! The second person: what waits for one is nobody's turn, and runs exactly as it was approved.

use super::on_both_engines;
use crate::scene::{Scene, add_user, deed, part};
use fleetwire_store::{Accepted, Applied, Claims, Draft, Filter, Heard, Sight, Spoken};
use model::command::external::External;
use model::command::{
    Command, Decider, ErrorCode, Input, Outcome, Phase, Refused, Risk, State, Status,
};
use model::event::Kind;
use model::id::{CommandId, UserId};
use std::time::Duration;

on_both_engines! {
    what_waits_for_a_person_is_claimed_by_nobody
    an_approval_is_kept_with_who_when_and_what
    a_denial_ends_it
    what_nobody_approves_in_time_expires
    of_two_approvers_one_is_first
    an_approval_and_a_cancel_do_not_both_win
    what_was_altered_since_its_approval_does_not_run
    what_was_put_into_the_queue_does_not_run
    another_program_does_not_answer_for_a_person
    what_waits_is_found_by_those_who_may_see_it
    many_that_wait_for_a_person_are_in_nobodys_way
    nobody_decides_about_their_own
}

const LIFE: Duration = Duration::from_mins(15);

fn delicate(scene: &Scene) -> Draft {
    Draft { approve_within: Some(LIFE), ..scene.draft(Risk::R3) }
}

fn anna() -> Decider {
    Decider { user_id: UserId::new(), name: "anna".to_owned() }
}

fn approval(command: &Command, by: &Decider) -> Input {
    Input::Approve { hash: command.approval_hash().unwrap(), by: by.clone() }
}

async fn says(scene: &Scene, id: CommandId, input: Input) -> Applied {
    scene.store.apply(id, None, vec![input], Some(deed("decide"))).await.unwrap().unwrap()
}

async fn approved(scene: &Scene) -> Command {
    let id = scene.accepts(delicate(scene)).await;
    let input = approval(&scene.command(id).await, &anna());
    says(scene, id, input).await.command
}

fn code_of(command: &Command) -> Option<ErrorCode> {
    let State::Ended(ended) = &command.state else { return None };
    match &ended.outcome {
        Outcome::Completed => None,
        Outcome::Failed(failure) => Some(failure.code),
    }
}

async fn decisions(scene: &Scene) -> usize {
    scene.deeds().await.iter().filter(|deed| *deed == "decide").count()
}

async fn what_waits_for_a_person_is_claimed_by_nobody(scene: Scene) {
    let accepted = scene.accepts_and_starts(delicate(&scene)).await;
    let Accepted::New(command, events) = accepted else { panic!("{accepted:?}") };
    assert_eq!((command.phase(), events.len()), (Phase::AwaitingApproval, 1));
    assert!(scene.claims().await.is_empty());
    assert!(scene.store.due().await.unwrap().is_empty());
    assert!(scene.store.take_over(Some(scene.node)).await.unwrap().is_empty());
    let read = scene.command(command.order.command_id).await;
    assert_eq!((read.state.clone(), read.due_at()), (command.state.clone(), command.due_at()));
    assert_eq!(read.approval_hash(), command.approval_hash());
}

async fn an_approval_is_kept_with_who_when_and_what(scene: Scene) {
    let id = scene.accepts(delicate(&scene)).await;
    let waiting = scene.command(id).await;
    let (by, hash) = (anna(), waiting.approval_hash());
    let applied = says(&scene, id, approval(&waiting, &by)).await;
    assert_eq!((applied.command.phase(), applied.events.len()), (Phase::Queued, 1));
    let again = says(&scene, id, approval(&waiting, &by)).await;
    assert_eq!((again.events.len(), again.refused), (0, None));
    assert_eq!(decisions(&scene).await, 1, "said once, recorded once");
    let read = scene.command(id).await;
    let decision = read.decision.clone().unwrap();
    assert_eq!((decision.user_id, decision.name.as_str()), (by.user_id, "anna"));
    assert_eq!((decision.approved, read.approval_hash()), (hash, hash));
    assert_eq!(read.order.deliver_by, decision.at + Duration::from_mins(1));
    assert_eq!(scene.claims_ids().await, [id]);
    let running = scene.command(id).await;
    let ended = scene.hears(&running, vec![part(1, true)]).await;
    assert_eq!(ended.command.phase(), Phase::Completed);
    assert_eq!(scene.command(id).await.decision, Some(decision));
}

async fn a_denial_ends_it(scene: Scene) {
    let id = scene.accepts(delicate(&scene)).await;
    let denial = Input::Deny { reason: "not today".to_owned(), by: anna() };
    says(&scene, id, denial.clone()).await;
    let again = says(&scene, id, denial).await;
    assert_eq!((again.events.len(), again.refused), (0, None));
    let read = scene.command(id).await;
    assert_eq!((read.phase(), code_of(&read)), (Phase::Rejected, Some(ErrorCode::Denied)));
    assert_eq!(read.decision.as_ref().unwrap().approved, None);
    assert!(scene.claims().await.is_empty());
    assert_eq!(decisions(&scene).await, 1);
}

async fn what_nobody_approves_in_time_expires(scene: Scene) {
    let draft = Draft { approve_within: Some(Duration::ZERO), ..delicate(&scene) };
    let id = scene.accepts(draft).await;
    let waiting = scene.command(id).await;
    let late = says(&scene, id, approval(&waiting, &anna())).await;
    assert_eq!(late.refused, Some(Refused::NotNow));
    let [expired] = &scene.store.due().await.unwrap()[..] else { panic!("one is due") };
    assert_eq!(expired.command.phase(), Phase::Expired);
    let late = says(&scene, id, approval(&waiting, &anna())).await;
    assert_eq!(late.refused, Some(Refused::Ended));
    assert_eq!(decisions(&scene).await, 0);
}

async fn of_two_approvers_one_is_first(scene: Scene) {
    let id = scene.accepts(delicate(&scene)).await;
    let waiting = scene.command(id).await;
    let (first, second) = (approval(&waiting, &anna()), approval(&waiting, &anna()));
    let (first, second) = tokio::join!(says(&scene, id, first), says(&scene, id, second));
    let taken = [&first, &second].iter().filter(|it| it.refused.is_none()).count();
    assert_eq!((taken, decisions(&scene).await), (1, 1));
    assert_eq!(scene.log(id).await.len(), 2);
}

async fn an_approval_and_a_cancel_do_not_both_win(scene: Scene) {
    for _ in 0..8 {
        let id = scene.accepts(delicate(&scene)).await;
        let input = approval(&scene.command(id).await, &anna());
        let (approved, cancelled) = tokio::join!(says(&scene, id, input), scene.cancels(id));
        let read = scene.command(id).await;
        assert_eq!((cancelled.refused, read.phase()), (None, Phase::Cancelled));
        assert_eq!(approved.refused.is_none(), read.decision.is_some());
    }
    assert!(scene.claims().await.is_empty());
}

async fn what_was_altered_since_its_approval_does_not_run(scene: Scene) {
    let alterations = [
        "params = '{\"ecu\":\"brakes\"}'",
        "name = 'ClearDTC'",
        "reason = null",
        "run_timeout_us = run_timeout_us + 1",
        "deliver_by = deliver_by + 1",
        "approval_hash = null",
        "approval_hash = replace(approval_hash, substr(approval_hash, 1, 1), 'e')",
    ];
    for alteration in alterations {
        let command = approved(&scene).await;
        scene
            .database
            .alter(format!("update commands set {alteration} where state = 'queued'"))
            .await;
        let id = command.order.command_id;
        if alteration.contains("replace") && scene.command(id).await.is_approved() {
            // It began with an e.
            scene.cancels(id).await;
            continue;
        }
        let Claims { started, others } = scene.looks_for_turns().await;
        assert!(started.is_empty(), "{alteration}");
        assert_eq!(others.len(), 1, "whoever watches is told: {alteration}");
        assert!(matches!(others[0].events.last().unwrap().kind, Kind::End), "{others:?}");
        let read = scene.command(id).await;
        assert_eq!(code_of(&read), Some(ErrorCode::Altered), "{alteration}");
        assert!(scene.deeds().await.contains(&"command_altered".to_owned()));
    }
    let command = approved(&scene).await;
    assert_eq!(scene.claims_ids().await, [command.order.command_id], "as it was approved it runs");
}

async fn what_was_put_into_the_queue_does_not_run(scene: Scene) {
    let id = scene.accepts(delicate(&scene)).await;
    scene.database.alter("update commands set state = 'queued', due_at = deliver_by").await;
    assert!(scene.claims().await.is_empty());
    assert_eq!(code_of(&scene.command(id).await), Some(ErrorCode::Altered));
}

async fn another_program_does_not_answer_for_a_person(scene: Scene) {
    let id = scene.accepts(delicate(&scene)).await;
    let spoken = Spoken {
        command_id: id,
        node: scene.node,
        lease: crate::scene::LEASE,
        source: "a".to_owned(),
        external: External::Completed,
    };
    assert!(matches!(scene.store.hear(spoken).await.unwrap(), Heard::Ended));
    assert_eq!(scene.command(id).await.phase(), Phase::AwaitingApproval);
    assert_eq!(scene.log(id).await.len(), 1);
}

fn seen_by(granted_to: Option<UserId>, filter: &Filter) -> Filter {
    Filter { sight: Sight { granted_to, confined_by: None }, ..filter.clone() }
}

async fn what_waits_is_found_by_those_who_may_see_it(scene: Scene) {
    scene.accepts(scene.draft(Risk::R0)).await;
    let id = scene.accepts(delicate(&scene)).await;
    let stranger = add_user(&scene.store, "otto", &[]).await;
    let phase = Some(Phase::AwaitingApproval);
    let waiting = Filter { phase, limit: 10, ..Filter::default() };
    let found = async |filter: Filter| -> Vec<CommandId> {
        let found = scene.store.commands(&filter).await.unwrap();
        found.iter().map(|command| command.order.command_id).collect()
    };
    assert_eq!(found(waiting.clone()).await, [id]);
    assert_eq!(found(seen_by(Some(scene.user), &waiting)).await, [id]);
    assert_eq!(found(Filter { vehicle_id: Some(scene.vehicle), ..waiting.clone() }).await, [id]);
    assert_eq!(found(seen_by(stranger, &waiting)).await, []);
    let pending = Filter { status: Some(Status::Pending), ..Filter::default() };
    assert_eq!(found(Filter { limit: 10, ..pending.clone() }).await.len(), 2);
    assert_eq!(found(Filter { status: Some(Status::Pending), ..waiting.clone() }).await, [id]);
    assert_eq!(found(Filter { status: Some(Status::Failed), ..waiting }).await, []);
}

async fn many_that_wait_for_a_person_are_in_nobodys_way(scene: Scene) {
    for _ in 0..70 {
        scene.accepts(Draft { priority: 10, ..delicate(&scene) }).await;
    }
    let id = scene.accepts(scene.draft(Risk::R2)).await;
    assert_eq!(scene.claims_ids().await, [id]);
}

async fn nobody_decides_about_their_own(scene: Scene) {
    let id = scene.accepts(delicate(&scene)).await;
    let own = Decider { user_id: scene.user, name: "erika".to_owned() };
    let input = approval(&scene.command(id).await, &own);
    assert_eq!(says(&scene, id, input).await.refused, Some(Refused::Own));
    assert_eq!(
        (scene.command(id).await.phase(), decisions(&scene).await),
        (Phase::AwaitingApproval, 0)
    );
}
