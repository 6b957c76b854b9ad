//! Every statement of the crate is one that both databases understand.

use crate::database::{Database, postgres, sqlite};
use crate::partitions::partitioned;
use fleetwire_store::testing::all_statements;
use sqlx::{Executor, SqlSafeStr};
use tempfile::TempDir;

/// Prepares each statement, and lists those that the database refused.
macro_rules! refused {
    ($conn:expr, $text:tt) => {{
        let mut refused = Vec::new();
        for statement in all_statements() {
            if let Err(error) = $conn.prepare(statement.$text.into_sql_str()).await {
                refused.push(format!("{}: {error}", statement.0));
            }
        }
        refused
    }};
}

#[tokio::test]
async fn sqlite_understands_every_statement() {
    let place = TempDir::new().unwrap();
    let database = Database::Sqlite(place);
    let store = database.open().await;
    let Database::Sqlite(place) = &database else { unreachable!() };
    let mut conn = sqlite(place).await;
    assert_eq!(refused!(conn, 1), [""; 0]);
    store.close().await;
}

#[tokio::test]
async fn postgres_understands_every_statement() {
    understood(Database::postgres()).await;
}

#[tokio::test]
async fn postgres_understands_every_statement_on_tables_in_partitions() {
    understood(partitioned().await).await;
}

async fn understood(mut database: Database) {
    database.open().await.close().await;
    let mut conn = postgres(database.server()).await;
    assert_eq!(refused!(conn, 2), [""; 0]);
}

#[test]
fn every_module_lists_its_statements() {
    assert!(all_statements().len() > 50);
}

/// A prepared `select *` stops working when a newer node adds a column.
#[test]
fn no_statement_selects_whatever_is_there() {
    for (name, sqlite, postgres) in all_statements() {
        for sql in [sqlite, postgres] {
            assert!(!sql.contains("select *") && !sql.contains(".*"), "{name}: {sql}");
        }
    }
}
