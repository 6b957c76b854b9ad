//! What a vehicle offers: kept with a revision, and compared with what was found before.

use super::on_both_engines;
use crate::scene::Scene;
use model::capabilities::Changes;
use model::id::CommandId;
use serde_json::json;
use serde_json::value::RawValue;

on_both_engines! {
    a_tree_is_kept_until_another_is_found
    two_discoveries_at_once_are_told_apart
    nobody_knows_what_a_vehicle_offers_that_was_never_asked
}

fn entity(path: &str, name: &str) -> Box<RawValue> {
    let text = json!({ "name": name, "tree": { "entity": path } }).to_string();
    RawValue::from_string(text).unwrap()
}

async fn a_tree_is_kept_until_another_is_found(scene: Scene) {
    let keep = async |entities: Vec<Box<RawValue>>| {
        let id = CommandId::new();
        let revision = scene.store.keep_capabilities(scene.vehicle, id, &entities).await.unwrap();
        (id, revision)
    };
    let found = async || scene.store.capabilities(scene.vehicle).await.unwrap().unwrap();
    let first = || vec![entity("components/a", "A"), entity("components/b", "B")];
    assert_eq!(keep(first()).await.1, 1);
    let one = found().await;
    assert!(one.changes.is_empty(), "there was nothing before: {one:?}");

    let (again, revision) = keep(first()).await;
    let same = found().await;
    assert_eq!((revision, same.revision, same.command_id), (1, 1, again));
    assert_eq!(same.changed_at, one.changed_at);
    assert!(same.discovered_at >= one.discovered_at);

    assert_eq!(keep(vec![entity("components/a", "A2"), entity("apps/c", "C")]).await.1, 2);
    let other = found().await;
    let [added, removed, changed] =
        ["apps/c", "components/b", "components/a"].map(|path| vec![path.to_owned()]);
    assert_eq!(other.changes, Changes { added, removed, changed });
    assert_eq!(other.entities[0].get(), entity("components/a", "A2").get());

    keep(vec![entity("components/a", "A2"), entity("apps/c", "C")]).await;
    assert_eq!(found().await.changes, other.changes, "what made the revision is still told");
}

async fn two_discoveries_at_once_are_told_apart(scene: Scene) {
    let keep = async |name: &str| {
        let entities = [entity("components/a", name)];
        scene.store.keep_capabilities(scene.vehicle, CommandId::new(), &entities).await.unwrap()
    };
    let (one, other) = tokio::join!(keep("A"), keep("B"));
    assert_eq!((one.min(other), one.max(other)), (1, 2));
    let found = scene.store.capabilities(scene.vehicle).await.unwrap().unwrap();
    assert_eq!((found.revision, found.changes.changed), (2, vec!["components/a".to_owned()]));
}

async fn nobody_knows_what_a_vehicle_offers_that_was_never_asked(scene: Scene) {
    assert!(scene.store.capabilities(scene.vehicle).await.unwrap().is_none());
}
