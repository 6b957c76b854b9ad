//! The sealer by hand, turn by turn.
//!
//! Refuses to wait for its clock: a test takes the turns.

use super::key::{PublicKeys, Signer};
use super::sealer::{Habits, Sealer};
use super::verify::{Verdict, verify};
use crate::auth::MasterKey;
use futures_util::future::join_all;
use model::id::NodeId;
use std::time::Duration;
use store::{AuditFilter, AuditPage, Link, Mark, Snapshot, Store, Target};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const DAY: Duration = Duration::from_hours(24);
const HABITS: Habits = Habits { checkpoint_rows: 3, checkpoint_every: DAY, keep: None };

struct Bench {
    store: Store,
    target: Target,
    keys: PublicKeys,
    _dir: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let target = Target::Sqlite(dir.path().join("audit.db"));
        let store = Store::open(&target).await.unwrap();
        let keys = signer(&store).await.public();
        Self { store, target, keys, _dir: dir }
    }

    async fn sealer(&self, habits: Habits) -> Sealer {
        Sealer::new(self.store.clone(), signer(&self.store).await, NodeId::new(), habits)
    }

    async fn records(&self, count: usize) {
        let record = |_| self.store.record_audit(super::sealer::deed("sensitive_read"));
        join_all((0..count).map(record)).await.into_iter().for_each(Result::unwrap);
    }

    async fn verdict(&self) -> Verdict {
        let mut snapshot = Snapshot::open(&self.target).await.unwrap();
        verify(&mut snapshot, &self.keys, &CancellationToken::new()).await.unwrap()
    }

    async fn newest(&self) -> AuditPage {
        let filter = AuditFilter { limit: 1, ..AuditFilter::default() };
        self.store.audit(&filter).await.unwrap().remove(0)
    }
}

async fn signer(store: &Store) -> Signer {
    Signer::open(store, &MasterKey::from([1; 32])).await.unwrap()
}

#[tokio::test]
async fn checkpoints_come_with_the_first_row_and_then_with_every_so_many() {
    let bench = Bench::new().await;
    let mut sealer = bench.sealer(HABITS).await;
    sealer.turn().await.unwrap();
    assert_eq!(bench.store.audit_head().await.unwrap(), None, "there is nothing to seal");
    let mut places = Vec::new();
    for _ in 0..8 {
        bench.records(1).await;
        sealer.turn().await.unwrap();
        places
            .push(bench.store.newest_seal(Mark::Checkpoint).await.unwrap().unwrap().link.position);
    }
    assert_eq!(places, [1, 1, 1, 4, 4, 4, 7, 7]);
    let verdict = bench.verdict().await;
    assert_eq!((verdict.finding, verdict.rows, verdict.checkpoints), (None, 8, 3));
}

#[tokio::test]
async fn a_checkpoint_comes_in_time_without_new_rows() {
    let bench = Bench::new().await;
    let mut patient = bench.sealer(HABITS).await;
    bench.records(1).await;
    patient.turn().await.unwrap();
    bench.records(1).await;
    patient.turn().await.unwrap();
    patient.habits.checkpoint_every = Duration::ZERO;
    patient.turn().await.unwrap();
    patient.turn().await.unwrap();
    let verdict = bench.verdict().await;
    assert_eq!((verdict.finding, verdict.rows, verdict.checkpoints), (None, 2, 2));
}

#[tokio::test]
async fn many_rows_are_sealed_in_one_turn() {
    let bench = Bench::new().await;
    bench.records(2100).await;
    let mut sealer = bench.sealer(Habits { checkpoint_rows: 1500, ..HABITS }).await;
    sealer.turn().await.unwrap();
    let verdict = bench.verdict().await;
    assert_eq!((verdict.rows, verdict.unsealed, verdict.checkpoints), (2100, Some(0), 2));
}

#[tokio::test]
async fn what_is_too_old_goes_and_the_rest_verifies() {
    let bench = Bench::new().await;
    let mut sealer = bench.sealer(HABITS).await;
    for _ in 0..8 {
        bench.records(1).await;
        sealer.turn().await.unwrap();
    }
    sealer.habits.keep = Some(Duration::ZERO);
    sealer.turn().await.unwrap();
    let verdict = bench.verdict().await;
    // The eighth row has no checkpoint yet, so nothing may begin after it.
    assert_eq!((verdict.finding, verdict.first, verdict.rows), (None, 8, 1));
    assert_eq!(verdict.unsealed, Some(3), "every removal is a deed");
    assert_eq!(bench.newest().await.action, "sensitive_delete");
    sealer.turn().await.unwrap();
    assert_eq!(bench.verdict().await.rows, 4);
    let anchors = Snapshot::open(&bench.target).await.unwrap();
    let anchors = { anchors }.seals(Mark::Anchor, 0, i64::MAX).await.unwrap();
    assert_eq!(anchors.len(), 1, "the older ones are gone");
}

#[tokio::test]
async fn a_chain_that_became_shorter_is_told() {
    let bench = Bench::new().await;
    let mut sealer = bench.sealer(HABITS).await;
    bench.records(2).await;
    sealer.turn().await.unwrap();
    sealer.seen = Some(Link { position: 9, row_hash: vec![9; 32] });
    sealer.turn().await.unwrap();
    let told = bench.newest().await;
    assert_eq!((told.action.as_str(), told.position), ("audit_gap", Some(3)));
    assert_eq!(told.details.unwrap()["seen"], 9);
    assert_eq!(bench.verdict().await.finding, None, "what is left is in order");
}

#[tokio::test]
async fn nobody_seals_on_top_of_what_another_key_has_signed() {
    let bench = Bench::new().await;
    let mut sealer = bench.sealer(HABITS).await;
    bench.records(1).await;
    sealer.turn().await.unwrap();
    let elsewhere = Bench::new().await;
    let foreign = signer(&elsewhere.store).await;
    let mut stranger = Sealer::new(bench.store.clone(), foreign, sealer.node, HABITS);
    bench.records(1).await;
    assert!(stranger.turn().await.is_err());
    assert_eq!(bench.newest().await.position, None);
    sealer.turn().await.unwrap();
    assert_eq!(bench.newest().await.position, Some(2));
}

#[tokio::test]
async fn only_one_of_two_seals() {
    let bench = Bench::new().await;
    let (mut one, mut other) = (bench.sealer(HABITS).await, bench.sealer(HABITS).await);
    bench.records(1).await;
    one.turn().await.unwrap();
    bench.records(1).await;
    other.turn().await.unwrap();
    assert_eq!(bench.newest().await.position, None, "it is not the other's turn");
    one.turn().await.unwrap();
    assert_eq!(bench.newest().await.position, Some(2));
}
