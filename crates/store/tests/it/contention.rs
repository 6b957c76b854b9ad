//! Two nodes on one PostgreSQL: they share the work without getting into each other's way, and one
//! that hangs in the middle of a transaction holds up only what it holds.

use crate::database::{Database, postgres};
use crate::scene::{LEASE, Scene, add_vehicle, deed, part};
use fleetwire_store::{Applied, Claimed, Draft, Filter, Reach, Store, StoreError};
use futures_util::future::{join, join_all};
use model::command::{Command, Input, Phase, Risk};
use model::id::{CommandId, NodeId, VehicleId};
use sqlx::{Connection, Executor, PgConnection, Postgres, Transaction};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The longest until something that has to happen is seen.
const SOON: Duration = Duration::from_secs(10);
/// How many commands each node accepts.
const ORDERS: usize = 200;
const VEHICLES: u32 = 10;

/// What is on its way to the vehicles, as the nodes know it.
#[derive(Default)]
struct Road {
    under_way: RefCell<BTreeMap<VehicleId, Vec<(CommandId, Risk)>>>,
    ever: RefCell<HashSet<(CommandId, i64)>>,
}

impl Road {
    fn enter(&self, command: &Command) {
        let order = &command.order;
        assert!(self.ever.borrow_mut().insert((order.command_id, command.fence)), "claimed twice");
        let mut under_way = self.under_way.borrow_mut();
        let here = under_way.entry(order.vehicle_id).or_default();
        here.push((order.command_id, order.risk));
        let is_alone = here.len() == 1;
        let are_reads = here.len() <= 4 && here.iter().all(|(_, risk)| risk.is_repeatable());
        assert!(is_alone || are_reads, "{here:?}");
    }

    /// Before the store is told: from then on another node may send something.
    fn leave(&self, command: &Command) {
        let mut under_way = self.under_way.borrow_mut();
        let here = under_way.entry(command.order.vehicle_id).or_default();
        here.retain(|(id, _)| *id != command.order.command_id);
    }
}

/// A node of the test: a store of its own, and what all of them share.
struct Node<'a> {
    id: NodeId,
    store: &'a Store,
    scene: &'a Scene,
    vehicles: &'a [VehicleId],
    road: &'a Road,
    accepted: &'a RefCell<Vec<CommandId>>,
    is_over: &'a Cell<bool>,
}

impl Node<'_> {
    async fn run(&self) {
        let orders = async {
            for number in 0..ORDERS / 8 {
                let drafts = (0..8).map(|of_eight| self.draft(number * 8 + of_eight));
                let accepted = drafts.map(|draft| self.store.accept(draft, None, deed("submit")));
                for accepted in join_all(accepted).await {
                    assert!(accepted.is_ok(), "{accepted:?}");
                }
                self.cancel_some(number).await;
            }
        };
        futures_util::join!(orders, self.drive(), self.sweep());
    }

    fn draft(&self, number: usize) -> Draft {
        let deliver_within =
            if number.is_multiple_of(17) { Duration::ZERO } else { Duration::from_mins(1) };
        let risk = if number.is_multiple_of(3) { Risk::R2 } else { Risk::R0 };
        let vehicle_id = self.vehicles[number * 7 % self.vehicles.len()];
        let draft = Draft { vehicle_id, deliver_within, ..self.scene.draft(risk) };
        self.accepted.borrow_mut().push(draft.command_id);
        draft
    }

    /// Of both nodes' commands, and all at once: each node in another order.
    async fn cancel_some(&self, number: usize) {
        let mut ids = self.accepted.borrow().clone();
        ids.retain(|id| Uuid::from(*id).as_u128() % 7 == number as u128 % 7);
        if self.id > self.scene.node {
            ids.reverse();
        }
        let cancel = || vec![Input::Cancel { by: "erika".to_owned() }];
        let cancelled = ids.into_iter().map(|id| self.store.apply(id, None, cancel(), None));
        for applied in join_all(cancelled).await {
            applied.unwrap();
        }
    }

    async fn drive(&self) {
        let mut round = 0;
        while !self.is_over.get() {
            round += 1;
            let reach = match round % 3 {
                0 => Reach::All,
                _ => Reach::Vehicles(self.vehicles.iter().rev().copied().collect()),
            };
            let claimed = self.store.claim(self.id, LEASE, reach, 100).await.unwrap().started;
            for claimed in &claimed {
                self.road.enter(&claimed.command);
            }
            join_all(claimed.into_iter().map(|claimed| self.finish(claimed))).await;
        }
    }

    async fn finish(&self, Claimed { command, .. }: Claimed) {
        let (id, fence) = (command.order.command_id, Some(command.fence));
        let first = self.store.apply(id, fence, vec![part(1, false)], None).await.unwrap().unwrap();
        assert_eq!(first.refused, None);
        self.road.leave(&command);
        let last: Applied =
            self.store.apply(id, fence, vec![part(2, true)], None).await.unwrap().unwrap();
        assert_eq!(last.command.phase(), Phase::Completed);
    }

    async fn sweep(&self) {
        while !self.is_over.get() {
            self.store.due().await.unwrap();
            self.store.renew(self.id, LEASE).await.unwrap();
            assert!(self.store.take_over(None).await.unwrap().is_empty());
            let all = Filter { limit: 1000, ..Filter::default() };
            let all = self.store.commands(&all).await.unwrap();
            let are_ended = all.iter().all(|command| command.phase().is_terminal());
            self.is_over.set(self.is_over.get() || are_ended && all.len() == 2 * ORDERS);
        }
    }
}

#[tokio::test]
async fn two_nodes_share_the_vehicles() {
    let scene = Scene::on(Database::postgres()).await;
    let other = scene.database.open().await;
    let mut vehicles = vec![scene.vehicle];
    for number in 1..VEHICLES {
        let vin = format!("WVWZZZ1JZXW0010{number:02}");
        vehicles.push(add_vehicle(&scene.store, scene.fleet, &vin).await.unwrap());
        scene.connects(vehicles[vehicles.len() - 1]).await;
    }
    let (road, accepted, is_over) = (Road::default(), RefCell::default(), Cell::new(false));
    let node = |id, store| Node {
        id,
        store,
        scene: &scene,
        vehicles: &vehicles,
        road: &road,
        accepted: &accepted,
        is_over: &is_over,
    };
    let nodes = [node(scene.node, &scene.store), node(NodeId::new(), &other)];
    join(nodes[0].run(), nodes[1].run()).await;
    assert_eq!(accepted.borrow().len(), 2 * ORDERS);
    for id in accepted.into_inner() {
        let (command, log) = (scene.command(id).await, scene.log(id).await);
        assert!(log.iter().map(|event| event.offset).eq(1..=command.last_offset));
    }
    let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
    assert_eq!(scene.database.numbers(deadlocks).await, [0]);
    other.close().await;
}

/// Another node's transaction in which these commands are held.
async fn hold<'a>(conn: &'a mut PgConnection, ids: &[CommandId]) -> Transaction<'a, Postgres> {
    let mut tx = conn.begin().await.unwrap();
    for id in ids {
        let sql = "select 1 from commands where command_id = $1 for update";
        sqlx::query(sql).bind(Uuid::from(*id)).execute(&mut *tx).await.unwrap();
    }
    tx
}

#[tokio::test]
async fn a_command_that_another_node_holds_delays_no_other() {
    let mut scene = Scene::on(Database::postgres()).await;
    let mut conn = postgres(scene.database.server()).await;
    let read = scene.runs(scene.draft(Risk::R0)).await;
    let running = scene.runs(scene.draft(Risk::R0)).await;
    let waiting = scene.accepts(scene.draft(Risk::R0)).await;
    let free = scene.accepts(scene.draft(Risk::R0)).await;
    let held = [running.order.command_id, waiting];
    let others = hold(&mut conn, &held).await;
    let start = Instant::now();
    assert_eq!(scene.claims_ids().await, [free]);
    assert_eq!(scene.store.renew(scene.node, LEASE).await.unwrap().len(), 3);
    assert!(scene.store.due().await.unwrap().is_empty());
    assert!(scene.store.take_over(None).await.unwrap().is_empty());
    scene.accepts(scene.draft(Risk::R0)).await;
    scene.hears(&read, vec![part(1, true)]).await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    let (cancelled, answered) = tokio::join!(
        scene.store.apply(waiting, None, vec![Input::Cancel { by: "max".to_owned() }], None),
        scene.store.accept(scene.draft(Risk::R2), None, deed("submit"))
    );
    assert!(matches!(cancelled, Err(StoreError::Busy)), "{cancelled:?}");
    answered.unwrap();
    others.rollback().await.unwrap();
    assert_eq!(scene.cancels(waiting).await.command.phase(), Phase::Cancelled);
}

#[tokio::test]
async fn a_vehicle_that_another_node_counts_still_takes_orders() {
    let mut scene = Scene::on(Database::postgres()).await;
    let mut conn = postgres(scene.database.server()).await;
    let mut others = conn.begin().await.unwrap();
    others.execute("select 1 from vehicles for no key update").await.unwrap();
    let id = scene.accepts(scene.draft(Risk::R0)).await;
    assert!(scene.claims().await.is_empty(), "a sweep passes it over");
    let told = Reach::Vehicles(vec![scene.vehicle]);
    let claim = scene.store.claim(scene.node, LEASE, told, 1);
    let (claimed, ()) = join(claim, async { others.commit().await.unwrap() }).await;
    assert_eq!(
        claimed.unwrap().started[0].command.order.command_id,
        id,
        "whoever was told of it waits"
    );
}

/// Until somebody waits for a lock.
async fn waited_for(conn: &mut PgConnection) {
    let sql = "select exists (select from pg_stat_activity where wait_event_type = 'Lock')";
    let start = Instant::now();
    while !sqlx::query_scalar::<_, bool>(sql).fetch_one(&mut *conn).await.unwrap() {
        assert!(start.elapsed() < SOON, "nobody waits");
    }
}

/// The other one took the vehicles in another order than nodes do.
#[tokio::test]
async fn whoever_loses_a_deadlock_tries_again() {
    let mut scene = Scene::on(Database::postgres()).await;
    let mut conn = postgres(scene.database.server()).await;
    let mut watch = postgres(scene.database.server()).await;
    let second = add_vehicle(&scene.store, scene.fleet, "WVWZZZ1JZXW000002").await.unwrap();
    let id = scene.accepts(scene.draft(Risk::R2)).await;
    conn.execute("set deadlock_timeout = '1min'").await.unwrap();
    let mut others = conn.begin().await.unwrap();
    let touch = "update vehicles set year = 2000 where vehicle_id = $1";
    sqlx::query(touch).bind(Uuid::from(second)).execute(&mut *others).await.unwrap();
    let crossing = async {
        waited_for(&mut watch).await;
        sqlx::query(touch).bind(Uuid::from(scene.vehicle)).execute(&mut *others).await.unwrap();
        others.commit().await.unwrap();
    };
    let told = Reach::Vehicles(vec![second, scene.vehicle]);
    let (claimed, ()) = join(scene.store.claim(scene.node, LEASE, told, 9), crossing).await;
    assert_eq!(claimed.unwrap().started[0].command.order.command_id, id);
}
