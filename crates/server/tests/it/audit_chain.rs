//! The audit log is sealed within a second, by one server at a time.

use crate::on_both;
use fleetwire_server::audit::key::PublicKeys;
use fleetwire_server::audit::verify::{Verdict, verify};
use fleetwire_server::auth::MasterKey;
use serde_json::Value;
use std::time::{Duration, Instant};
use store::{AuditFilter, Ring, Snapshot};
use testkit::{Backend, Platform, audit, eventually};
use tokio_util::sync::CancellationToken;

on_both! {
    a_deed_is_sealed_within_a_second
}

const SEALED: Duration = Duration::from_secs(1);
/// A lease, a look and a commit.
const TAKEN_OVER: Duration = Duration::from_secs(6);

/// Records something, and waits until it has its place.
async fn seals(p: &Platform) -> Duration {
    p.store().record_audit(audit("sensitive_read")).await.unwrap();
    let newest = AuditFilter { limit: 1, ..AuditFilter::default() };
    let recorded = Instant::now();
    eventually("the seal", async || p.store().audit(&newest).await.unwrap()[0].position.is_some())
        .await;
    recorded.elapsed()
}

async fn verdict(p: &Platform) -> Verdict {
    let master = MasterKey::load(&p.data_dir().join("master.key")).unwrap();
    let keys = p.store().signing_keys(Ring::Audit).await.unwrap();
    assert_eq!(keys.len(), 1);
    let keys = PublicKeys::of_store(&keys, &master).unwrap();
    let mut snapshot = Snapshot::open(&p.target()).await.unwrap();
    verify(&mut snapshot, &keys, &CancellationToken::new()).await.unwrap()
}

async fn a_deed_is_sealed_within_a_second(backend: Backend) {
    let p = Platform::start_on(backend).await;
    for _ in 0..3 {
        let took = seals(&p).await;
        assert!(took <= SEALED, "{took:?}");
    }
    let verdict = verdict(&p).await;
    assert_eq!(verdict.finding, None);
    assert!(verdict.rows > 3 && verdict.checkpoints > 0, "{verdict:?}");
    assert!(!p.log().lines_with("audit checkpoint").is_empty());
}

/// Three servers record as fast as they can, and one of them goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_one_of_several_servers_seals_and_another_goes_on_when_it_is_gone() {
    let p = Platform::start_on(Backend::Postgres).await;
    let (second, third) = (p.another().await, p.another().await);
    let admin = p.admin().await;
    for node in [second, third] {
        for round in 0..20 {
            let name = format!("fleet {round} of {}", node.url());
            let there = admin.at(node.url());
            let added = there.post("/api/v1/fleets", serde_json::json!({ "name": name })).await;
            assert_eq!(added.status, 201, "{}", added.json);
        }
        seals(&p).await;
        node.stop().await;
    }
    let begun = Instant::now();
    seals(&p).await;
    assert!(begun.elapsed() <= TAKEN_OVER, "{:?}", begun.elapsed());
    let verdict = verdict(&p).await;
    assert_eq!((&verdict.finding, verdict.unsealed), (&None, Some(0)));
    assert!(verdict.rows > 40, "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_is_verified_over_http_by_those_who_may_read_it() {
    let p = Platform::start().await;
    let admin = p.admin().await;
    seals(&p).await;
    let reply = admin.get("/api/v1/audit/verify").await;
    assert_eq!(reply.status, 200, "{}", reply.json);
    assert_eq!(
        (&reply.json["verified"], &reply.json["finding"]),
        (&Value::Bool(true), &Value::Null)
    );
    assert!(reply.json["rows"].as_u64().unwrap() > 3);
    let auditor = p.user("auditor", model::user::Role::Auditor, &[]).await;
    assert_eq!(auditor.get("/api/v1/audit/verify").await.status, 200);
    let engineer = p.engineer().await;
    assert_eq!(engineer.get("/api/v1/audit/verify").await.status, 403);
    assert_eq!(p.nobody().get("/api/v1/audit/verify").await.status, 401);
    let verified = admin.get("/api/v1/audit?event=audit_verified").await.json;
    assert_eq!(verified["entries"].as_array().unwrap().len(), 2, "{verified}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deeds_are_searched_by_actor_event_object_and_time() {
    let p = Platform::start().await;
    let admin = p.admin().await;
    let added = admin.post("/api/v1/fleets", serde_json::json!({ "name": "found" })).await;
    assert_eq!(added.status, 201, "{}", added.json);
    let object = "fleet/found";
    let count = async |query: &str| {
        let page = admin.get(&format!("/api/v1/audit?limit=100&{query}")).await.json;
        page["entries"].as_array().unwrap_or_else(|| panic!("{query}: {page}")).len()
    };
    assert_eq!(count(&format!("object={object}")).await, 1);
    assert_eq!(count(&format!("object={object}&event=fleet_created&actor=admin")).await, 1);
    assert_eq!(count(&format!("object={object}&event=fleet_renamed")).await, 0);
    assert_eq!(count("actor=nobody").await, 0);
    assert_eq!(count("start_date=2999-01-01T00:00:00Z").await, 0);
    assert_eq!(count("end_date=2999-01-01T00:00:00Z").await, count("").await);
    assert_eq!(count("end_date=2020-01-01T00:00:00Z").await, 0);
    let wrong = admin.get("/api/v1/audit?start_date=yesterday").await;
    assert_eq!(wrong.status, 422, "{}", wrong.json);
}
