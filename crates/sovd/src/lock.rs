//! Locks: the right to change an entity, for a time.
//! Refuses to renew or release by itself: a lock outlives whoever forgets it, until it expires.

use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::client::Client;
use crate::discovery::Entity;
use crate::document::Document;
use crate::error::Error;
use crate::fields::{self, Fields};
use crate::link::Link;
use crate::receipt::{Acknowledged, Created};

/// The collection of locks, and what one server calls it.
const LOCKS: [&str; 2] = ["locks", "lock"];

/// What lock is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRequest {
    /// When it ends unless renewed (whole seconds, rounded up).
    pub expiration: Duration,
    /// What it covers, in the server's words; everything if empty.
    pub scopes: Vec<String>,
    /// Whether to take it from whoever holds it. Sent only if it is wanted.
    pub break_lock: bool,
}

impl LockRequest {
    /// A lock of everything that takes nothing from anybody.
    pub fn lasting(expiration: Duration) -> Self {
        Self { expiration, scopes: Vec::new(), break_lock: false }
    }

    fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("lock_expiration".to_owned(), fields::seconds(self.expiration).into());
        if !self.scopes.is_empty() {
            body.insert("scopes".to_owned(), self.scopes.clone().into());
        }
        if self.break_lock {
            body.insert("break_lock".to_owned(), true.into());
        }
        body.into()
    }
}

/// A lock that somebody holds.
#[derive(Debug, Clone)]
pub struct Lock {
    /// Unique in its entity; `None` where only the lock itself was asked for and does not say.
    pub id: Option<String>,
    /// Whether it belongs to the one who asks; `None` if the server did not say.
    pub owned: Option<bool>,
    /// Who holds it; `None` if the server did not say, as in the standard.
    pub owner: Option<String>,
    /// What it covers, in the server's words; empty for everything.
    pub scopes: Vec<String>,
    /// When it ends, RFC 3339; `None` if the server did not say.
    pub expires: Option<String>,
    /// Where to renew and release it.
    pub href: Link,
    /// The whole entry.
    pub raw: Box<RawValue>,
}

impl Client {
    /// The locks of an entity; those of the whole vehicle belong to [`Client::root`].
    pub fn locks(&self, entity: &Entity) -> Call<Vec<Lock>> {
        let (place, announced) = entity.collection_of(LOCKS);
        self.locks_at(&place).announced(announced)
    }

    /// The locks of the collection at `place`, for one that no entity links.
    pub fn locks_at(&self, place: &Link) -> Call<Vec<Lock>> {
        Call::get(self, place, Lock::decode_list)
    }

    /// The lock at `href`.
    pub fn lock(&self, href: &Link) -> Call<Lock> {
        Call::get(self, href, Lock::decode_one)
    }

    /// Locks an entity.
    ///
    /// The server knows the holder by the client's token, some by a header: use the same client, or
    /// one of the same identity, for everything that is done under the lock. That somebody else
    /// holds it is told by [`Error::lock_trouble`].
    pub fn acquire_lock(&self, entity: &Entity, request: &LockRequest) -> Call<Created> {
        let (place, announced) = entity.collection_of(LOCKS);
        self.acquire_lock_at(&place, request).announced(announced)
    }

    /// Locks what the collection at `place` stands for, for one that no entity links.
    pub fn acquire_lock_at(&self, place: &Link, request: &LockRequest) -> Call<Created> {
        Call::post(self, place, request.body(), Created::decode)
    }

    /// Lets the lock at `href` end this much from now; nothing is added to what was left.
    pub fn renew_lock(&self, href: &Link, expiration: Duration) -> Call<Acknowledged> {
        let body = Value::from_iter([("lock_expiration", fields::seconds(expiration))]);
        Call::put(self, href, body, Acknowledged::decode)
    }

    /// Gives the lock at `href` back.
    pub fn release_lock(&self, href: &Link) -> Call<Acknowledged> {
        Call::delete(self, href, Acknowledged::decode)
    }
}

impl Lock {
    fn decode_list(document: &Document) -> Result<Vec<Self>, Error> {
        document.items("locks", |place, raw| {
            let fields = Fields::of(raw, "lock")?;
            let id = fields.id(&["id", "lock_id"], "lock")?;
            let href = fields.href(place, &id);
            Ok(Self { id: Some(id), ..Self::of(&fields, href, raw) })
        })
    }

    fn decode_one(document: &Document) -> Result<Self, Error> {
        let raw = document.required("lock")?;
        let fields = Fields::of(raw, "lock")?;
        Ok(Self::of(&fields, document.place().clone(), raw))
    }

    fn of(fields: &Fields, href: Link, raw: &RawValue) -> Self {
        Self {
            id: fields.text(&["id", "lock_id"]),
            owned: fields.flag("owned"),
            owner: fields.text(&["owner", "owner_id", "locked_by"]),
            scopes: fields.words(&["scopes"]),
            expires: fields.text(&["lock_expiration", "expires_at", "expiration"]),
            href,
            raw: raw.to_owned(),
        }
    }
}
