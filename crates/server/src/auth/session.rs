//! Who is behind a token, and what is remembered about them.
//!
//! Refuses to outlive a change: what is remembered of a user is forgotten when their rights move.

use super::opaque::sha256;
use crate::hex;
use model::Timestamp;
use model::id::{FleetId, SessionId, UserId};
use model::user::{Action, Role};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use store::{Access, Sight};
use tokio_util::sync::CancellationToken;

/// How long something is believed without asking the store again.
const BELIEVED: Duration = Duration::from_secs(30);
/// How many sessions are remembered for which nobody has a socket open.
const REMEMBERED: usize = 10_000;
/// How long after its time a change may become visible: the commit takes a moment, and the clocks
/// of two nodes differ a little.
const COMMIT: Duration = Duration::from_secs(2);

/// What access rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Basis {
    /// A login.
    Session(SessionId),
    /// A token without one, made by somebody who knows the shared secret.
    User(UserId),
}

/// Somebody who proved who they are, and what they may do and see.
pub struct Session {
    basis: Basis,
    access: Access,
    /// Cancelled when the rights may have changed.
    outdated: CancellationToken,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("user_id", &self.access.user_id).finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(basis: Basis, access: Access) -> Self {
        Self { basis, access, outdated: CancellationToken::new() }
    }

    pub(super) fn basis(&self) -> Basis {
        self.basis
    }

    /// Who it is.
    pub fn user_id(&self) -> UserId {
        self.access.user_id
    }

    /// The name they log in with.
    pub fn username(&self) -> &str {
        &self.access.username
    }

    /// What they are.
    pub fn role(&self) -> Role {
        self.access.role
    }

    /// Where to write to; `None` if nobody said.
    pub fn email(&self) -> Option<&str> {
        self.access.email.as_deref()
    }

    /// Their login; `None` for a token that was made without one.
    pub fn session_id(&self) -> Option<SessionId> {
        match self.basis {
            Basis::Session(id) => Some(id),
            Basis::User(_) => None,
        }
    }

    /// Names their login in the audit without giving its id away.
    pub fn session_hash(&self) -> Option<String> {
        self.session_id().map(hash_of)
    }

    /// The name of the token of a machine; `None` = somebody who logged in.
    pub fn api_token(&self) -> Option<&str> {
        self.access.token.as_deref()
    }

    /// Whether they may do that.
    pub fn may(&self, action: Action) -> bool {
        self.access.role.may(action)
    }

    /// Whether they see the vehicles of that fleet now.
    pub fn sees(&self, fleet: FleetId, now: Timestamp) -> bool {
        let is_granted = |(granted, until): &(FleetId, Option<Timestamp>)| {
            *granted == fleet && until.is_none_or(|until| until > now)
        };
        self.access.sight == Sight::default() || self.access.fleets.iter().any(is_granted)
    }

    /// When the next of their grants ends that has not ended at `after`; `None` = none of them does.
    pub fn next_grant_end(&self, after: Timestamp) -> Option<Timestamp> {
        let ends = self.access.fleets.iter().filter_map(|(_, until)| *until);
        ends.filter(|end| *end > after).min()
    }

    /// What lists show them.
    pub fn sight(&self) -> Sight {
        self.access.sight
    }

    /// Resolves when their rights may have changed, and from then on at once: ask
    /// [`Auth::recheck`](super::Auth::recheck), and go on with the session that it answers.
    pub async fn changed(&self) {
        self.outdated.cancelled().await;
    }

    /// When access by a token that ends then ends: the session may end before.
    pub(super) fn end_of(&self, token_end: Timestamp) -> Timestamp {
        self.access.expires_at.map_or(token_end, |end| end.min(token_end))
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.access.expires_at.is_some_and(|end| end <= now)
    }
}

/// The SHA-256 of a session's id, in hex.
pub(crate) fn hash_of(id: SessionId) -> String {
    hex::encode(&sha256(id.to_string().as_bytes()))
}

/// What is remembered about a session.
#[derive(Debug)]
pub(super) enum Recalled {
    /// Believe it.
    Fresh(Arc<Session>),
    /// Ask the store, and believe it if the store cannot be asked. Said once in a while to one
    /// caller only, so that an absent store does not hold up everybody.
    Aged(Arc<Session>),
    /// Nothing.
    Unknown,
}

/// The sessions of late.
pub(super) struct Sessions {
    shelf: Mutex<Shelf>,
}

struct Shelf {
    known: HashMap<Basis, Known>,
    /// How many there may be before those without a socket are dropped.
    room: usize,
}

struct Known {
    session: Arc<Session>,
    /// By the store's clock, before the store was asked.
    read_at: Timestamp,
    checked_at: Instant,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self { shelf: Mutex::new(Shelf { known: HashMap::new(), room: REMEMBERED }) }
    }

    pub(super) fn recall(&self, basis: Basis, now: Instant) -> Recalled {
        let mut shelf = self.shelf();
        let Some(known) = shelf.known.get_mut(&basis) else {
            return Recalled::Unknown;
        };
        let session = Arc::clone(&known.session);
        if now.saturating_duration_since(known.checked_at) < BELIEVED {
            return Recalled::Fresh(session);
        }
        known.checked_at = now;
        Recalled::Aged(session)
    }

    /// Remembers what the store said at that time. The session stays the same one if nothing about
    /// it has changed, so that sockets that wait on it notice nothing.
    pub(super) fn remember(
        &self,
        session: Session,
        read_at: Timestamp,
        checked_at: Instant,
    ) -> Arc<Session> {
        let mut shelf = self.shelf();
        if let Some(known) = shelf.known.get_mut(&session.basis)
            && known.session.access == session.access
        {
            (known.read_at, known.checked_at) = (read_at, checked_at);
            return Arc::clone(&known.session);
        }
        shelf.make_room();
        let session = Arc::new(session);
        let known = Known { session: Arc::clone(&session), read_at, checked_at };
        if let Some(before) = shelf.known.insert(session.basis, known) {
            before.session.outdated.cancel();
        }
        session
    }

    pub(super) fn forget(&self, basis: Basis) {
        let forgotten = self.shelf().known.remove(&basis);
        if let Some(known) = forgotten {
            known.session.outdated.cancel();
        }
    }

    /// Forgets what may have been read before the changes were visible.
    pub(super) fn forget_changed(&self, changes: &[(UserId, Timestamp)]) {
        let visible_at: HashMap<UserId, Timestamp> = changes
            .iter()
            .map(|(user, at)| (*user, at.checked_add(COMMIT).unwrap_or(Timestamp::MAX)))
            .collect();
        self.shelf().known.retain(|_, known| {
            let is_outdated =
                visible_at.get(&known.session.user_id()).is_some_and(|at| known.read_at <= *at);
            if is_outdated {
                known.session.outdated.cancel();
            }
            !is_outdated
        });
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// Drops those that nobody holds. Dropping one on which a socket waits would free nothing, and
    /// would hide its changes from the socket.
    fn make_room(&mut self) {
        if self.known.len() < self.room {
            return;
        }
        self.known.retain(|_, known| Arc::strong_count(&known.session) > 1);
        self.room = REMEMBERED.max(self.known.len().saturating_mul(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(role: Role, fleets: Vec<(FleetId, Option<Timestamp>)>) -> Access {
        let user_id = UserId::new();
        let granted_to = (!role.sees_all_fleets()).then_some(user_id);
        Access {
            user_id,
            username: "ada".into(),
            email: None,
            role,
            fleets,
            sight: Sight { granted_to, confined_by: None },
            token: None,
            expires_at: None,
        }
    }

    fn session(role: Role) -> Session {
        let access = access(role, Vec::new());
        Session::new(Basis::User(access.user_id), access)
    }

    fn second(number: i64) -> Timestamp {
        Timestamp::from_second(number).unwrap()
    }

    #[test]
    fn a_grant_ends_when_it_says() {
        let (lent, owned) = (FleetId::new(), FleetId::new());
        let access = access(Role::Engineer, vec![(lent, Some(second(10))), (owned, None)]);
        let session = Session::new(Basis::User(access.user_id), access);
        assert!(session.sees(lent, second(9)));
        assert!(!session.sees(lent, second(10)));
        assert!(session.sees(owned, second(10)));
        assert!(!session.sees(FleetId::new(), second(9)));
        assert_eq!(session.sight().granted_to, Some(session.user_id()));
        assert_eq!(session.next_grant_end(second(9)), Some(second(10)));
        assert_eq!(session.next_grant_end(second(10)), None);
    }

    #[test]
    fn an_admin_sees_every_fleet_without_a_grant() {
        let admin = session(Role::Admin);
        assert!(admin.sees(FleetId::new(), second(0)));
        assert_eq!(admin.sight(), Sight::default());
    }

    #[test]
    fn a_token_of_an_admin_sees_no_fleet_but_its_own() {
        let fleet = FleetId::new();
        let confined_by = Some(SessionId::new());
        let sight = Sight { granted_to: None, confined_by };
        let access = Access { sight, ..access(Role::Admin, vec![(fleet, None)]) };
        let session = Session::new(Basis::User(access.user_id), access);
        assert!(session.sees(fleet, second(0)) && !session.sees(FleetId::new(), second(0)));
    }

    #[test]
    fn a_session_that_is_read_again_unchanged_stays_the_same() {
        let sessions = Sessions::new();
        let first = session(Role::Viewer);
        let again = Session::new(first.basis, first.access.clone());
        let first = sessions.remember(first, second(1), Instant::now());
        let again = sessions.remember(again, second(2), Instant::now());
        assert!(Arc::ptr_eq(&first, &again));
        assert!(!first.outdated.is_cancelled());
    }

    #[test]
    fn a_session_with_other_rights_replaces_the_old_one_and_tells_it() {
        let sessions = Sessions::new();
        let first = session(Role::Viewer);
        let promoted = Access { role: Role::Senior, ..first.access.clone() };
        let promoted = Session::new(first.basis, promoted);
        let first = sessions.remember(first, second(1), Instant::now());
        let promoted = sessions.remember(promoted, second(2), Instant::now());
        assert!(first.outdated.is_cancelled());
        assert!(!promoted.outdated.is_cancelled());
    }

    #[test]
    fn only_one_caller_in_a_while_is_sent_to_the_store() {
        let sessions = Sessions::new();
        let read = Instant::now();
        let known = sessions.remember(session(Role::Viewer), second(1), read);
        let recall = |at| sessions.recall(known.basis, at);
        assert!(matches!(recall(read), Recalled::Fresh(_)));
        assert!(matches!(recall(read + BELIEVED), Recalled::Aged(_)));
        assert!(matches!(recall(read + BELIEVED), Recalled::Fresh(_)));
    }

    #[test]
    fn what_was_read_before_a_change_was_visible_is_forgotten() {
        let sessions = Sessions::new();
        let known = sessions.remember(session(Role::Viewer), second(10), Instant::now());
        let recall = || sessions.recall(known.basis, Instant::now());

        sessions.forget_changed(&[(UserId::new(), second(20)), (known.user_id(), second(7))]);
        assert!(matches!(recall(), Recalled::Fresh(_)));
        assert!(!known.outdated.is_cancelled());

        sessions.forget_changed(&[(known.user_id(), second(9))]);
        assert!(matches!(recall(), Recalled::Unknown));
        assert!(known.outdated.is_cancelled());
    }

    #[test]
    fn memory_is_bounded_but_keeps_those_with_a_socket() {
        let sessions = Sessions::new();
        let held = sessions.remember(session(Role::Viewer), second(1), Instant::now());
        for _ in 0..REMEMBERED {
            sessions.remember(session(Role::Viewer), second(1), Instant::now());
        }
        assert!(sessions.shelf().known.len() <= REMEMBERED);
        assert!(matches!(sessions.recall(held.basis, Instant::now()), Recalled::Fresh(_)));
    }

    #[test]
    fn the_audit_names_a_login_by_its_hash() {
        let id = SessionId::new();
        assert_eq!(hash_of(id).len(), 64);
        assert!(!hash_of(id).contains(&id.to_string()));
        assert_eq!(session(Role::Viewer).session_hash(), None);
    }
}
