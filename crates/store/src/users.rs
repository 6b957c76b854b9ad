//! Users, and the fleets that they have been granted.
//!
//! Refuses passwords: it stores the hash that it is given.

use crate::clock::{micros, time};
use crate::engine::{execute, listed, read, statements};
use crate::writer::{Tx, Write};
use crate::{AuditEntry, Store, StoreError, audit};
use model::Timestamp;
use model::id::{FleetId, UserId};
use model::user::Role;
use uuid::Uuid;

/// Selects users with the columns of a [`UserRow`].
macro_rules! select_users {
    ($rest:literal) => {
        concat!(
            "select user_id, username, email, role, is_active, password_hash, must_change_password
            from users ",
            $rest
        )
    };
}

statements! {
    USER = { select_users!("where user_id = $1") }
    OF_NAME = { select_users!("where username = $1") }
    LIST = { select_users!("order by username limit $1 offset $2") }
    ADD = {
        "insert into users (user_id, username, email, role, is_active, password_hash,
            access_changed_at, must_change_password)
        values ($1, $2, $3, $4, true, $5, $6, $7) on conflict (username) do nothing"
    }
    CHANGE = {
        "update users set role = coalesce($2, role), is_active = coalesce($3, is_active),
            email = coalesce($4, email), password_hash = coalesce($5, password_hash),
            access_changed_at = $6,
            must_change_password = coalesce($7, must_change_password)
        where user_id = $1"
    }
    REHASH = {
        "update users set password_hash = $3 where user_id = $1 and password_hash = $2"
    }
    CHANGE_PASSWORD = {
        "update users set password_hash = $3, must_change_password = false,
            access_changed_at = $4
        where user_id = $1 and password_hash = $2 and is_active"
    }
    END_SESSIONS = { "update sessions set ended_at = $2 where user_id = $1 and ended_at is null" }
    TOUCH = { "update users set access_changed_at = $2 where user_id = $1" }
    CHANGED = { "select user_id, access_changed_at from users where access_changed_at > $1" }
    GRANT = {
        "insert into grants (user_id, fleet_id, until) values ($1, $2, $3)
        on conflict (user_id, fleet_id) do update set until = excluded.until"
    }
    REVOKE = { "delete from grants where user_id = $1 and fleet_id = $2" }
    GRANTS = { "select fleet_id, until from grants where user_id = $1 order by fleet_id" }
}

/// A person or program that can log in. Has no `Debug`: it holds a hash.
#[derive(Clone)]
pub struct User {
    /// Its id.
    pub user_id: UserId,
    /// The name to log in with.
    pub username: String,
    /// Where to write to; `None` if nobody said.
    pub email: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Whether it may log in.
    pub is_active: bool,
    /// The Argon2id hash of its password, in PHC form.
    pub password_hash: String,
    /// Whether its password is good for nothing but the change of it.
    pub must_change_password: bool,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("username", &self.username).finish_non_exhaustive()
    }
}

/// A user to add.
#[derive(Clone)]
pub struct NewUser {
    /// The name to log in with.
    pub username: String,
    /// Where to write to.
    pub email: Option<String>,
    /// What it may do.
    pub role: Role,
    /// The Argon2id hash of its password.
    pub password_hash: String,
    /// See [`User::must_change_password`].
    pub must_change_password: bool,
    /// The fleets that it is granted.
    pub fleets: Vec<FleetId>,
}

impl std::fmt::Debug for NewUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewUser").field("username", &self.username).finish_non_exhaustive()
    }
}

/// What to change of a user; `None` = leave it.
#[derive(Clone, Default)]
pub struct UserChange {
    /// What it may do.
    pub role: Option<Role>,
    /// Whether it may log in; `false` also ends its sessions.
    pub is_active: Option<bool>,
    /// Where to write to.
    pub email: Option<String>,
    /// The hash of a new password; ends its sessions.
    pub password_hash: Option<String>,
    /// With a new password: see [`User::must_change_password`].
    pub must_change_password: bool,
}

impl std::fmt::Debug for UserChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserChange").finish_non_exhaustive()
    }
}

listed! {
    struct UserRow {
        user_id: Uuid,
        username: String,
        email: Option<String>,
        role: String,
        is_active: bool,
        password_hash: String,
        must_change_password: bool,
    }
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            user_id: row.user_id.into(),
            username: row.username,
            email: row.email,
            role: Role::from_word(&row.role).ok_or(StoreError::Corrupt("user"))?,
            is_active: row.is_active,
            password_hash: row.password_hash,
            must_change_password: row.must_change_password,
        })
    }
}

impl Store {
    /// The user; `None` if there is none of that id.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        read!(&self.readers, USER, [Uuid::from(id)], fetch_optional as UserRow)?
            .map(User::try_from)
            .transpose()
    }

    /// The user of that name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn user_named(&self, username: &str) -> Result<Option<User>, StoreError> {
        read!(&self.readers, OF_NAME, [username], fetch_optional as UserRow)?
            .map(User::try_from)
            .transpose()
    }

    /// Users by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn users(&self, limit: u32, offset: u32) -> Result<Vec<User>, StoreError> {
        let (limit, offset) = (i64::from(limit), i64::from(offset));
        read!(&self.readers, LIST, [limit, offset], fetch_all as UserRow)?
            .into_iter()
            .map(User::try_from)
            .collect()
    }

    /// Adds a user; `None` if the name is taken.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write; the fleets have to exist.
    pub async fn add_user(
        &self,
        new: NewUser,
        audit: AuditEntry,
    ) -> Result<Option<UserId>, StoreError> {
        self.write(AddUser { new, audit }).await
    }

    /// Changes a user, effective on every node within a second; `false` if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn change_user(
        &self,
        user_id: UserId,
        change: UserChange,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        self.write(ChangeUser { user_id, change, audit }).await
    }

    /// Replaces the hash of a password by a stronger one of the same password. `false` if the user
    /// has another password by now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn rehash(
        &self,
        user_id: UserId,
        old: String,
        new: String,
    ) -> Result<bool, StoreError> {
        self.write(Rehash { user_id, old, new }).await
    }

    /// Changes the password of a user who knew the old one, and ends their sessions and tokens. `false`
    /// if the user has another password by now, or may no longer log in.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn change_password(
        &self,
        user_id: UserId,
        old: String,
        new: String,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        self.write(ChangePassword { user_id, old, new, audit }).await
    }

    /// Lets a user see a fleet, until then or for good.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write; both have to exist.
    pub async fn grant(
        &self,
        user_id: UserId,
        fleet_id: FleetId,
        until: Option<Timestamp>,
        audit: AuditEntry,
    ) -> Result<(), StoreError> {
        self.write(Grant { user_id, fleet_id, until, audit }).await
    }

    /// Takes a grant back, effective on every node within a second; `false` if there was none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn revoke(
        &self,
        user_id: UserId,
        fleet_id: FleetId,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        self.write(Revoke { user_id, fleet_id, audit }).await
    }

    /// The fleets that a user has been granted, each with its end.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn grants(
        &self,
        user_id: UserId,
    ) -> Result<Vec<(FleetId, Option<Timestamp>)>, StoreError> {
        let rows =
            read!(&self.readers, GRANTS, [Uuid::from(user_id)], fetch_all as (Uuid, Option<i64>))?;
        Ok(rows.into_iter().map(|(fleet, until)| (fleet.into(), until.map(time))).collect())
    }

    /// The users whose rights or sessions changed after that time, each with the time.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn access_changed_since(
        &self,
        since: Timestamp,
    ) -> Result<Vec<(UserId, Timestamp)>, StoreError> {
        let rows = read!(&self.readers, CHANGED, [micros(since)], fetch_all as (Uuid, i64))?;
        Ok(rows.into_iter().map(|(user, at)| (user.into(), time(at))).collect())
    }
}

/// Tells every node that what it may have remembered of the user's rights is old.
pub(crate) async fn touch(tx: &mut Tx, user_id: Uuid) -> Result<(), StoreError> {
    execute!(&mut tx.conn, TOUCH, [user_id, micros(tx.now)])?;
    Ok(())
}

struct AddUser {
    new: NewUser,
    audit: AuditEntry,
}

impl Write for AddUser {
    type Done = Option<UserId>;

    async fn run(&self, tx: &mut Tx) -> Result<Option<UserId>, StoreError> {
        let user_id = UserId::at(tx.now);
        if !insert(tx, user_id.into(), &self.new).await? {
            return Ok(None);
        }
        audit::note(tx, &self.audit);
        Ok(Some(user_id))
    }
}

/// Adds a user with their grants; `false` if the name is taken.
pub(crate) async fn insert(tx: &mut Tx, id: Uuid, new: &NewUser) -> Result<bool, StoreError> {
    let email = new.email.as_deref();
    let (role, now) = (new.role.word(), micros(tx.now));
    let added = execute!(
        &mut tx.conn,
        ADD,
        [id, &new.username, email, role, &new.password_hash, now, new.must_change_password]
    )?;
    if added == 0 {
        return Ok(false);
    }
    for fleet in &new.fleets {
        execute!(&mut tx.conn, GRANT, [id, Uuid::from(*fleet), None::<i64>])?;
    }
    Ok(true)
}

struct ChangeUser {
    user_id: UserId,
    change: UserChange,
    audit: AuditEntry,
}

impl Write for ChangeUser {
    type Done = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let id = Uuid::from(self.user_id);
        let change = &self.change;
        let changed = execute!(
            &mut tx.conn,
            CHANGE,
            [
                id,
                change.role.map(Role::word),
                change.is_active,
                change.email.as_deref(),
                change.password_hash.as_deref(),
                micros(tx.now),
                change.password_hash.is_some().then_some(change.must_change_password),
            ]
        )?;
        if change.is_active == Some(false) || change.password_hash.is_some() {
            execute!(&mut tx.conn, END_SESSIONS, [id, micros(tx.now)])?;
        }
        Ok(audit::note_if(tx, changed, &self.audit))
    }
}

struct Rehash {
    user_id: UserId,
    old: String,
    new: String,
}

impl Write for Rehash {
    type Done = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let id = Uuid::from(self.user_id);
        let changed = execute!(&mut tx.conn, REHASH, [id, &self.old, &self.new])?;
        Ok(changed == 1)
    }
}

struct ChangePassword {
    user_id: UserId,
    old: String,
    new: String,
    audit: AuditEntry,
}

impl Write for ChangePassword {
    type Done = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let (id, now) = (Uuid::from(self.user_id), micros(tx.now));
        let changed = execute!(&mut tx.conn, CHANGE_PASSWORD, [id, &self.old, &self.new, now])?;
        if changed == 1 {
            execute!(&mut tx.conn, END_SESSIONS, [id, now])?;
        }
        Ok(audit::note_if(tx, changed, &self.audit))
    }
}

struct Grant {
    user_id: UserId,
    fleet_id: FleetId,
    until: Option<Timestamp>,
    audit: AuditEntry,
}

impl Write for Grant {
    type Done = ();

    async fn run(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let (user, fleet) = (Uuid::from(self.user_id), Uuid::from(self.fleet_id));
        execute!(&mut tx.conn, GRANT, [user, fleet, self.until.map(micros)])?;
        touch(tx, user).await?;
        audit::note(tx, &self.audit);
        Ok(())
    }
}

struct Revoke {
    user_id: UserId,
    fleet_id: FleetId,
    audit: AuditEntry,
}

impl Write for Revoke {
    type Done = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let user = Uuid::from(self.user_id);
        let revoked = execute!(&mut tx.conn, REVOKE, [user, Uuid::from(self.fleet_id)])?;
        touch(tx, user).await?;
        Ok(audit::note_if(tx, revoked, &self.audit))
    }
}
