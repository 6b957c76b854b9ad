//! Listing commands: filters, pages, and what a grant lets one see.

use super::on_both_engines;
use crate::scene::{Scene, add_user, add_vehicle, deed};
use fleetwire_store::{Draft, Filter, Sight};
use model::command::{Risk, Status};
use model::id::{CommandId, UserId};

on_both_engines! {
    filters_narrow_the_list
    pages_continue_where_the_last_one_ended
    a_grant_decides_what_is_seen
}

fn any() -> Filter {
    Filter { limit: 100, ..Filter::default() }
}

async fn listed(scene: &Scene, filter: Filter) -> Vec<CommandId> {
    let commands = scene.store.commands(&filter).await.unwrap();
    commands.into_iter().map(|command| command.order.command_id).collect()
}

async fn filters_narrow_the_list(scene: Scene) {
    let other = add_vehicle(&scene.store, scene.fleet, "WVWZZZ1JZXW000002").await;
    let max = add_user(&scene.store, "max", &[]).await.unwrap();
    let running = scene.runs(scene.draft(Risk::R0)).await.order;
    let elsewhere = Draft { vehicle_id: other.unwrap(), user_id: max, ..scene.draft(Risk::R2) };
    let waiting = scene.accepts(elsewhere).await;
    let ended = scene.accepts(scene.draft(Risk::R2)).await;
    scene.cancels(ended).await;
    let [a, b, c] = [running.command_id, waiting, ended];
    assert_eq!(listed(&scene, any()).await, [c, b, a]);
    assert_eq!(listed(&scene, Filter { vehicle_id: other, ..any() }).await, [b]);
    assert_eq!(listed(&scene, Filter { user_id: Some(max), ..any() }).await, [b]);
    let user_id = Some(UserId::new());
    assert!(listed(&scene, Filter { user_id, ..any() }).await.is_empty());
    let of_status = [
        (Status::Pending, vec![b]),
        (Status::InProgress, vec![a]),
        (Status::Completed, vec![]),
        (Status::Failed, vec![c]),
    ];
    for (status, expected) in of_status {
        assert_eq!(listed(&scene, Filter { status: Some(status), ..any() }).await, expected);
        let narrow = Filter { status: Some(status), vehicle_id: other, ..any() };
        let of_other = expected.into_iter().filter(|id| *id == b).collect::<Vec<_>>();
        assert_eq!(listed(&scene, narrow).await, of_other);
    }
    let submitted = Some(scene.command(b).await.order.submitted_at);
    assert_eq!(listed(&scene, Filter { from: submitted, ..any() }).await, [c, b]);
    assert_eq!(listed(&scene, Filter { until: submitted, ..any() }).await, [b, a]);
}

async fn pages_continue_where_the_last_one_ended(scene: Scene) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, scene.accepts(scene.draft(Risk::R0)).await);
    }
    assert_eq!(listed(&scene, Filter { limit: 2, ..any() }).await, ids[..2]);
    assert_eq!(listed(&scene, Filter { limit: 2, before: Some(ids[1]), ..any() }).await, ids[2..4]);
    assert_eq!(listed(&scene, Filter { limit: 2, offset: 4, ..any() }).await, ids[4..]);
}

async fn a_grant_decides_what_is_seen(scene: Scene) {
    let south = scene.store.fleet_named("south", deed("fleet")).await.unwrap().fleet_id;
    let hidden = add_vehicle(&scene.store, south, "WVWZZZ1JZXW000002").await.unwrap();
    let secret = scene.accepts(Draft { vehicle_id: hidden, ..scene.draft(Risk::R0) }).await;
    let open = scene.accepts(scene.draft(Risk::R0)).await;
    let sight = Sight { granted_to: Some(scene.user), confined_by: None };
    let mine = Filter { sight, ..any() };
    assert_eq!(listed(&scene, mine.clone()).await, [open]);
    let of_hidden = Filter { vehicle_id: Some(hidden), ..mine.clone() };
    assert!(listed(&scene, of_hidden.clone()).await.is_empty());
    let past = Some(scene.store.now());
    scene.store.grant(scene.user, south, past, deed("grant")).await.unwrap();
    assert_eq!(listed(&scene, mine.clone()).await, [open], "the grant has run out");
    scene.store.grant(scene.user, south, None, deed("grant")).await.unwrap();
    let mut both = [secret, open];
    both.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!(listed(&scene, mine.clone()).await, both);
    assert_eq!(listed(&scene, of_hidden).await, [secret]);
    assert!(scene.store.revoke(scene.user, scene.fleet, deed("revoke")).await.unwrap());
    assert!(!scene.store.revoke(scene.user, scene.fleet, deed("revoke")).await.unwrap());
    assert_eq!(listed(&scene, mine).await, [secret]);
}
