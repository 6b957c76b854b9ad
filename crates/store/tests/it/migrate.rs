//! The tables: made once, brought up to date as often as one likes, by migrations that older nodes
//! live through, and the same on both engines.

use crate::database::{Database, postgres, sqlite};
use model::id::NodeId;
use sqlx::migrate::Migrator;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Table, column, and whether it may be null.
pub(crate) type Column = (String, String, bool);

pub(crate) async fn columns(database: &Database) -> BTreeSet<Column> {
    let columns: Vec<Column> = match database {
        Database::Sqlite(place) => {
            let sql = "select t.name, c.name, c.\"notnull\" = 0 and c.pk = 0
                from pragma_table_list t, pragma_table_info(t.name) c
                where t.schema = 'main' and t.name not like 'sqlite_%'";
            sqlx::query_as(sql).fetch_all(&mut sqlite(place).await).await.unwrap()
        }
        Database::Postgres(server) => {
            let sql = "select cast(table_name as text), cast(column_name as text),
                    is_nullable = 'YES'
                from information_schema.columns where table_schema = 'public'";
            sqlx::query_as(sql).fetch_all(&mut postgres(server).await).await.unwrap()
        }
    };
    columns.into_iter().filter(|(table, ..)| table != "_sqlx_migrations").collect()
}

#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    let (one, other) = (Database::sqlite(), Database::postgres());
    one.open().await.close().await;
    other.open().await.close().await;
    let (one, other) = (columns(&one).await, columns(&other).await);
    assert!(one.iter().any(|(table, ..)| table == "commands"));
    assert_eq!(one.symmetric_difference(&other).collect::<Vec<_>>(), Vec::<&Column>::new());
}

async fn opens_again(database: Database) {
    let first = database.open().await;
    let second = database.open().await;
    first.close().await;
    second.check(NodeId::new()).await.unwrap();
    second.close().await;
    database.open().await.close().await;
}

#[tokio::test]
async fn opening_sqlite_twice_is_harmless() {
    opens_again(Database::sqlite()).await;
}

#[tokio::test]
async fn opening_postgres_twice_is_harmless() {
    opens_again(Database::postgres()).await;
}

/// Two nodes that start at the same time both want to make the tables.
#[tokio::test]
async fn opening_postgres_at_the_same_time_is_harmless() {
    let database = Database::postgres();
    let stores = tokio::join!(database.open(), database.open(), database.open());
    for store in [stores.0, stores.1, stores.2] {
        store.close().await;
    }
}

/// The command line is used beside the running server.
#[tokio::test]
async fn opening_sqlite_beside_a_running_server_is_harmless() {
    let database = Database::sqlite();
    let server = database.open().await;
    let stores = tokio::join!(database.open(), database.open(), database.open());
    server.check(NodeId::new()).await.unwrap();
    for store in [server, stores.0, stores.1, stores.2] {
        store.close().await;
    }
}

type Applied = (i64, String, Vec<u8>);

async fn every_file_has_run(database: Database, engine: &str) {
    database.open().await.close().await;
    let sql = "select version, description, checksum from _sqlx_migrations order by version";
    let applied: Vec<Applied> = match &database {
        Database::Sqlite(place) => {
            sqlx::query_as(sql).fetch_all(&mut sqlite(place).await).await.unwrap()
        }
        Database::Postgres(server) => {
            sqlx::query_as(sql).fetch_all(&mut postgres(server).await).await.unwrap()
        }
    };
    let migrations = migrations(engine).await;
    let files = migrations.iter().map(|it| {
        (it.version, it.description.clone().into_owned(), it.checksum.clone().into_owned())
    });
    assert_eq!(applied, files.collect::<Vec<Applied>>());
}

#[tokio::test]
async fn every_file_of_migrations_has_run_on_sqlite() {
    every_file_has_run(Database::sqlite(), "sqlite").await;
}

#[tokio::test]
async fn every_file_of_migrations_has_run_on_postgres() {
    every_file_has_run(Database::postgres(), "postgres").await;
}

/// The migrations of an engine, as they are in the source.
pub(crate) async fn migrations(engine: &str) -> Migrator {
    Migrator::new(directory(engine)).await.unwrap()
}

fn directory(engine: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine)
}

/// The statements of a migration in lower case, each on one line.
fn statements(sql: &str) -> Vec<String> {
    let code: Vec<&str> = sql.lines().filter_map(|line| line.split("--").next()).collect();
    let statements = code.join(" ").to_lowercase();
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    statements.split(';').map(plain).filter(|text| !text.is_empty()).collect()
}

/// The table that a statement expands; `None` if an older node may stumble over what it does.
fn expanded(statement: &str) -> Option<&str> {
    let words: Vec<&str> = statement.split(' ').collect();
    match words[..] {
        ["create", "table", table, ..] if !statement.contains("references") => Some(table),
        ["create", "index" | "unique", ..] => {
            words.iter().position(|word| *word == "on").map(|on| words[on + 1])
        }
        ["alter", "table", table, "add", "column", _, _, ref rule @ ..] => match rule {
            [] | ["default", _] | ["not", "null", "default", _] if is_constant(rule.last()) => {
                Some(table)
            }
            _ => None,
        },
        _ => None,
    }
}

fn is_constant(word: Option<&&str>) -> bool {
    let is_number = |word: &str| word.parse::<f64>().is_ok();
    let is_text = |word: &str| word.len() > 1 && word.starts_with('\'') && word.ends_with('\'');
    word.is_none_or(|word| {
        is_number(word) || is_text(word) || ["true", "false", "null"].contains(word)
    })
}

/// Whether a migration does nothing but expand, and one table only: with two it could wait for a
/// writer who waits for it.
fn is_expansion(sql: &str) -> bool {
    let tables: Option<BTreeSet<String>> =
        statements(sql).iter().map(|statement| expanded(statement).map(str::to_owned)).collect();
    tables.is_some_and(|tables| tables.len() == 1)
}

/// What only contracts says so in its name: it is for a release in which no older node runs.
#[test]
fn every_migration_after_the_first_only_expands() {
    for engine in ["sqlite", "postgres"] {
        for entry in fs::read_dir(directory(engine)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let is_free = name.starts_with("0001_") || name.ends_with("_contract.sql");
            let sql = fs::read_to_string(&path).unwrap();
            assert!(is_free || is_expansion(&sql), "{engine}/{name} is no expansion of one table");
        }
    }
}

#[test]
fn what_an_older_node_stumbles_over_is_no_expansion() {
    let refused = [
        "alter table vehicles drop column vin",
        "alter table vehicles rename column vin to number",
        "alter table vehicles add column colour text not null",
        "alter table vehicles add column at bigint not null default now()",
        "alter table vehicles add column colour text unique",
        "alter table vehicles alter column vin type varchar",
        "alter table vehicles add constraint red check (colour = 'red')",
        "create table wheels (vehicle_id uuid references vehicles)",
        "update vehicles set colour = 'red'",
        "drop table nodes",
        "create trigger paint before insert on vehicles execute function paint()",
        "create table a (b text); alter table vehicles add column c text",
    ];
    for sql in refused {
        assert!(!is_expansion(sql), "{sql}");
    }
    let accepted = [
        "create table wheels (wheel_id uuid primary key);\ncreate index wheels_of on wheels (wheel_id);",
        "-- Why: it's; so.\nALTER TABLE vehicles ADD COLUMN colour text NOT NULL DEFAULT 'red';",
        "alter table vehicles add column wheels integer default 4",
        "create unique index if not exists once on vehicles (colour) where colour is not null",
    ];
    for sql in accepted {
        assert!(is_expansion(sql), "{sql}");
    }
}
