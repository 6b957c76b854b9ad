//! Nodes: each tells that it runs, and learns which others do.

use super::on_both_engines;
use crate::scene::Scene;
use model::id::NodeId;
use std::time::Duration;

on_both_engines! {
    nodes_learn_of_each_other
    a_node_that_leaves_or_falls_silent_is_no_longer_told
    a_node_that_was_silent_for_a_day_is_forgotten
}

const LIFE: Duration = Duration::from_secs(6);

async fn beats(scene: &Scene, node: NodeId) -> Vec<NodeId> {
    scene.store.beat(node, LIFE).await.unwrap()
}

async fn nodes_learn_of_each_other(scene: Scene) {
    let (one, other) = (NodeId::new(), NodeId::new());
    assert_eq!(beats(&scene, other).await, [other]);
    assert_eq!(beats(&scene, one).await, [one, other]);
    assert_eq!(beats(&scene, other).await, [one, other]);
    let later = "select count(*) from nodes where seen_at > started_at";
    assert_eq!(scene.database.numbers(later).await, [1], "the start of the other is kept");
}

async fn a_node_that_leaves_or_falls_silent_is_no_longer_told(scene: Scene) {
    let (leaves, silent, stays) = (NodeId::new(), NodeId::new(), NodeId::new());
    beats(&scene, silent).await;
    scene.database.alter("update nodes set seen_at = seen_at - 7000000").await;
    beats(&scene, leaves).await;
    assert_eq!(beats(&scene, stays).await, [leaves, stays]);
    scene.store.leave(leaves).await.unwrap();
    scene.store.leave(leaves).await.unwrap();
    assert_eq!(beats(&scene, stays).await, [stays]);
    assert_eq!(beats(&scene, silent).await, [silent, stays], "it was only slow");
}

async fn a_node_that_was_silent_for_a_day_is_forgotten(scene: Scene) {
    beats(&scene, NodeId::new()).await;
    scene.database.alter("update nodes set seen_at = seen_at - 90000000000").await;
    beats(&scene, NodeId::new()).await;
    assert_eq!(scene.database.numbers("select count(*) from nodes").await, [1]);
}
