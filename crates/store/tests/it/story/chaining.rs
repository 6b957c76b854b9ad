//! The audit chain: rows get their places once, in one order, from one node at a time.

use super::on_both_engines;
use crate::scene::{Scene, deed};
use fleetwire_store::{
    AuditFilter, AuditPage, Link, Mark, Ring, Seal, Sealing, SigningKey, Snapshot, StoreError, Trim,
};
use model::Timestamp;
use model::id::{AuditId, NodeId};
use std::time::Duration;

on_both_engines! {
    rows_get_places_without_gaps
    a_row_that_becomes_visible_late_is_not_skipped
    one_node_at_a_time_adds_to_the_chain
    a_row_that_has_vanished_is_not_sealed_over
    a_chain_that_has_lost_its_end_is_not_begun_again
    the_beginning_gives_way_to_an_anchor
    a_snapshot_stays_as_it_was
    deeds_are_found_by_what_is_known_of_them
    the_keys_of_the_chain_are_not_those_of_tokens
}

const LEASE: Duration = Duration::from_secs(3);
const START: Link = Link { position: 0, row_hash: Vec::new() };

fn link(position: i64) -> Link {
    Link { position, row_hash: vec![u8::try_from(position).unwrap(); 32] }
}

fn seal(link: Link) -> Seal {
    let signed_at = Timestamp::from_microsecond(link.position).unwrap();
    Seal { link, signed_at, kid: "key".into(), signature: vec![1; 64] }
}

async fn sealing(scene: &Scene, sealer: NodeId, after: Link) -> Sealing {
    let rows = scene.store.unsealed_audit(100).await.unwrap();
    let places = (1..).map(|next| link(after.position + next));
    let links: Vec<_> = rows.iter().map(|row| row.audit_id).zip(places).collect();
    let head = seal(links.last().map_or(after.clone(), |(_, link)| link.clone()));
    let checkpoint = Some(head.clone());
    Sealing { sealer, lease: LEASE, after, links, head, checkpoint }
}

/// Seals whatever there is; answers where the chain then ends.
async fn seals(scene: &Scene, sealer: NodeId, after: Link) -> Option<Link> {
    let sealing = sealing(scene, sealer, after).await;
    let end = sealing.head.link.clone();
    scene.store.seal_audit(sealing).await.unwrap().then_some(end)
}

async fn pages(scene: &Scene) -> Vec<AuditPage> {
    let filter = AuditFilter { limit: 1000, ..AuditFilter::default() };
    let mut pages = scene.store.audit(&filter).await.unwrap();
    pages.sort_by_key(|page| page.position);
    pages
}

async fn positions(scene: &Scene) -> Vec<Option<i64>> {
    pages(scene).await.iter().map(|page| page.position).collect()
}

async fn rows_get_places_without_gaps(scene: Scene) {
    let count = i64::try_from(scene.deeds().await.len()).unwrap();
    assert_eq!(scene.store.audit_head().await.unwrap(), None);
    let end = seals(&scene, scene.node, START).await.unwrap();
    assert_eq!(positions(&scene).await, (1..=count).map(Some).collect::<Vec<_>>());
    assert!(scene.store.unsealed_audit(100).await.unwrap().is_empty());
    scene.store.record_audit(deed("later")).await.unwrap();
    assert_eq!(scene.store.unsealed_audit(100).await.unwrap()[0].action, "later");
    let end = seals(&scene, scene.node, end).await.unwrap();
    assert_eq!(end.position, count + 1);
    let head = scene.store.audit_head().await.unwrap().unwrap();
    assert_eq!((head.seal.link, head.sealer), (end.clone(), scene.node));
    assert_eq!(scene.store.newest_seal(Mark::Checkpoint).await.unwrap(), Some(seal(end)));
    assert_eq!(scene.store.newest_seal(Mark::Anchor).await.unwrap(), None);
}

async fn a_row_that_becomes_visible_late_is_not_skipped(scene: Scene) {
    let end = seals(&scene, scene.node, START).await.unwrap();
    scene.store.record_audit(deed("late")).await.unwrap();
    let late = "update audit set recorded_at = 1, audit_id = ";
    let id = match &scene.database {
        crate::database::Database::Sqlite(_) => "x'00000000000070008000000000000001'",
        crate::database::Database::Postgres(_) => "'00000000-0000-7000-8000-000000000001'",
    };
    scene.database.alter(format!("{late}{id} where action = 'late'")).await;
    let rows = scene.store.unsealed_audit(100).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["late"]);
    let next = seals(&scene, scene.node, end.clone()).await.unwrap();
    assert_eq!(next.position, end.position + 1);
}

async fn one_node_at_a_time_adds_to_the_chain(scene: Scene) {
    let (one, other) = (scene.node, NodeId::new());
    let end = seals(&scene, one, START).await.unwrap();
    scene.store.record_audit(deed("second")).await.unwrap();
    assert_eq!(seals(&scene, other, end.clone()).await, None, "the lease of the first runs");
    assert_eq!(seals(&scene, one, START).await, None, "the chain has gone on");
    assert_eq!(seals(&scene, one, link(end.position + 1)).await, None, "it is not that far");
    assert_eq!(scene.store.unsealed_audit(9).await.unwrap().len(), 1);
    scene.database.alter("update audit_head set lease_until = 1").await;
    let (here, there) = (sealing(&scene, one, end.clone()), sealing(&scene, other, end));
    let (here, there) = (here.await, there.await);
    let second = scene.database.open().await;
    let sealed = tokio::join!(scene.store.seal_audit(here), second.seal_audit(there));
    assert!(sealed.0.unwrap() != sealed.1.unwrap(), "exactly one of them");
    assert!(scene.store.unsealed_audit(9).await.unwrap().is_empty());
    second.close().await;
}

async fn a_row_that_has_vanished_is_not_sealed_over(scene: Scene) {
    let mut sealing = sealing(&scene, scene.node, START).await;
    sealing.links[0].0 = AuditId::new();
    let refused = scene.store.seal_audit(sealing).await;
    assert!(matches!(refused, Err(StoreError::Corrupt("audit row"))), "{refused:?}");
    assert_eq!(scene.store.audit_head().await.unwrap(), None);
    assert!(positions(&scene).await.iter().all(Option::is_none));
}

async fn a_chain_that_has_lost_its_end_is_not_begun_again(scene: Scene) {
    seals(&scene, scene.node, START).await.unwrap();
    scene.database.alter("delete from audit_head").await;
    scene.store.record_audit(deed("later")).await.unwrap();
    let again = scene.store.seal_audit(sealing(&scene, scene.node, START).await).await;
    assert!(matches!(again, Err(StoreError::Corrupt("end of the audit chain"))), "{again:?}");
}

async fn the_beginning_gives_way_to_an_anchor(scene: Scene) {
    let first = seals(&scene, scene.node, START).await.unwrap();
    scene.store.record_audit(deed("kept")).await.unwrap();
    let last = seals(&scene, scene.node, first.clone()).await.unwrap();
    let next = scene.store.next_checkpoint(0).await.unwrap().unwrap();
    assert_eq!(next.link, first);
    let trim = Trim { anchor: next, audit: deed("trimmed") };
    let removed = scene.store.trim_audit(trim).await.unwrap();
    assert_eq!(i64::try_from(removed).unwrap(), first.position);
    assert_eq!(positions(&scene).await, [None, Some(last.position)]);
    assert_eq!(scene.store.newest_seal(Mark::Anchor).await.unwrap(), Some(seal(first.clone())));
    let next = scene.store.next_checkpoint(first.position).await.unwrap();
    assert_eq!(next, Some(seal(last)));
}

async fn a_snapshot_stays_as_it_was(scene: Scene) {
    let end = seals(&scene, scene.node, START).await.unwrap();
    scene.store.record_audit(deed("waits")).await.unwrap();
    let mut snapshot = Snapshot::open(&scene.database.target()).await.unwrap();
    assert_eq!(snapshot.unsealed().await.unwrap(), 1);
    let after = seals(&scene, scene.node, end.clone()).await.unwrap();
    scene.store.trim_audit(Trim { anchor: seal(end.clone()), audit: deed("t") }).await.unwrap();
    assert_eq!(snapshot.head().await.unwrap().unwrap().seal.link, end);
    let rows = snapshot.rows(2, 1000).await.unwrap();
    let places: Vec<_> = rows.iter().map(|row| row.link.clone()).collect();
    assert_eq!(places, (2..=end.position).map(link).collect::<Vec<_>>());
    assert_eq!(snapshot.rows(1, 1).await.unwrap()[0].row.action, scene_first());
    assert_eq!(snapshot.seals(Mark::Checkpoint, 0, i64::MAX).await.unwrap(), [seal(end)]);
    assert!(snapshot.keys().await.unwrap().is_empty());
    let mut later = Snapshot::open(&scene.database.target()).await.unwrap();
    assert_eq!(later.head().await.unwrap().unwrap().seal.link, after);
    assert_eq!(later.unsealed().await.unwrap(), 1);
}

/// The first thing that a scene does.
fn scene_first() -> &'static str {
    "fleet"
}

async fn deeds_are_found_by_what_is_known_of_them(scene: Scene) {
    let count = async |filter: AuditFilter| {
        scene.store.audit(&AuditFilter { limit: 100, ..filter }).await.unwrap().len()
    };
    let any = AuditFilter::default;
    let all = count(any()).await;
    let now = scene.store.now();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(count(AuditFilter { action: text("user"), ..any() }).await, 1);
    assert_eq!(count(AuditFilter { actor: text("erika"), ..any() }).await, all);
    assert_eq!(count(AuditFilter { actor: text("nobody"), ..any() }).await, 0);
    assert_eq!(count(AuditFilter { object: text("fleet/north"), ..any() }).await, all);
    assert_eq!(count(AuditFilter { object: text("fleet/south"), ..any() }).await, 0);
    assert_eq!(count(AuditFilter { until: Some(now), ..any() }).await, all);
    assert_eq!(count(AuditFilter { from: Some(now + LEASE), ..any() }).await, 0);
    let pages = pages(&scene).await;
    let second = pages.iter().map(|page| page.recorded_at).nth(1).unwrap();
    let since = pages.iter().filter(|page| page.recorded_at >= second).count();
    assert_eq!(count(AuditFilter { from: Some(second), ..any() }).await, since);
}

async fn the_keys_of_the_chain_are_not_those_of_tokens(scene: Scene) {
    let key = SigningKey {
        kid: "audit".to_owned(),
        private_key: vec![1],
        public_key: vec![2],
        created_at: scene.store.now(),
        retired_at: None,
    };
    scene.store.first_signing_key(Ring::Audit, key).await.unwrap();
    assert_eq!(scene.store.signing_keys(Ring::Audit).await.unwrap()[0].kid, "audit");
    assert!(scene.store.signing_keys(Ring::Tokens).await.unwrap().is_empty());
}
