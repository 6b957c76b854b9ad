//! Logins as their owners see them: listed, and ended from elsewhere.
//!
//! Refuses to show a secret: a login is named by its id, which opens nothing. Tokens of machines are
//! no logins: [`crate::tokens`].

use crate::clock::{micros, time};
use crate::engine::{execute, fetch, read, row, statements};
use crate::writer::{Tx, Write};
use crate::{AuditEntry, Store, StoreError, audit, users};
use model::Timestamp;
use model::id::{SessionId, UserId};
use uuid::Uuid;

/// How many logins of a user are listed at most, the newest first.
const LISTED: i64 = 1000;

statements! {
    LOGINS = {
        "select session_id, user_id, created_at, expires_at, idle_until from sessions
        where user_id = $1 and ended_at is null and expires_at > $2 and idle_until > $2
            and session_id not in (select t.session_id from api_tokens t)
        order by session_id desc limit $3"
    }
    END_ONE = {
        "update sessions set ended_at = $2
        where session_id = $1 and ended_at is null and (user_id = $3 or $3 is null)
            and not exists (select 1 from api_tokens t where t.session_id = $1)
        returning user_id"
    }
    END_ALL = {
        "update sessions set ended_at = $2 where user_id = $1 and ended_at is null
            and session_id not in (select t.session_id from api_tokens t)"
    }
}

/// A login that is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Its id.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub idle_until: Timestamp,
}

row! {
    struct LoginRow {
        session_id: Uuid,
        user_id: Uuid,
        created_at: i64,
        expires_at: i64,
        idle_until: i64,
    }
}

impl From<LoginRow> for Login {
    fn from(row: LoginRow) -> Self {
        Self {
            session_id: row.session_id.into(),
            user_id: row.user_id.into(),
            created_at: time(row.created_at),
            expires_at: time(row.expires_at),
            idle_until: time(row.idle_until),
        }
    }
}

impl Store {
    /// The logins of a user that are alive, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn logins(&self, user_id: UserId) -> Result<Vec<Login>, StoreError> {
        let (user, now) = (Uuid::from(user_id), micros(self.now()));
        let rows = read!(&self.readers, LOGINS, [user, now, LISTED], fetch_all as LoginRow)?;
        Ok(rows.into_iter().map(Login::from).collect())
    }

    /// Ends a login, effective on every node within a second. `false` if there is none of that id
    /// that is alive and, where `of` says whose it has to be, of that user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn end_login(
        &self,
        session_id: SessionId,
        of: Option<UserId>,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        self.write(EndLogin { session_id, of, audit }).await
    }

    /// Ends all logins of a user, effective on every node within a second. Answers how many.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn end_logins(&self, user_id: UserId, audit: AuditEntry) -> Result<u64, StoreError> {
        self.write(EndLogins { user_id, audit }).await
    }
}

struct EndLogin {
    session_id: SessionId,
    of: Option<UserId>,
    audit: AuditEntry,
}

impl Write for EndLogin {
    type Done = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let (session, of) = (Uuid::from(self.session_id), self.of.map(Uuid::from));
        let now = micros(tx.now);
        let ended = fetch!(&mut tx.conn, END_ONE, [session, now, of], fetch_optional as (Uuid,))?;
        let Some((user,)) = ended else { return Ok(false) };
        users::touch(tx, user).await?;
        audit::note(tx, &self.audit);
        Ok(true)
    }
}

struct EndLogins {
    user_id: UserId,
    audit: AuditEntry,
}

impl Write for EndLogins {
    type Done = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64, StoreError> {
        let (user, now) = (Uuid::from(self.user_id), micros(tx.now));
        let ended = execute!(&mut tx.conn, END_ALL, [user, now])?;
        if audit::note_if(tx, ended, &self.audit) {
            users::touch(tx, user).await?;
        }
        Ok(ended)
    }
}
