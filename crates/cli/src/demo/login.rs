//! The login of the demo: its password is drawn at the start, and good for nothing after the end.
//!
//! Refuses to leave a password behind: a name that is there already gets a new one.

use crate::registry;
use model::user::Role;
use secrecy::{ExposeSecret, SecretString};
use store::{NewUser, Store, UserChange};
use uuid::Uuid;

/// The name to log in with.
pub(super) const NAME: &str = "demo";

/// A login that can be used until it is closed.
pub(super) struct Login {
    password: SecretString,
}

impl Login {
    /// Makes the user, or gives it a new password.
    pub(super) async fn open(store: &Store) -> anyhow::Result<Self> {
        let password = SecretString::from(Uuid::new_v4().simple().to_string());
        let password_hash = registry::hash(password.clone()).await?;
        if let Some(user) = store.user_named(NAME).await? {
            let deed = registry::deed("authn_password_change", object());
            store.change_user(user.user_id, reopened(password_hash), deed).await?;
        } else {
            let deed = registry::deed("user_created", object());
            store.add_user(added(password_hash), deed).await?;
        }
        Ok(Self { password })
    }

    /// The password, to be shown once.
    pub(super) fn password(&self) -> &str {
        self.password.expose_secret()
    }

    /// Shuts the user out.
    pub(super) async fn close(&self, store: &Store) -> anyhow::Result<()> {
        if let Some(user) = store.user_named(NAME).await? {
            let change = UserChange { is_active: Some(false), ..UserChange::default() };
            let deed = registry::deed("user_updated", object());
            store.change_user(user.user_id, change, deed).await?;
        }
        Ok(())
    }
}

/// What the audit log calls the user.
fn object() -> String {
    format!("user/{NAME}")
}

fn added(password_hash: String) -> NewUser {
    let username = NAME.to_owned();
    let (role, fleets) = (Role::Admin, Vec::new());
    NewUser { username, email: None, role, password_hash, must_change_password: false, fleets }
}

fn reopened(password_hash: String) -> UserChange {
    UserChange {
        role: Some(Role::Admin),
        is_active: Some(true),
        password_hash: Some(password_hash),
        ..UserChange::default()
    }
}
