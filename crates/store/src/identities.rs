//! People that another issuer vouches for: which user each of them is, and how they log in.
//!
//! Refuses to take over a user who is there already: an identity has a user that was made with it.

use crate::clock::micros;
use crate::engine::{execute, fetch, read, row, statements};
use crate::sessions::{self, NewSession};
use crate::users::{self, NewUser};
use crate::writer::{Tx, Write};
use crate::{AuditEntry, Store, StoreError, audit};
use model::id::UserId;
use model::user::Role;
use serde_json::json;
use uuid::Uuid;

statements! {
    KNOWN = {
        "select u.user_id, u.username, u.role, u.is_active
        from user_identities i join users u on u.user_id = i.user_id
        where i.issuer = $1 and i.subject = $2",
        postgres: + "for update of u"
    }
    LINK = {
        "insert into user_identities (issuer, subject, user_id) values ($1, $2, $3)
        on conflict (issuer, subject) do nothing"
    }
    SET_ROLE = { "update users set role = $2, access_changed_at = $3 where user_id = $1" }
    OF_USER = { "select user_id from user_identities where user_id = $1" }
}

/// Somebody whom an issuer vouches for, and what they get.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// The issuer.
    pub issuer: String,
    /// What never changes of them there.
    pub subject: String,
    /// The user to make of them if there is none; of one who is there, the role counts.
    pub user: NewUser,
    /// The session to open. It is for whoever they are: its `user_id` is that of a new user.
    pub session: NewSession,
    /// Where they came from; what was done, by whom and to whom is filled in.
    pub deed: AuditEntry,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedIn {
    /// The session is open, and this user's.
    In(UserId),
    /// Somebody else has the name that a new user would get.
    NameTaken,
    /// Their user may not log in.
    Disabled,
}

row! {
    struct KnownRow {
        user_id: Uuid,
        username: String,
        role: String,
        is_active: bool,
    }
}

impl Store {
    /// Opens a session for whoever an issuer vouches for. Makes their user at the first time, and
    /// gives them the role that they have there at each time.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any write.
    pub async fn sign_in(&self, sign_in: SignIn) -> Result<SignedIn, StoreError> {
        self.write(sign_in).await
    }

    /// Whether an issuer vouches for that user: they have no password.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub async fn has_identity(&self, user_id: UserId) -> Result<bool, StoreError> {
        let user = Uuid::from(user_id);
        let found = read!(&self.readers, OF_USER, [user], fetch_optional as (Uuid,))?;
        Ok(found.is_some())
    }
}

impl Write for SignIn {
    type Done = SignedIn;

    async fn run(&self, tx: &mut Tx) -> Result<SignedIn, StoreError> {
        let user = match self.known(tx).await? {
            Some(known) if !known.is_active => return Ok(SignedIn::Disabled),
            Some(known) => {
                self.follow_role(tx, &known).await?;
                (known.user_id, known.username)
            }
            None => match self.join(tx).await? {
                Some(user) => user,
                None => return Ok(SignedIn::NameTaken),
            },
        };
        sessions::open(tx, &self.session, user.0).await?;
        let method = json!({ "method": "oidc" });
        audit::note(tx, &self.entry("authn_login_success", &user, method));
        Ok(SignedIn::In(user.0.into()))
    }
}

impl SignIn {
    async fn known(&self, tx: &mut Tx) -> Result<Option<KnownRow>, StoreError> {
        let (issuer, subject) = (&self.issuer, &self.subject);
        Ok(fetch!(&mut tx.conn, KNOWN, [issuer, subject], fetch_optional as KnownRow)?)
    }

    async fn follow_role(&self, tx: &mut Tx, known: &KnownRow) -> Result<(), StoreError> {
        let was = Role::from_word(&known.role).ok_or(StoreError::Corrupt("user"))?;
        let role = self.user.role;
        if was == role {
            return Ok(());
        }
        execute!(&mut tx.conn, SET_ROLE, [known.user_id, role.word(), micros(tx.now)])?;
        let details = json!({ "method": "oidc", "role": role, "was": was });
        let user = (known.user_id, known.username.clone());
        audit::note(tx, &self.entry("authz_change", &user, details));
        Ok(())
    }

    /// Makes the user; `None` if the name is taken.
    async fn join(&self, tx: &mut Tx) -> Result<Option<(Uuid, String)>, StoreError> {
        let user = (Uuid::from(self.session.user_id), self.user.username.clone());
        if !users::insert(tx, user.0, &self.user).await? {
            audit::note(tx, &self.refusal());
            return Ok(None);
        }
        let linked = execute!(&mut tx.conn, LINK, [&self.issuer, &self.subject, user.0])?;
        // The same person came in by another node at the same moment: the next time they are known.
        if linked == 0 {
            return Err(StoreError::Busy);
        }
        let details = json!({ "method": "oidc", "issuer": self.issuer, "role": self.user.role });
        audit::note(tx, &self.entry("user_created", &user, details));
        Ok(Some(user))
    }

    fn entry(
        &self,
        action: &'static str,
        (user_id, username): &(Uuid, String),
        details: serde_json::Value,
    ) -> AuditEntry {
        AuditEntry {
            action,
            actor_id: Some((*user_id).into()),
            actor: username.clone(),
            object: format!("user/{user_id}"),
            details: Some(details),
            ..self.deed.clone()
        }
    }

    /// Nobody of ours did it: whoever has the name is not accused.
    fn refusal(&self) -> AuditEntry {
        let who = json!({ "method": "oidc", "issuer": self.issuer, "subject": self.subject });
        AuditEntry {
            action: "authn_login_fail",
            actor_id: None,
            actor: "unknown".into(),
            session_hash: None,
            object: format!("user/{}", self.user.username),
            outcome: "name taken",
            details: Some(who),
            ..self.deed.clone()
        }
    }
}
