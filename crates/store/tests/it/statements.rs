//! Every statement of the crate is one that both databases understand.

use crate::database::{Database, postgres, sqlite};
use fleetwire_store::testing::all_statements;
use sqlx::{Executor, SqlSafeStr};
use tempfile::TempDir;
use testkit::Postgres;

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
    let server = Postgres::start();
    let database = Database::Postgres(server);
    let store = database.open().await;
    let Database::Postgres(server) = &database else { unreachable!() };
    let mut conn = postgres(server).await;
    assert_eq!(refused!(conn, 2), [""; 0]);
    store.close().await;
}

#[test]
fn every_module_lists_its_statements() {
    assert!(all_statements().len() > 50);
}
