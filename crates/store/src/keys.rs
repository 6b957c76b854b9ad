//! The ring of signing keys that all nodes share.
//!
//! Refuses private keys in the clear: whoever calls has encrypted them.

use crate::clock::{micros, time};
use crate::engine::{execute, fetch, read, row, statements};
use crate::writer::{Tx, Write};
use crate::{Store, StoreError};
use model::Timestamp;

statements! {
    KEYS = {
        "select kid, private_key, public_key, created_at, retired_at from signing_keys
        order by created_at, kid"
    }
    // SQLite has one writer at a time anyway.
    ALONE = {
        "delete from signing_keys where false",
        postgres: "lock table signing_keys in share row exclusive mode"
    }
    ADD = {
        "insert into signing_keys (kid, private_key, public_key, created_at)
        values ($1, $2, $3, $4)"
    }
}

/// A key of the ring.
#[derive(Clone)]
pub struct SigningKey {
    /// Its name in token headers and in the JWKS.
    pub kid: String,
    /// The private key, encrypted.
    pub private_key: Vec<u8>,
    /// The public key.
    pub public_key: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stopped signing; `None` = it may sign.
    pub retired_at: Option<Timestamp>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

row! {
    struct KeyRow {
        kid: String,
        private_key: Vec<u8>,
        public_key: Vec<u8>,
        created_at: i64,
        retired_at: Option<i64>,
    }
}

impl From<KeyRow> for SigningKey {
    fn from(row: KeyRow) -> Self {
        Self {
            kid: row.kid,
            private_key: row.private_key,
            public_key: row.public_key,
            created_at: time(row.created_at),
            retired_at: row.retired_at.map(time),
        }
    }
}

impl Store {
    /// The ring, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        let rows = read!(&self.readers, KEYS, [], fetch_all as KeyRow)?;
        Ok(rows.into_iter().map(SigningKey::from).collect())
    }

    /// Adds the first key of the ring. If another node was quicker, the ring stays as that node
    /// made it. Answers the ring.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn first_signing_key(&self, key: SigningKey) -> Result<Vec<SigningKey>, StoreError> {
        self.write(FirstKey(key)).await
    }
}

struct FirstKey(SigningKey);

impl Write for FirstKey {
    type Done = Vec<SigningKey>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<SigningKey>, StoreError> {
        execute!(&mut tx.conn, ALONE, [])?;
        let present = fetch!(&mut tx.conn, KEYS, [], fetch_all as KeyRow)?;
        if present.is_empty() {
            let key = &self.0;
            execute!(
                &mut tx.conn,
                ADD,
                [&key.kid, &key.private_key, &key.public_key, micros(key.created_at)]
            )?;
        }
        let ring = fetch!(&mut tx.conn, KEYS, [], fetch_all as KeyRow)?;
        Ok(ring.into_iter().map(SigningKey::from).collect())
    }
}
