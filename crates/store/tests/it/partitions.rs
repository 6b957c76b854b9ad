//! The tables that grow without end, in partitions by the time of their ids, as a large installation
//! may make them.

use crate::database::{Database, postgres};
use crate::migrate::migrations;
use model::id::CommandId;
use sqlx::migrate::{Migration, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};
use std::time::Duration;

/// Each with the id that its rows are sorted by.
const ENDLESS: [(&str, &str); 3] =
    [("commands", "command_id"), ("events", "command_id"), ("audit", "audit_id")];
/// A border that a story crosses.
const SOON: Duration = Duration::from_millis(200);

/// A PostgreSQL whose endless tables are partitioned.
pub(crate) async fn partitioned() -> Database {
    let mut database = Database::postgres();
    let text_of = |migration: &Migration| partition(migration.sql.as_str());
    let migrations = migrations("postgres").await;
    let partitioned = migrations.iter().map(|migration| Migration {
        // The checksum stays: the store takes the migration for its own.
        sql: AssertSqlSafe(text_of(migration)).into_sql_str(),
        ..migration.clone()
    });
    let migrator = Migrator::with_migrations(partitioned.collect());
    migrator.run(&mut postgres(database.server()).await).await.unwrap();
    database
}

#[expect(clippy::disallowed_methods, reason = "a border between ids of this moment")]
fn partition(migration: &str) -> String {
    let now = model::Timestamp::now();
    let soon = CommandId::at(now + SOON);
    ENDLESS.iter().fold(migration.to_owned(), |text, (table, key)| {
        let start = format!("create table {table} (");
        let Some((before, rest)) = text.split_once(&start) else { return text };
        let (columns, after) = rest.split_once("\n);").unwrap();
        format!(
            "{before}{start}{columns}) partition by range ({key});
            create table {table}_early partition of {table}
                for values from (minvalue) to ('{soon}');
            create table {table}_late partition of {table}
                for values from ('{soon}') to (maxvalue);{after}"
        )
    })
}

#[tokio::test]
async fn the_endless_tables_have_partitions() {
    let database = partitioned().await;
    let sql = "select count(*) from pg_partitioned_table";
    assert_eq!(database.numbers(sql).await, [3]);
}
