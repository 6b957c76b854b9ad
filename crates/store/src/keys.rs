//! The keys that all nodes share: the ring that signs tokens, and those that sign the audit chain.
//!
//! Refuses private keys in the clear: whoever calls has encrypted them.

use crate::audit::{self, AuditEntry};
use crate::clock::{micros, time};
use crate::commands::micros_of;
use crate::engine::{Sql, execute, fetch, read, row, statements};
use crate::writer::{Tx, Write};
use crate::{Store, StoreError};
use model::Timestamp;
use std::time::Duration;

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
    RETIRE = { "update signing_keys set retired_at = $1 where retired_at is null" }
    AUDIT_KEYS = {
        "select kid, private_key, public_key, created_at, retired_at from audit_keys
        order by created_at, kid"
    }
    AUDIT_ALONE = {
        "delete from audit_keys where false",
        postgres: "lock table audit_keys in share row exclusive mode"
    }
    AUDIT_ADD = {
        "insert into audit_keys (kid, private_key, public_key, created_at)
        values ($1, $2, $3, $4)"
    }
}

/// Which keys. They are apart, so that none of one kind is ever taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ring {
    /// Those that sign access tokens.
    Tokens,
    /// Those that sign the audit chain.
    Audit,
}

impl Ring {
    pub(crate) fn all(self) -> Sql {
        match self {
            Self::Tokens => KEYS,
            Self::Audit => AUDIT_KEYS,
        }
    }

    fn alone(self) -> Sql {
        match self {
            Self::Tokens => ALONE,
            Self::Audit => AUDIT_ALONE,
        }
    }

    fn add(self) -> Sql {
        match self {
            Self::Tokens => ADD,
            Self::Audit => AUDIT_ADD,
        }
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
    pub(crate) struct KeyRow {
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
    /// The keys of a ring, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn signing_keys(&self, ring: Ring) -> Result<Vec<SigningKey>, StoreError> {
        let rows = read!(&self.readers, ring.all(), [], fetch_all as KeyRow)?;
        Ok(rows.into_iter().map(SigningKey::from).collect())
    }

    /// Adds the first key of a ring. If another node was quicker, the ring stays as that node
    /// made it. Answers the ring.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn first_signing_key(
        &self,
        ring: Ring,
        key: SigningKey,
    ) -> Result<Vec<SigningKey>, StoreError> {
        self.write(FirstKey { ring, key }).await
    }
}

impl Store {
    /// Adds a key to the ring of tokens. Those before it are retired after `handover`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn rotate_signing_key(
        &self,
        key: SigningKey,
        handover: Duration,
        audit: AuditEntry,
    ) -> Result<(), StoreError> {
        self.write(Rotate { key, handover, audit }).await
    }
}

struct Rotate {
    key: SigningKey,
    handover: Duration,
    audit: AuditEntry,
}

impl Write for Rotate {
    type Done = ();

    async fn run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let Self { key, handover, audit } = self;
        let now = micros(tx.now);
        execute!(&mut tx.conn, ALONE, [])?;
        execute!(&mut tx.conn, RETIRE, [now.saturating_add(micros_of(*handover))])?;
        let (private_key, public_key) = (&key.private_key, &key.public_key);
        execute!(&mut tx.conn, ADD, [&key.kid, private_key, public_key, now])?;
        audit::note(tx, audit);
        Ok(())
    }
}

struct FirstKey {
    ring: Ring,
    key: SigningKey,
}

impl Write for FirstKey {
    type Done = Vec<SigningKey>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<SigningKey>, StoreError> {
        let Self { ring, key } = self;
        execute!(&mut tx.conn, ring.alone(), [])?;
        let present = fetch!(&mut tx.conn, ring.all(), [], fetch_all as KeyRow)?;
        if present.is_empty() {
            execute!(
                &mut tx.conn,
                ring.add(),
                [&key.kid, &key.private_key, &key.public_key, micros(key.created_at)]
            )?;
        }
        let keys = fetch!(&mut tx.conn, ring.all(), [], fetch_all as KeyRow)?;
        Ok(keys.into_iter().map(SigningKey::from).collect())
    }
}
