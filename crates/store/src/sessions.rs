//! Logins: sessions, refresh tokens and tickets, all stored as hashes.
//!
//! Refuses to see a secret: whoever calls hashes it first.

use crate::clock::{micros, time};
use crate::commands::micros_of;
use crate::engine::{execute, fetch, listed, read, row, statements};
use crate::writer::{Tx, Write};
use crate::{AuditEntry, Store, StoreError, audit, users};
use model::Timestamp;
use model::id::{CommandId, FleetId, SessionId, UserId};
use model::user::Role;
use std::time::Duration;
use uuid::Uuid;

statements! {
    // The lock makes a change of the password wait, and then end this session too.
    PROVED = {
        "select user_id from users where user_id = $1 and is_active and password_hash = $2",
        postgres: + "for share"
    }
    OPEN = {
        "insert into sessions (session_id, user_id, created_at, expires_at, idle_until)
        values ($1, $2, $3, $4, $5)"
    }
    ISSUE = { "insert into refresh_tokens (token_hash, session_id) values ($1, $2)" }
    PRESENTED = {
        "select t.session_id, s.user_id, t.used_at, s.expires_at, s.idle_until, s.ended_at,
            u.is_active
        from refresh_tokens t join sessions s on s.session_id = t.session_id
        join users u on u.user_id = s.user_id
        where t.token_hash = $1",
        postgres: + "for update of t"
    }
    USE = { "update refresh_tokens set used_at = $2 where token_hash = $1" }
    EXTEND = { "update sessions set idle_until = $2 where session_id = $1" }
    END = {
        "update sessions set ended_at = $2 where session_id = $1 and ended_at is null
        returning user_id"
    }
    ACCESS = {
        "select u.user_id, u.username, u.email, u.role, s.expires_at, t.name as token_name,
            t.role as token_role, t.is_confined
        from sessions s join users u on u.user_id = s.user_id
        left join api_tokens t on t.session_id = s.session_id
        where s.session_id = $1 and s.ended_at is null and s.expires_at > $2 and u.is_active"
    }
    ACCESS_OF_USER = {
        "select user_id, username, email, role, cast(null as bigint) as expires_at,
            cast(null as text) as token_name, cast(null as text) as token_role,
            cast(null as boolean) as is_confined
        from users where user_id = $1 and is_active"
    }
    CONFINED_TO = { "select fleet_id from api_token_fleets where session_id = $1" }
    GRANTED = {
        "select fleet_id, until from grants where user_id = $1 and (until is null or until > $2)"
    }
    TICKET = {
        "insert into tickets (ticket_hash, session_id, command_id, expires_at)
        values ($1, $2, $3, $4)"
    }
    REDEEM = {
        "delete from tickets where ticket_hash = $1 and expires_at > $2
        returning session_id, command_id"
    }
    FORGET_TICKETS = { "delete from tickets where expires_at <= $1" }
    FORGET_SESSIONS = {
        "delete from sessions where expires_at <= $1 or idle_until <= $1 or ended_at <= $1"
    }
    FORGET_TOKENS = {
        "delete from api_tokens where session_id not in (select s.session_id from sessions s)"
    }
    FORGET_FLEETS = {
        "delete from api_token_fleets
        where session_id not in (select s.session_id from sessions s)"
    }
    FORGET_KEYS = { "delete from idempotency_keys where created_at <= $1" }
}

/// What a login opens.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id.
    pub session_id: SessionId,
    /// Who logged in.
    pub user_id: UserId,
    /// The SHA-256 of its first refresh token.
    pub refresh_hash: Vec<u8>,
    /// How long it lives, whatever happens.
    pub life: Duration,
    /// How long it lives unless it is refreshed.
    pub idle: Duration,
}

/// What a list may show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sight {
    /// Only the fleets that this user has a grant for; `None` = any.
    pub granted_to: Option<UserId>,
    /// Only the fleets that the token of this session is confined to; `None` = any.
    pub confined_by: Option<SessionId>,
}

/// Who a live session belongs to, and what they may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Who.
    pub user_id: UserId,
    /// Their name.
    pub username: String,
    /// Where to write to.
    pub email: Option<String>,
    /// What they may do: with a token, what both the token and its owner may.
    pub role: Role,
    /// The fleets that they see, each with its end, unless `sight` has no limit.
    pub fleets: Vec<(FleetId, Option<Timestamp>)>,
    /// What lists show them.
    pub sight: Sight,
    /// The name of the token that the session belongs to; `None` for a login.
    pub token: Option<String>,
    /// When the session ends at the latest; `None` for access without one.
    pub expires_at: Option<Timestamp>,
}

/// What came of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It was good, and is now used up.
    Rotated(SessionId, UserId),
    /// It had been used before: somebody stole one of the two. The session has been ended.
    Reused(SessionId, UserId),
    /// It is unknown, or its session has ended.
    Refused,
}

/// What a ticket stood for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redeemed {
    /// The session that asked for it.
    pub session_id: SessionId,
    /// The one command that it is good for; `None` = any.
    pub command_id: Option<CommandId>,
}

listed! {
    struct AccessRow {
        user_id: Uuid,
        username: String,
        email: Option<String>,
        role: String,
        expires_at: Option<i64>,
        token_name: Option<String>,
        token_role: Option<String>,
        is_confined: Option<bool>,
    }
}

impl AccessRow {
    /// What the owner is, and what is left of it for a token; `None` = nothing.
    fn roles(&self) -> Result<(Role, Option<Role>), StoreError> {
        let read = |word: &String| Role::from_word(word).ok_or(StoreError::Corrupt("user"));
        let owner = read(&self.role)?;
        match &self.token_role {
            Some(word) => Ok((owner, owner.common(read(word)?))),
            None => Ok((owner, Some(owner))),
        }
    }
}

row! {
    struct PresentedRow {
        session_id: Uuid,
        user_id: Uuid,
        used_at: Option<i64>,
        expires_at: i64,
        idle_until: i64,
        ended_at: Option<i64>,
        is_active: bool,
    }
}

impl PresentedRow {
    fn is_alive(&self, now: i64) -> bool {
        self.is_active && self.ended_at.is_none() && self.expires_at > now && self.idle_until > now
    }
}

impl Store {
    /// Opens a session for a user who has just proved to know the password of `password_hash`.
    /// `false` if that is no longer the user's, or the user may no longer log in.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn open_session(
        &self,
        new: NewSession,
        password_hash: String,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        self.write(OpenSession { new, password_hash, audit }).await
    }

    /// Exchanges a refresh token for the next one. Using one twice ends the session.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn rotate(
        &self,
        presented: Vec<u8>,
        next: Vec<u8>,
        idle: Duration,
        reuse: AuditEntry,
    ) -> Result<Rotation, StoreError> {
        self.write(Rotate { presented, next, idle, reuse }).await
    }

    /// Ends a session, effective on every node within a second; `false` if it had ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn end_session(
        &self,
        session_id: SessionId,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        self.write(EndSession { session_id, audit }).await
    }

    /// What a session gives access to; `None` if it is not alive.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn access(&self, session_id: SessionId) -> Result<Option<Access>, StoreError> {
        let now = micros(self.now());
        let session = Uuid::from(session_id);
        let row = read!(&self.readers, ACCESS, [session, now], fetch_optional as AccessRow)?;
        self.access_by(row, Some(session_id)).await
    }

    /// What a user has access to without a session; `None` if there is no such active user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn access_of_user(&self, user_id: UserId) -> Result<Option<Access>, StoreError> {
        let id = Uuid::from(user_id);
        let row = read!(&self.readers, ACCESS_OF_USER, [id], fetch_optional as AccessRow)?;
        self.access_by(row, None).await
    }

    async fn access_by(
        &self,
        row: Option<AccessRow>,
        session_id: Option<SessionId>,
    ) -> Result<Option<Access>, StoreError> {
        let Some(row) = row else { return Ok(None) };
        let (owner, Some(role)) = row.roles()? else { return Ok(None) };
        let user_id = UserId::from(row.user_id);
        let sight = Sight {
            granted_to: (!owner.sees_all_fleets()).then_some(user_id),
            confined_by: session_id.filter(|_| row.is_confined == Some(true)),
        };
        Ok(Some(Access {
            user_id,
            username: row.username,
            email: row.email,
            role,
            fleets: self.fleets_in(sight, user_id).await?,
            sight,
            token: row.token_name,
            expires_at: row.expires_at.map(time),
        }))
    }

    /// The fleets that a user has been granted, or that a token of theirs is confined to.
    async fn fleets_in(
        &self,
        sight: Sight,
        user_id: UserId,
    ) -> Result<Vec<(FleetId, Option<Timestamp>)>, StoreError> {
        let (user, now) = (Uuid::from(user_id), micros(self.now()));
        let granted = read!(&self.readers, GRANTED, [user, now], fetch_all as (Uuid, Option<i64>))?;
        let granted = granted.into_iter().map(|(id, end)| (FleetId::from(id), end.map(time)));
        let Some(token) = sight.confined_by.map(Uuid::from) else { return Ok(granted.collect()) };
        let confined = read!(&self.readers, CONFINED_TO, [token], fetch_all as (Uuid,))?;
        let confined: Vec<_> = confined.into_iter().map(|(id,)| FleetId::from(id)).collect();
        if sight.granted_to.is_none() {
            return Ok(confined.into_iter().map(|id| (id, None)).collect());
        }
        Ok(granted.filter(|(id, _)| confined.contains(id)).collect())
    }

    /// Stores a ticket: good once, for a short time.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn issue_ticket(
        &self,
        ticket_hash: Vec<u8>,
        stands_for: Redeemed,
        life: Duration,
    ) -> Result<(), StoreError> {
        self.write(IssueTicket { ticket_hash, stands_for, life }).await
    }

    /// Uses a ticket up; `None` if it is unknown, too old or used.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn redeem_ticket(
        &self,
        ticket_hash: Vec<u8>,
    ) -> Result<Option<Redeemed>, StoreError> {
        self.write(RedeemTicket { ticket_hash }).await
    }

    /// Deletes what has ended: sessions, tickets, idempotency keys.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn forget_ended(&self) -> Result<(), StoreError> {
        self.write(Forget).await
    }
}

struct OpenSession {
    new: NewSession,
    password_hash: String,
    audit: AuditEntry,
}

impl Write for OpenSession {
    type Done = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let user = Uuid::from(self.new.user_id);
        let hash = &self.password_hash;
        let proved = fetch!(&mut tx.conn, PROVED, [user, hash], fetch_optional as (Uuid,))?;
        if proved.is_none() {
            return Ok(false);
        }
        open(tx, &self.new, user).await?;
        audit::note(tx, &self.audit);
        Ok(true)
    }
}

/// Opens a session with its first refresh token.
pub(crate) async fn open(tx: &mut Tx, new: &NewSession, user: Uuid) -> Result<(), StoreError> {
    let (id, now) = (Uuid::from(new.session_id), micros(tx.now));
    let expires_at = now.saturating_add(micros_of(new.life));
    let idle_until = now.saturating_add(micros_of(new.idle));
    execute!(&mut tx.conn, OPEN, [id, user, now, expires_at, idle_until])?;
    execute!(&mut tx.conn, ISSUE, [&new.refresh_hash, id])?;
    Ok(())
}

struct Rotate {
    presented: Vec<u8>,
    next: Vec<u8>,
    idle: Duration,
    reuse: AuditEntry,
}

impl Write for Rotate {
    type Done = Rotation;

    async fn run(&self, tx: &mut Tx) -> Result<Rotation, StoreError> {
        let now = micros(tx.now);
        let row =
            fetch!(&mut tx.conn, PRESENTED, [&self.presented], fetch_optional as PresentedRow)?;
        let Some(row) = row.filter(|row| row.is_alive(now)) else {
            return Ok(Rotation::Refused);
        };
        let (session, user) = (row.session_id, row.user_id);
        if row.used_at.is_some() {
            end(tx, session).await?;
            audit::note(tx, &self.reuse);
            return Ok(Rotation::Reused(session.into(), user.into()));
        }
        let idle_until = now.saturating_add(micros_of(self.idle));
        execute!(&mut tx.conn, USE, [&self.presented, now])?;
        execute!(&mut tx.conn, ISSUE, [&self.next, session])?;
        execute!(&mut tx.conn, EXTEND, [session, idle_until])?;
        Ok(Rotation::Rotated(session.into(), user.into()))
    }
}

/// Ends a session; `false` if it had ended.
async fn end(tx: &mut Tx, session: Uuid) -> Result<bool, StoreError> {
    let now = micros(tx.now);
    let ended = fetch!(&mut tx.conn, END, [session, now], fetch_optional as (Uuid,))?;
    if let Some((user,)) = ended {
        users::touch(tx, user).await?;
    }
    Ok(ended.is_some())
}

struct EndSession {
    session_id: SessionId,
    audit: AuditEntry,
}

impl Write for EndSession {
    type Done = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let ended = end(tx, self.session_id.into()).await?;
        Ok(audit::note_if(tx, ended.into(), &self.audit))
    }
}

struct IssueTicket {
    ticket_hash: Vec<u8>,
    stands_for: Redeemed,
    life: Duration,
}

impl Write for IssueTicket {
    type Done = ();

    async fn run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let expires_at = micros(tx.now).saturating_add(micros_of(self.life));
        let command = self.stands_for.command_id.map(Uuid::from);
        let session = Uuid::from(self.stands_for.session_id);
        execute!(&mut tx.conn, TICKET, [&self.ticket_hash, session, command, expires_at])?;
        Ok(())
    }
}

struct RedeemTicket {
    ticket_hash: Vec<u8>,
}

impl Write for RedeemTicket {
    type Done = Option<Redeemed>;

    async fn run(&self, tx: &mut Tx) -> Result<Option<Redeemed>, StoreError> {
        let now = micros(tx.now);
        let row = fetch!(
            &mut tx.conn,
            REDEEM,
            [&self.ticket_hash, now],
            fetch_optional as (Uuid, Option<Uuid>)
        )?;
        Ok(row.map(|(session, command)| Redeemed {
            session_id: session.into(),
            command_id: command.map(CommandId::from),
        }))
    }
}

struct Forget;

impl Write for Forget {
    type Done = ();

    async fn run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let now = micros(tx.now);
        let yesterday = now.saturating_sub(micros_of(Duration::from_hours(24)));
        execute!(&mut tx.conn, FORGET_TICKETS, [now])?;
        // An ended session is kept for a day: a stolen refresh token of it is still recognised.
        execute!(&mut tx.conn, FORGET_SESSIONS, [yesterday])?;
        execute!(&mut tx.conn, FORGET_TOKENS, [])?;
        execute!(&mut tx.conn, FORGET_FLEETS, [])?;
        execute!(&mut tx.conn, FORGET_KEYS, [yesterday])?;
        Ok(())
    }
}
