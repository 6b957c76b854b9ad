//! What the commands of this binary share when they change the store: the deed, the fleet, the hash.
//!
//! Refuses to change anything without a row in the audit log.

use model::vehicle::Fleet;
use secrecy::SecretString;
use server::auth::password;
use store::{AuditEntry, Store, StoreError};
use tokio::task::spawn_blocking;

/// Who the audit log names for what was done here.
const ACTOR: &str = "cli";

/// The audit row of something that is done here.
pub(crate) fn deed(action: &'static str, object: String) -> AuditEntry {
    AuditEntry {
        action,
        actor_id: None,
        actor: ACTOR.to_owned(),
        session_hash: None,
        address: None,
        request_id: None,
        object,
        outcome: "success",
        reason: None,
        details: None,
    }
}

/// The fleet of that name, made when it is missing.
pub(crate) async fn fleet(store: &Store, name: &str) -> Result<Fleet, StoreError> {
    store.fleet_named(name, deed("sensitive_create", format!("fleet/{name}"))).await
}

/// The hash of a password that is good enough.
pub(crate) async fn hash(password: SecretString) -> anyhow::Result<String> {
    Ok(spawn_blocking(move || password::hash(&password)).await??)
}
