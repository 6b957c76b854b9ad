//! Tokens of machines: sessions without a login, limited to a role and maybe to fleets.
//!
//! Refuses to give more than the owner has: what the owner may is asked at every use.

use crate::clock::{micros, time};
use crate::engine::{execute, execute_each, fetch, listed, look_up, read, row, statements};
use crate::writer::{Tx, Write};
use crate::{AuditEntry, Store, StoreError, audit, users};
use model::Timestamp;
use model::id::{FleetId, SessionId, UserId};
use model::user::Role;
use uuid::Uuid;

/// How many tokens of a user are listed at most, the newest first.
const LISTED: i64 = 1000;
/// The time from one note of a token's use to the next, in microseconds.
const NOTED_EVERY: i64 = 60_000_000;

statements! {
    // The lock makes one token of a user wait for the other, or their number would have no limit, and
    // makes a change of the password wait, and then end this token too.
    OWNER = {
        "select user_id from users where user_id = $1 and is_active",
        postgres: + "for update"
    }
    ISSUER = {
        "select user_id from sessions
        where session_id = $1 and user_id = $2 and ended_at is null and expires_at > $3"
    }
    ALIVE = {
        "select count(*) from api_tokens t join sessions s on s.session_id = t.session_id
        where s.user_id = $1 and s.ended_at is null and s.expires_at > $2"
    }
    OPEN = {
        "insert into sessions (session_id, user_id, created_at, expires_at, idle_until)
        values ($1, $2, $3, $4, $4)"
    }
    ADD = {
        "insert into api_tokens (session_id, token_hash, name, role, is_confined)
        values ($1, $2, $3, $4, $5)"
    }
    CONFINE = { "insert into api_token_fleets (session_id, fleet_id) values ($1, $2)" }
    LIST = {
        "select t.session_id, s.user_id, t.name, t.role, t.is_confined, s.created_at, s.expires_at,
            t.last_used_at
        from api_tokens t join sessions s on s.session_id = t.session_id
        where s.user_id = $1 and s.ended_at is null and s.expires_at > $2
        order by t.session_id desc limit $3"
    }
    FLEETS = {
        "select f.session_id, f.fleet_id
        from api_token_fleets f join sessions s on s.session_id = f.session_id
        where s.user_id = $1 order by f.fleet_id"
    }
    OF_HASH = {
        "select s.session_id, s.user_id, s.expires_at
        from api_tokens t join sessions s on s.session_id = t.session_id
        where t.token_hash = $1 and s.ended_at is null"
    }
    END = {
        "update sessions set ended_at = $2
        where session_id = $1 and ended_at is null and expires_at > $2
            and (user_id = $3 or $3 is null)
            and exists (select 1 from api_tokens t where t.session_id = $1)
        returning user_id"
    }
    USED = {
        "update api_tokens set last_used_at = $2
        where session_id = $1 and (last_used_at is null or last_used_at <= $3)",
        postgres: "update api_tokens t set last_used_at = d.used_at
        from unnest(cast($1 as uuid[]), cast($2 as bigint[]), cast($3 as bigint[]))
            as d (session_id, used_at, noted_before)
        where t.session_id = d.session_id
            and (t.last_used_at is null or t.last_used_at <= d.noted_before)"
    }
}

/// A token to make.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The session that it opens.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The SHA-256 of its secret.
    pub token_hash: Vec<u8>,
    /// What people call it.
    pub name: String,
    /// What it may do, as far as its owner may.
    pub role: Role,
    /// The only fleets that it sees, as far as its owner does; `None` = what its owner sees.
    pub fleets: Option<Vec<FleetId>>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The login that makes it, which has to be alive; `None` for `fleetwire admin`.
    pub issuer: Option<SessionId>,
}

/// A token that is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The session that it opens.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// What people call it.
    pub name: String,
    /// What it may do, as far as its owner may.
    pub role: Role,
    /// The only fleets that it sees; `None` = what its owner sees.
    pub fleets: Option<Vec<FleetId>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was used, to the minute; `None` = never.
    pub last_used_at: Option<Timestamp>,
}

impl NewToken {
    fn stored_at(&self, now: Timestamp) -> Token {
        Token {
            session_id: self.session_id,
            user_id: self.user_id,
            name: self.name.clone(),
            role: self.role,
            fleets: self.fleets.clone(),
            created_at: now,
            expires_at: self.expires_at,
            last_used_at: None,
        }
    }
}

/// What came of a token to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issued {
    /// It is stored, as this.
    Stored(Box<Token>),
    /// Its owner has too many.
    TooMany,
    /// Its owner may not log in any more, or the login that makes it has ended.
    Denied,
}

listed! {
    struct TokenRow {
        session_id: Uuid,
        user_id: Uuid,
        name: String,
        role: String,
        is_confined: bool,
        created_at: i64,
        expires_at: i64,
        last_used_at: Option<i64>,
    }
}

row! {
    struct FoundRow {
        session_id: Uuid,
        user_id: Uuid,
        expires_at: i64,
    }
}

impl TokenRow {
    /// `confined` are the fleets of every token of the user.
    fn token(self, confined: &[(Uuid, Uuid)]) -> Result<Token, StoreError> {
        let own = confined.iter().filter(|(session, _)| *session == self.session_id);
        let fleets = self.is_confined.then(|| own.map(|(_, fleet)| (*fleet).into()).collect());
        Ok(Token {
            session_id: self.session_id.into(),
            user_id: self.user_id.into(),
            name: self.name,
            role: Role::from_word(&self.role).ok_or(StoreError::Corrupt("token"))?,
            fleets,
            created_at: time(self.created_at),
            expires_at: time(self.expires_at),
            last_used_at: self.last_used_at.map(time),
        })
    }
}

impl Store {
    /// Makes a token, if its owner has less than `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn issue_token(
        &self,
        new: NewToken,
        limit: u32,
        audit: AuditEntry,
    ) -> Result<Issued, StoreError> {
        self.write(Issue { new, limit, audit }).await
    }

    /// The tokens of a user that are alive, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn tokens(&self, user_id: UserId) -> Result<Vec<Token>, StoreError> {
        let (user, now) = (Uuid::from(user_id), micros(self.now()));
        let rows = read!(&self.readers, LIST, [user, now, LISTED], fetch_all as TokenRow)?;
        let confined = read!(&self.readers, FLEETS, [user], fetch_all as (Uuid, Uuid))?;
        rows.into_iter().map(|row| row.token(&confined)).collect()
    }

    /// The session that a token opens, its owner and its end; `None` if there is none, or it has been
    /// ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn session_of_token(
        &self,
        token_hash: &[u8],
    ) -> Result<Option<(SessionId, UserId, Timestamp)>, StoreError> {
        let row = look_up!(&self.readers, OF_HASH, token_hash, FoundRow)?;
        Ok(row.map(|row| (row.session_id.into(), row.user_id.into(), time(row.expires_at))))
    }

    /// Ends a token, effective on every node within a second. `false` if there is none of that id
    /// that is alive and, where `of` says whose it has to be, of that user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn end_token(
        &self,
        session_id: SessionId,
        of: Option<UserId>,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        self.write(EndToken { session_id, of, audit }).await
    }

    /// Notes when tokens were used: of each at most one time in a minute.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn note_uses(&self, uses: Vec<(SessionId, Timestamp)>) -> Result<(), StoreError> {
        self.write(NoteUses { uses }).await
    }
}

struct Issue {
    new: NewToken,
    limit: u32,
    audit: AuditEntry,
}

impl Issue {
    /// Whether there is somebody to make it for, and to make it.
    async fn is_permitted(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let user = Uuid::from(self.new.user_id);
        let owner = fetch!(&mut tx.conn, OWNER, [user], fetch_optional as (Uuid,))?;
        let (Some(issuer), true) = (self.new.issuer, owner.is_some()) else {
            return Ok(owner.is_some());
        };
        let binds = (Uuid::from(issuer), micros(tx.now));
        let alive =
            fetch!(&mut tx.conn, ISSUER, [binds.0, user, binds.1], fetch_optional as (Uuid,))?;
        Ok(alive.is_some())
    }
}

impl Write for Issue {
    type Done = Issued;

    async fn run(&self, tx: &mut Tx) -> Result<Issued, StoreError> {
        if !self.is_permitted(tx).await? {
            return Ok(Issued::Denied);
        }
        let (id, user) = (Uuid::from(self.new.session_id), Uuid::from(self.new.user_id));
        let now = micros(tx.now);
        let (alive,) = fetch!(&mut tx.conn, ALIVE, [user, now], fetch_one as (i64,))?;
        if alive >= i64::from(self.limit) {
            return Ok(Issued::TooMany);
        }
        execute!(&mut tx.conn, OPEN, [id, user, now, micros(self.new.expires_at)])?;
        let (hash, name) = (&self.new.token_hash, &self.new.name);
        let (role, is_confined) = (self.new.role.word(), self.new.fleets.is_some());
        execute!(&mut tx.conn, ADD, [id, hash, name, role, is_confined])?;
        for fleet in self.new.fleets.iter().flatten() {
            execute!(&mut tx.conn, CONFINE, [id, Uuid::from(*fleet)])?;
        }
        audit::note(tx, &self.audit);
        Ok(Issued::Stored(Box::new(self.new.stored_at(tx.now))))
    }
}

struct EndToken {
    session_id: SessionId,
    of: Option<UserId>,
    audit: AuditEntry,
}

impl Write for EndToken {
    type Done = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let (session, of) = (Uuid::from(self.session_id), self.of.map(Uuid::from));
        let now = micros(tx.now);
        let ended = fetch!(&mut tx.conn, END, [session, now, of], fetch_optional as (Uuid,))?;
        let Some((user,)) = ended else { return Ok(false) };
        users::touch(tx, user).await?;
        audit::note(tx, &self.audit);
        Ok(true)
    }
}

struct NoteUses {
    uses: Vec<(SessionId, Timestamp)>,
}

impl Write for NoteUses {
    type Done = ();

    async fn run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        execute_each!(&mut tx.conn, USED, &self.uses, |used| [
            Uuid::from(used.0),
            micros(used.1),
            micros(used.1).saturating_sub(NOTED_EVERY),
        ]);
        Ok(())
    }
}
