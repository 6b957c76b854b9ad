//! Idempotency keys: the client's word that two submissions are the same.
//!
//! Refuses to look at submissions: a key is used for one command, and whoever comes second is told
//! for which.

use crate::StoreError;
use crate::clock::micros;
use crate::engine::{fetch_each, statements};
use crate::writer::Tx;
use model::id::{CommandId, UserId};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Takes keys, of which a use that is a day old is forgotten, and answers what they are used for now.
macro_rules! take_keys {
    ($keys:literal) => {
        concat!(
            "insert into idempotency_keys as k (user_id, key, body_hash, command_id, created_at) ",
            $keys,
            " on conflict (user_id, key) do update set
                body_hash = case when k.created_at <= excluded.created_at - 86400000000
                    then excluded.body_hash else k.body_hash end,
                command_id = case when k.created_at <= excluded.created_at - 86400000000
                    then excluded.command_id else k.command_id end,
                created_at = case when k.created_at <= excluded.created_at - 86400000000
                    then excluded.created_at else k.created_at end
            returning user_id, key, body_hash, command_id"
        )
    };
}

statements! {
    // Whoever comes second waits for the commit of the first.
    TAKE_KEYS = {
        take_keys!("values ($1, $2, $3, $4, $5)"),
        postgres: take_keys!(
            "select w.user_id, w.key, w.body_hash, w.command_id, w.created_at
            from unnest(cast($1 as uuid[]), cast($2 as text[]), cast($3 as bytea[]),
                cast($4 as uuid[]), cast($5 as bigint[]))
                as w (user_id, key, body_hash, command_id, created_at)"
        )
    }
}

/// The client's word that two submissions are the same.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    /// The key, unique per user for 24 hours.
    pub key: String,
    /// The SHA-256 of the submission.
    pub body_hash: Vec<u8>,
}

/// A key and its user.
pub(crate) type KeyName = (UserId, String);

/// What a key is used for.
pub(crate) struct KeyUse {
    pub(crate) body_hash: Vec<u8>,
    pub(crate) command_id: CommandId,
}

/// A key, and the use that it is wanted for.
struct Wanted {
    user_id: UserId,
    key: String,
    used: KeyUse,
    created_at: i64,
}

/// Takes keys in their order, so that no two transactions wait for each other.
pub(crate) async fn take(
    tx: &mut Tx,
    wanted: BTreeMap<KeyName, KeyUse>,
) -> Result<HashMap<KeyName, KeyUse>, StoreError> {
    let created_at = micros(tx.now);
    let wanted: Vec<Wanted> = wanted
        .into_iter()
        .map(|((user_id, key), used)| Wanted { user_id, key, used, created_at })
        .collect();
    let rows = fetch_each!(
        &mut tx.conn,
        TAKE_KEYS,
        &wanted,
        |wanted| [
            Uuid::from(wanted.user_id),
            wanted.key.as_str(),
            wanted.used.body_hash.as_slice(),
            Uuid::from(wanted.used.command_id),
            wanted.created_at,
        ],
        (Uuid, String, Vec<u8>, Uuid)
    );
    let used = rows.into_iter().map(|(user, key, body_hash, command_id)| {
        ((user.into(), key), KeyUse { body_hash, command_id: command_id.into() })
    });
    Ok(used.collect())
}
