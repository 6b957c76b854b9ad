//! Old and new nodes on one database: what a newer version adds to the tables harms no older one,
//! neither before nor while it is added.

use crate::database::{Database, postgres, sqlite};
use crate::migrate::{columns, migrations};
use crate::scene::{LEASE, Scene, part};
use crate::tour::tour;
use fleetwire_store::testing::all_statements;
use fleetwire_store::{OpenError, Reach, Store};
use model::command::Risk;
use model::vehicle::Connector;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection, Either, Executor, PgConnection, SqlSafeStr, Statement as _};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The longest until something that has to happen is seen.
const SOON: Duration = Duration::from_secs(10);
/// The longest that a write waits for a table.
const LOCK_LIMIT: Duration = Duration::from_secs(2);

/// How many columns one migration adds: who adds all at once holds up everybody for long.
const AT_ONCE: usize = 48;
/// The number of the first migration of the next version.
const FUTURE: i64 = 100;

/// What a newer version might do: every table gets every column that any other has, and one more.
/// A name that a statement does not say the table of would then be of two.
async fn future(database: &Database) -> Vec<String> {
    let present = columns(database).await;
    let tables: BTreeSet<_> = present.iter().map(|(table, ..)| table.clone()).collect();
    let names: BTreeSet<_> = present.iter().map(|(_, name, _)| name.as_str()).collect();
    let added = |table: &String| {
        let has = |name: &str| present.iter().any(|(of, own, _)| of == table && own == name);
        let new = names.iter().copied().chain(["future"]).filter(|name| !has(name));
        let add = |name| format!("alter table {table} add column \"{name}\" text default 'new'");
        let added: Vec<_> = new.map(add).collect();
        added.chunks(AT_ONCE).map(|some| some.join(";")).collect::<Vec<_>>()
    };
    tables.iter().flat_map(added).collect()
}

/// Brings the database to the future as a newer node does.
async fn advance(database: &Database) {
    for table in future(database).await {
        database.alter(table).await;
    }
    let row = "insert into _sqlx_migrations
        (version, description, success, checksum, execution_time)
        values (9999, 'future', true, ";
    let checksum = match database {
        Database::Sqlite(_) => "x'00', 0)",
        Database::Postgres(_) => "'\\x00', 0)",
    };
    database.alter(format!("{row}{checksum}")).await;
}

async fn an_older_node_goes_on(database: Database) {
    let mut scene = Scene::on(database).await;
    tour(&scene, 1).await;
    advance(&scene.database).await;
    tour(&scene, 2).await;
    let restarted = scene.database.open().await;
    std::mem::replace(&mut scene.store, restarted).close().await;
    tour(&scene, 3).await;
    scene.store.close().await;
}

#[tokio::test]
async fn an_older_node_goes_on_with_a_newer_sqlite() {
    an_older_node_goes_on(Database::sqlite()).await;
}

#[tokio::test]
async fn an_older_node_goes_on_with_a_newer_postgres() {
    an_older_node_goes_on(Database::postgres()).await;
}

/// Runs a statement, as it was prepared before, with nothing but nulls. `None`: it ran, or the nulls
/// were refused, which is late enough.
async fn complaint(conn: &mut PgConnection, sql: &'static str, binds: usize) -> Option<String> {
    let mut tx = conn.begin().await.unwrap();
    let query = (0..binds).fold(sqlx::query(sql), |query, _| query.bind(None::<i32>));
    let error = query.fetch_all(&mut *tx).await.err()?;
    tx.rollback().await.unwrap();
    let code = error.as_database_error().unwrap().code().unwrap().into_owned();
    (!code.starts_with("23")).then(|| error.to_string())
}

#[tokio::test]
async fn every_statement_that_was_prepared_before_runs_in_the_future() {
    let mut database = Database::postgres();
    database.open().await.close().await;
    let mut conn = postgres(database.server()).await;
    let mut prepared = Vec::new();
    for (name, _, sql) in all_statements() {
        let statement = (&mut conn).prepare(sql.into_sql_str()).await.unwrap();
        let binds = match statement.parameters() {
            Some(Either::Left(types)) => types.len(),
            Some(Either::Right(_)) | None => panic!("PostgreSQL knows the types"),
        };
        // PostgreSQL keeps a plan, and so its result's columns, once it has run.
        assert_eq!(complaint(&mut conn, sql, binds).await, None, "{name}");
        prepared.push((name, sql, binds));
    }
    advance(&database).await;
    for (name, sql, binds) in prepared {
        assert_eq!(complaint(&mut conn, sql, binds).await, None, "{name}");
    }
}

/// The migrations of this version and some for each table of the next.
async fn next_version(database: &Database) -> Migrator {
    let engine = match database {
        Database::Sqlite(_) => "sqlite",
        Database::Postgres(_) => "postgres",
    };
    let present: Vec<Migration> = migrations(engine).await.iter().cloned().collect();
    let tables = future(database).await.into_iter().zip(FUTURE..).map(|(sql, version)| {
        let sql = AssertSqlSafe(sql).into_sql_str();
        Migration::new(version, "future".into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(present.into_iter().chain(tables).collect())
}

/// Lets commands come and end until it is told to stop. Answers the longest time that one took.
async fn work(scene: &Scene, is_over: &Cell<bool>, rounds: &Cell<u32>) -> Duration {
    let mut longest = Duration::ZERO;
    while !is_over.get() {
        rounds.set(rounds.get() + 1);
        let start = Instant::now();
        scene.accepts(scene.draft(Risk::R0)).await;
        for claimed in scene.store.claim(scene.node, LEASE, Reach::All, 4).await.unwrap().started {
            scene.hears(&claimed.command, vec![part(1, true)]).await;
        }
        longest = longest.max(start.elapsed());
    }
    longest
}

/// Migrates step by step, each beside work that has begun after the one before: SQLite lets nobody in
/// between two that follow at once.
async fn migrate(scene: &Scene, rounds: &Cell<u32>) -> Result<(), MigrateError> {
    let next = next_version(&scene.database).await;
    for step in next.iter().map(|migration| migration.version).filter(|step| *step >= FUTURE) {
        match &scene.database {
            Database::Sqlite(place) => next.run_to(step, &mut sqlite(place).await).await?,
            Database::Postgres(server) => next.run_to(step, &mut postgres(server).await).await?,
        }
        let before = rounds.get();
        while rounds.get() < before + 2 {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

async fn nothing_fails_while_tables_change(scene: Scene) {
    let (is_over, rounds) = (Cell::new(false), Cell::new(0));
    let migrate = async {
        let migrated = migrate(&scene, &rounds).await;
        is_over.set(true);
        migrated
    };
    let (longest, migrated) = tokio::join!(work(&scene, &is_over, &rounds), migrate);
    migrated.unwrap();
    assert!(longest < LOCK_LIMIT, "{longest:?}");
    assert_eq!(scene.database.numbers("select count(future) - count(*) from events").await, [0]);
    scene.store.close().await;
}

#[tokio::test]
async fn nothing_fails_while_tables_of_sqlite_change() {
    nothing_fails_while_tables_change(Scene::on(Database::sqlite()).await).await;
}

#[tokio::test]
async fn nothing_fails_while_tables_of_postgres_change() {
    nothing_fails_while_tables_change(Scene::on(Database::postgres()).await).await;
}

/// A PostgreSQL with the tables of the first version.
async fn first_version() -> Database {
    let mut database = Database::postgres();
    let mut conn = postgres(database.server()).await;
    migrations("postgres").await.run_to(1, &mut conn).await.unwrap();
    database
}

/// Until a migration waits for the vehicles.
async fn waited_for(conn: &mut PgConnection) {
    let sql = "select count(*) from pg_locks where relation = 'vehicles'::regclass and not granted";
    let start = Instant::now();
    while sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut *conn).await.unwrap() == 0 {
        assert!(start.elapsed() < SOON, "nobody waits");
    }
}

/// Whoever asks for a table stands behind a migration that waits for it.
#[tokio::test]
async fn a_migration_that_has_to_wait_lets_others_pass() {
    let mut database = first_version().await;
    let mut reader = postgres(database.server()).await;
    let mut other = postgres(database.server()).await;
    let target = database.target();
    let mut long = reader.begin().await.unwrap();
    long.execute("select count(*) from vehicles").await.unwrap();
    let others = async {
        waited_for(&mut other).await;
        let start = Instant::now();
        other.execute("update vehicles set model = 'Golf'").await.unwrap();
        assert!(start.elapsed() < LOCK_LIMIT, "{:?}", start.elapsed());
        long.commit().await.unwrap();
    };
    let (opened, ()) = tokio::join!(Store::open(&target), others);
    let opened: Result<Store, OpenError> = opened;
    opened.unwrap().close().await;
}

#[tokio::test]
async fn a_vehicle_of_the_first_version_speaks_sovd() {
    let database = first_version().await;
    let sql = "insert into fleets values ('01890a5d-ac96-774b-bcce-b302099a8057', 'north');
        insert into vehicles values ('01890a5d-ac96-774b-bcce-b302099a8057', 'WVWZZZ1JZXW000001',
            '01890a5d-ac96-774b-bcce-b302099a8057', 'VW', 'Golf', null, 'http://127.0.0.1:9/v1', '{}',
            'disconnected', null, 1, null)";
    database.alter(sql).await;
    let store = database.open().await;
    let [vehicle] = &store.all_vehicles().await.unwrap()[..] else { panic!("there is one") };
    let url = "http://127.0.0.1:9/v1".to_owned();
    assert_eq!(vehicle.connector, Connector::sovd(url));
    store.close().await;
}
