//! Writes of many share a transaction, and none pays for another; a database that is away is said to
//! be away, and missed no longer than it is.

use crate::database::{Database, postgres};
use crate::scene::{Scene, add_vehicle, deed, described};
use fleetwire_store::{Accepted, Draft, Filter, NewVehicle, Store, StoreError};
use futures_util::future::join_all;
use model::command::{Command, Risk};
use model::id::{FleetId, VehicleId};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use testkit::Postgres;

/// The longest until a database that is away is said to be away.
const TOLD_WITHIN: Duration = Duration::from_secs(5);
/// The longest until a database that came back is used again.
const BACK_WITHIN: Duration = Duration::from_secs(2);

async fn all(store: &Store) -> Vec<Command> {
    let filter = Filter { limit: 1000, ..Filter::default() };
    store.commands(&filter).await.unwrap()
}

async fn many_accepts_share_transactions(scene: Scene) {
    let submissions: Vec<_> = (0..300).map(|_| scene.accepts(scene.draft(Risk::R0))).collect();
    let mut ids = join_all(submissions).await;
    let stored = all(&scene.store).await;
    // Everything in a transaction has the time of the transaction.
    let transactions: BTreeSet<_> =
        stored.iter().map(|command| command.order.submitted_at).collect();
    assert!(transactions.len() <= 10, "{} transactions", transactions.len());
    ids.sort_unstable_by(|one, other| other.cmp(one));
    assert!(stored.iter().map(|command| command.order.command_id).eq(ids));
}

#[tokio::test]
async fn many_accepts_share_transactions_of_sqlite() {
    many_accepts_share_transactions(Scene::on(Database::sqlite()).await).await;
}

#[tokio::test]
async fn many_accepts_share_transactions_of_postgres() {
    many_accepts_share_transactions(Scene::on(Database::postgres()).await).await;
}

async fn a_write_that_fails_harms_no_neighbour(scene: Scene) {
    let drafts = (0..60).map(|number| match number % 10 {
        7 => Draft { vehicle_id: VehicleId::new(), ..scene.draft(Risk::R0) },
        _ => scene.draft(Risk::R0),
    });
    let submissions = drafts.map(|draft| scene.store.accept(draft, None, deed("submit")));
    let outcomes = join_all(submissions).await;
    for (number, outcome) in outcomes.iter().enumerate() {
        let is_right = match outcome {
            Ok(accepted) => number % 10 != 7 && matches!(accepted, Accepted::New(..)),
            Err(error) => number % 10 == 7 && matches!(error, StoreError::Failed(_)),
        };
        assert!(is_right, "{number}: {outcome:?}");
    }
    assert_eq!(all(&scene.store).await.len(), 54);
    let deeds = scene.deeds().await;
    assert_eq!(deeds.iter().filter(|deed| *deed == "submit").count(), 54);
}

#[tokio::test]
async fn a_write_that_fails_harms_no_neighbour_on_sqlite() {
    a_write_that_fails_harms_no_neighbour(Scene::on(Database::sqlite()).await).await;
}

#[tokio::test]
async fn a_write_that_fails_harms_no_neighbour_on_postgres() {
    a_write_that_fails_harms_no_neighbour(Scene::on(Database::postgres()).await).await;
}

async fn closing_commits_what_waits(scene: Scene) {
    let Scene { store, database, .. } = &scene;
    let submissions = (0..300).map(|_| store.accept(scene.draft(Risk::R0), None, deed("submit")));
    let (outcomes, ()) = tokio::join!(join_all(submissions), store.clone().close());
    assert!(outcomes.iter().all(Result::is_ok));
    let late = store.accept(scene.draft(Risk::R0), None, deed("submit")).await;
    assert!(matches!(late, Err(StoreError::Busy)));
    let again = database.open().await;
    assert_eq!(all(&again).await.len(), 300);
    again.close().await;
}

#[tokio::test]
async fn closing_commits_what_waits_for_sqlite() {
    closing_commits_what_waits(Scene::on(Database::sqlite()).await).await;
}

#[tokio::test]
async fn closing_commits_what_waits_for_postgres() {
    closing_commits_what_waits(Scene::on(Database::postgres()).await).await;
}

/// A scene on PostgreSQL, and a fault of its server.
async fn survives(fault: fn(&mut Postgres), mend: fn(&mut Postgres)) {
    let mut scene = Scene::on(Database::postgres()).await;
    let before = scene.accepts(scene.draft(Risk::R0)).await;
    fault(scene.database.server());
    let away = Instant::now();
    let (write, read) = tokio::join!(
        scene.store.accept(scene.draft(Risk::R0), None, deed("submit")),
        scene.store.command(before)
    );
    assert!(away.elapsed() < TOLD_WITHIN, "told after {:?}", away.elapsed());
    assert!(matches!(write, Err(StoreError::Unavailable(_))), "{write:?}");
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    mend(scene.database.server());
    let back = Instant::now();
    while scene.store.check(scene.node).await.is_err() || scene.store.command(before).await.is_err()
    {
        assert!(back.elapsed() < BACK_WITHIN, "still away");
    }
    assert!(back.elapsed() < BACK_WITHIN, "back after {:?}", back.elapsed());
    scene.accepts(scene.draft(Risk::R0)).await;
    assert_eq!(scene.command(before).await.order.command_id, before);
}

#[tokio::test]
async fn a_stopped_postgres_is_unavailable_and_used_again_when_it_is_back() {
    survives(Postgres::stop, Postgres::restart).await;
}

#[tokio::test]
async fn a_killed_postgres_is_unavailable_and_used_again_when_it_is_back() {
    survives(Postgres::kill, Postgres::restart).await;
}

#[tokio::test]
async fn a_frozen_postgres_is_unavailable_and_used_again_when_it_is_back() {
    survives(Postgres::pause, Postgres::resume).await;
}

#[tokio::test]
async fn a_vehicle_of_an_unknown_fleet_is_refused() {
    let scene = Scene::on(Database::sqlite()).await;
    let new =
        NewVehicle { vin: "WVWZZZ1JZXW000002".parse().unwrap(), change: described(FleetId::new()) };
    let refused = scene.store.add_vehicle(new, deed("vehicle")).await;
    assert!(matches!(refused, Err(StoreError::Failed(_))));
    assert!(add_vehicle(&scene.store, scene.fleet, "WVWZZZ1JZXW000002").await.is_some());
}

/// A standby after a failover: it answers, and takes nothing.
#[tokio::test]
async fn a_postgres_that_takes_no_writes_is_unavailable_and_used_again_when_it_does() {
    let scene = Scene::on(Database::postgres()).await;
    let Database::Postgres(server) = &scene.database else { panic!("this is about PostgreSQL") };
    let alter = async |set: &'static str| {
        let mut conn = postgres(server).await;
        for sql in ["set default_transaction_read_only = off", set] {
            sqlx::query(sql).execute(&mut conn).await.unwrap();
        }
        server.terminate_backends();
    };
    alter("alter database postgres set default_transaction_read_only = on").await;
    let asked = Instant::now();
    while !matches!(scene.store.check(scene.node).await, Err(StoreError::Unavailable(_))) {
        assert!(asked.elapsed() < BACK_WITHIN, "it counts as ready");
    }
    let write = scene.store.accept(scene.draft(Risk::R0), None, deed("submit")).await;
    assert!(matches!(write, Err(StoreError::Unavailable(_))), "{write:?}");
    alter("alter database postgres reset default_transaction_read_only").await;
    let back = Instant::now();
    while scene.store.check(scene.node).await.is_err() {
        assert!(back.elapsed() < BACK_WITHIN, "still away");
    }
    scene.accepts(scene.draft(Risk::R0)).await;
}

#[tokio::test]
async fn what_cannot_be_audited_does_not_happen() {
    for database in [Database::sqlite(), Database::postgres()] {
        let scene = Scene::on(database).await;
        let add = async || {
            let vin = "1M8GDM9AXKP042788".parse().unwrap();
            let new = NewVehicle { vin, change: described(scene.fleet) };
            scene.store.add_vehicle(new, deed("vehicle")).await
        };
        scene.database.alter("alter table audit rename to away").await;
        add().await.unwrap_err();
        scene.database.alter("alter table away rename to audit").await;
        assert!(add().await.unwrap().is_some(), "nothing of it is left");
    }
}
