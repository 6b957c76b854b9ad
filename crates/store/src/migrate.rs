//! Brings the tables up to date, while nodes of this and of an older version work on them.
//!
//! Refuses to undo what a newer version added: an older node works on newer tables.

use crate::engine::{self, Target};
use crate::{OpenError, cause};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection, SqlSafeStr, SqliteConnection};
use std::time::Duration;

/// The migrations, in the order in which they run: the version of each is the number in its name.
///
/// Listed by hand: the macro that reads the directory has all of sqlx, both databases and the
/// cryptography of TLS compiled once more, for the compiler's own use.
macro_rules! migrations {
    ($($name:literal),+ $(,)?) => {
        const SQLITE: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../migrations/sqlite/", $name, ".sql")))),+];
        const POSTGRES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../migrations/postgres/", $name, ".sql")))),+];
    };
}
migrations!(
    "0001_initial",
    "0002_connector",
    "0003_source",
    "0004_source_once",
    "0005_nodes",
    "0006_capabilities",
    "0007_credentials",
    "0008_audit_chain",
    "0009_audit_head",
    "0010_audit_seals",
    "0011_audit_keys",
    "0012_approvals",
    "0013_api_tokens",
    "0014_password_change",
    "0015_api_token_fleets",
    "0016_faults",
    "0017_user_identities",
    "0018_fault_reads",
    "0019_identities_of_vehicles",
);

/// A migration that waits for its table lets everyone wait behind it: no longer than a write waits
/// for a lock.
const PATIENCE: &str = "set lock_timeout = '1s'";
/// How long a migration of SQLite waits for its turn: who asks now and then seldom gets in between two
/// writes of a server that has much to write.
pub(crate) const TURN: Duration = Duration::from_secs(30);
/// How often a migration asks for its lock; another node may be at a long one.
const TRIES: usize = 60;
/// How long those who waited behind it may go first.
const PAUSE: Duration = Duration::from_millis(200);

fn migrator(listed: &[(&'static str, &'static str)]) -> Migrator {
    let migrations = listed.iter().filter_map(|(name, sql)| {
        let (number, description) = name.split_once('_')?;
        let version = number.parse().ok()?;
        let description = description.replace('_', " ").into();
        let sql = sql.into_sql_str();
        Some(Migration::new(version, description, MigrationType::Simple, sql, false))
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_ignore_missing(true);
    migrator
}

/// Runs the migrations that are missing, all in one transaction: a command line beside the server
/// may do the same.
pub(crate) async fn sqlite(conn: &mut SqliteConnection) -> Result<(), MigrateError> {
    let mut alone = conn.begin_with("begin immediate").await?;
    migrator(SQLITE).run(&mut *alone).await?;
    Ok(alone.commit().await?)
}

/// Runs the migrations that are missing, each in a transaction of its own.
pub(crate) async fn postgres(target: &Target, options: &PgConnectOptions) -> Result<(), OpenError> {
    for _ in 1..TRIES {
        match attempt(target, options).await {
            Err(OpenError::Migrate(error)) if is_locked_out(&error) => {
                tracing::info!(%error, "a migration waits for its table");
                tokio::time::sleep(PAUSE).await;
            }
            end => return end,
        }
    }
    attempt(target, options).await
}

/// On a connection of its own: after a failure the lock against other migrators lives on in it.
async fn attempt(target: &Target, options: &PgConnectOptions) -> Result<(), OpenError> {
    let conn = engine::postgres(options).await;
    let mut conn = conn.map_err(|error| target.unreachable(error))?;
    let end = run(&mut conn).await;
    if let Err(error) = engine::answered(conn.close()).await {
        tracing::debug!(%error, "closing the migrating connection");
    }
    end.map_err(OpenError::Migrate)
}

async fn run(conn: &mut PgConnection) -> Result<(), MigrateError> {
    conn.execute(PATIENCE).await?;
    migrator(POSTGRES).run(conn).await
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not exhaustive")]
fn is_locked_out(error: &MigrateError) -> bool {
    match error {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => {
            cause::is_contention(cause)
        }
        _ => false,
    }
}
