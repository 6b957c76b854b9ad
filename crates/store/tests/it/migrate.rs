//! The tables: made once, brought up to date as often as one likes, and the same on both engines.

use crate::database::{Database, postgres, sqlite};
use std::collections::BTreeSet;

/// Table, column, and whether it may be null.
type Column = (String, String, bool);

async fn columns(database: &Database) -> BTreeSet<Column> {
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
    second.check().await.unwrap();
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
    server.check().await.unwrap();
    for store in [server, stores.0, stores.1, stores.2] {
        store.close().await;
    }
}
