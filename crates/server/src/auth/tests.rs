//! Logins, tokens, tickets and their ends, on a real store.
//!
//! Refuses to look inside: a test does what the HTTP layer would do.

use super::*;
use crate::auth::LoginError;
use model::id::{FleetId, UserId};
use model::user::{Action, Role};
use rustix::time::{ClockId, clock_gettime};
use secrecy::ExposeSecret;
use store::{AuditEntry, AuditFilter, NewUser, Target, User, UserChange};
use tempfile::TempDir;

const PASSWORD: &str = "seven green kettles";
/// A change has to arrive in a second; the machine may be busy.
const SOON: Duration = Duration::from_secs(5);

/// An installation with one user.
struct House {
    auth: Auth,
    store: Store,
    ada: UserId,
    _dir: TempDir,
}

fn settings() -> Settings {
    Settings {
        access_life: Duration::from_mins(15),
        refresh_idle: Duration::from_hours(24),
        session_life: Duration::from_hours(720),
        ticket_life: Duration::from_secs(30),
        jwt_secret: Some("0123456789abcdef0123456789abcdef".into()),
        tokens: TokenBounds { life: Duration::from_hours(24), count: 2 },
        hash_threads: 2,
        limits: Limits::default(),
    }
}

fn home() -> Origin {
    Origin { address: "192.0.2.1".into(), request_id: Some("r1".into()), trace_id: None }
}

fn elsewhere() -> Origin {
    Origin { address: "198.51.100.1".into(), request_id: None, trace_id: None }
}

fn by_admin() -> AuditEntry {
    AuditEntry {
        action: "authz_change",
        actor_id: None,
        actor: "admin".into(),
        session_hash: None,
        address: None,
        request_id: None,
        object: "user".into(),
        outcome: "success",
        reason: None,
        details: None,
    }
}

impl House {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&Target::Sqlite(dir.path().join("fleetwire.db"))).await.unwrap();
        let auth = Auth::open(store.clone(), [1; 32].into(), settings).await.unwrap();
        let password_hash = auth.hash_password(PASSWORD.into()).await.unwrap();
        let new = NewUser {
            username: "ada".into(),
            email: Some("ada@example.com".into()),
            role: Role::Engineer,
            password_hash,
            must_change_password: false,
            fleets: Vec::new(),
        };
        let ada = store.add_user(new, by_admin()).await.unwrap().unwrap();
        Self { auth, store, ada, _dir: dir }
    }

    async fn login(&self) -> Tokens {
        self.auth.login("ada", PASSWORD.into(), &home()).await.unwrap()
    }

    async fn tries(&self, username: &str, password: &str) -> Result<Tokens, LoginError> {
        self.auth.login(username, password.into(), &home()).await
    }

    async fn verify(&self, token: &SecretString) -> Result<Pass, VerifyError> {
        self.auth.verify(token.expose_secret()).await
    }

    async fn refresh(&self, token: &SecretString) -> Result<Tokens, RefreshError> {
        self.auth.refresh(token.expose_secret(), &home()).await
    }

    async fn change(&self, change: UserChange) {
        assert!(self.store.change_user(self.ada, change, by_admin()).await.unwrap());
    }

    async fn user(&self) -> User {
        self.store.user(self.ada).await.unwrap().unwrap()
    }

    async fn actions(&self) -> Vec<String> {
        let page =
            self.store.audit(&AuditFilter { limit: 100, ..AuditFilter::default() }).await.unwrap();
        page.into_iter().rev().map(|entry| entry.action).collect()
    }

    /// Runs a deed while changes are followed, until the session learns of it.
    async fn learns(&self, session: &Session, deed: impl Future<Output = ()>) {
        let stop = CancellationToken::new();
        let learning = async {
            deed.await;
            tokio::time::timeout(SOON, session.changed()).await.expect("nobody told the session");
            stop.cancel();
        };
        tokio::join!(self.auth.follow_changes(stop.clone()), learning);
    }
}

#[tokio::test]
async fn a_login_gives_a_token_that_says_who() {
    let house = House::new().await;
    let tokens = house.login().await;
    assert_eq!(tokens.expires_in, Duration::from_mins(15));
    let pass = house.verify(&tokens.access_token).await.unwrap();
    let session = &pass.session;
    assert_eq!((session.user_id(), session.username()), (house.ada, "ada"));
    assert_eq!((session.role(), session.email()), (Role::Engineer, Some("ada@example.com")));
    assert!(session.may(Action::Watch) && !session.may(Action::Administer));
    assert!(session.session_id().is_some() && session.session_hash().is_some());
}

#[tokio::test]
async fn a_login_is_audited_and_a_failed_one_is_not() {
    let house = House::new().await;
    house.login().await;
    house.tries("ada", "wrong").await.unwrap_err();
    assert_eq!(house.actions().await, ["authz_change", "authn_login_success"]);
    let page =
        house.store.audit(&AuditFilter { limit: 1, ..AuditFilter::default() }).await.unwrap();
    assert_eq!((page[0].actor_id, page[0].actor.as_str()), (Some(house.ada), "ada"));
    assert_eq!(page[0].address.as_deref(), Some("192.0.2.1"));
    assert_eq!(page[0].session_hash.as_ref().map(String::len), Some(64));
}

#[tokio::test]
async fn unknown_user_inactive_user_and_wrong_password_are_denied_alike() {
    let house = House::new().await;
    let wrong = house.tries("ada", "wrong").await.unwrap_err();
    let unknown = house.tries("bob", PASSWORD).await.unwrap_err();
    let nobody = house.tries("\0", PASSWORD).await.unwrap_err();
    let endless = house.tries(&"a".repeat(10_000), PASSWORD).await.unwrap_err();
    house.change(UserChange { is_active: Some(false), ..UserChange::default() }).await;
    let inactive = house.tries("ada", PASSWORD).await.unwrap_err();
    for error in [wrong, unknown, nobody, endless, inactive] {
        assert!(matches!(error, LoginError::Denied));
        assert_eq!(error.to_string(), "wrong user name or password");
    }
}

/// Processor time of this test, which has a process of its own: however busy the machine is, work is
/// work. `fleetwire-bench logins` measures how long an answer takes.
fn worked() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap()
}

#[tokio::test]
async fn an_unknown_user_takes_as_much_work_as_a_wrong_password() {
    let free = Limits { account_free: 1000, ..Limits::default() };
    let house = House::with(Settings { limits: free, ..settings() }).await;
    let mut work = [const { Vec::new() }; 2];
    for round in 0..30 {
        let address = format!("192.0.2.{round}");
        let from = Origin { address, request_id: None, trace_id: None };
        for (username, work) in ["ada", "bob"].into_iter().zip(&mut work) {
            let before = worked();
            house.auth.login(username, "wrong".into(), &from).await.unwrap_err();
            work.push(worked().saturating_sub(before));
        }
    }
    let [known, unknown] = work.map(|mut work| {
        work.sort();
        work[work.len() / 2].as_secs_f64()
    });
    // A hash that was left out, or made with other parameters, is a factor and no percentage.
    assert!((0.5..2.0).contains(&(unknown / known)), "{known} s and {unknown} s");
}

#[tokio::test]
async fn guessing_is_throttled_but_not_for_the_victim_elsewhere() {
    let house = House::new().await;
    for _ in 0..5 {
        assert!(matches!(house.tries("ada", "wrong").await, Err(LoginError::Denied)));
    }
    let error = house.tries("ada", PASSWORD).await.unwrap_err();
    let LoginError::Throttled { retry_after } = error else { panic!("{error}") };
    assert!(retry_after <= Duration::from_secs(1));
    house.auth.login("ada", PASSWORD.into(), &elsewhere()).await.unwrap();
}

#[tokio::test]
async fn a_password_under_old_parameters_is_hashed_again_at_login() {
    use argon2::password_hash::PasswordHasher;
    let house = House::new().await;
    let cheap = argon2::Params::new(8192, 1, 1, None).unwrap();
    let dated = argon2::Argon2::from(cheap).hash_password(PASSWORD.as_bytes()).unwrap();
    let password_hash = Some(dated.to_string());
    house.change(UserChange { password_hash, ..UserChange::default() }).await;
    house.tries("ada", "wrong").await.unwrap_err();
    assert_eq!(house.user().await.password_hash, dated.to_string());
    let tokens = house.login().await;
    assert!(house.user().await.password_hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    house.verify(&tokens.access_token).await.unwrap();
    house.login().await;
}

#[tokio::test]
async fn a_refresh_token_works_once_and_gives_the_next() {
    let house = House::new().await;
    let first = house.login().await;
    let second = house.refresh(&first.refresh_token).await.unwrap();
    let third = house.refresh(&second.refresh_token).await.unwrap();
    for tokens in [&first, &second, &third] {
        house.verify(&tokens.access_token).await.unwrap();
    }
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_session() {
    let house = House::new().await;
    let first = house.login().await;
    let second = house.refresh(&first.refresh_token).await.unwrap();
    let pass = house.verify(&second.access_token).await.unwrap();

    assert!(matches!(house.refresh(&first.refresh_token).await, Err(RefreshError::Denied)));
    pass.session.changed().await;
    assert!(house.auth.recheck(&pass.session).await.unwrap().is_none());
    assert!(matches!(house.verify(&second.access_token).await, Err(VerifyError::Revoked)));
    assert!(matches!(house.refresh(&second.refresh_token).await, Err(RefreshError::Denied)));
    assert_eq!(house.actions().await.last().unwrap(), "authn_token_reuse");
}

#[tokio::test]
async fn an_idle_session_cannot_be_refreshed() {
    let house = House::with(Settings { refresh_idle: Duration::ZERO, ..settings() }).await;
    let tokens = house.login().await;
    assert!(matches!(house.refresh(&tokens.refresh_token).await, Err(RefreshError::Denied)));
}

#[tokio::test]
async fn no_token_outlives_its_session() {
    let session_life = Duration::from_secs(90);
    let house = House::with(Settings { session_life, ..settings() }).await;
    let tokens = house.login().await;
    assert!(tokens.expires_in <= session_life);
    let pass = house.verify(&tokens.access_token).await.unwrap();
    let left = Duration::try_from(pass.expires_at.duration_since(clock::now())).unwrap();
    assert!(left <= session_life);

    let over = House::with(Settings { session_life: Duration::ZERO, ..settings() }).await;
    assert!(matches!(over.tries("ada", PASSWORD).await, Err(LoginError::Denied)));
}

#[tokio::test]
async fn logout_ends_the_token_and_tells_the_sockets_at_once() {
    let house = House::new().await;
    let tokens = house.login().await;
    let pass = house.verify(&tokens.access_token).await.unwrap();
    house.auth.logout(&pass.session, &home()).await.unwrap();

    pass.session.changed().await;
    assert!(house.auth.recheck(&pass.session).await.unwrap().is_none());
    assert!(matches!(house.verify(&tokens.access_token).await, Err(VerifyError::Revoked)));
    assert!(matches!(house.refresh(&tokens.refresh_token).await, Err(RefreshError::Denied)));
    assert_eq!(house.actions().await.last().unwrap(), "session_logout");
}

#[tokio::test]
async fn logout_leaves_other_sessions_of_the_user_alone() {
    let house = House::new().await;
    let (one, other) = (house.login().await, house.login().await);
    let pass = house.verify(&one.access_token).await.unwrap();
    house.auth.logout(&pass.session, &home()).await.unwrap();
    house.verify(&other.access_token).await.unwrap();
}

#[tokio::test]
async fn a_user_disabled_by_another_process_is_cut_off() {
    let house = House::new().await;
    let tokens = house.login().await;
    let pass = house.verify(&tokens.access_token).await.unwrap();
    let disable = UserChange { is_active: Some(false), ..UserChange::default() };
    house.learns(&pass.session, house.change(disable)).await;
    assert!(house.auth.recheck(&pass.session).await.unwrap().is_none());
    assert!(matches!(house.verify(&tokens.access_token).await, Err(VerifyError::Revoked)));
    assert!(matches!(house.refresh(&tokens.refresh_token).await, Err(RefreshError::Denied)));
}

#[tokio::test]
async fn a_logout_on_another_node_reaches_this_one() {
    let house = House::new().await;
    let other = Auth::open(house.store.clone(), [1; 32].into(), settings()).await.unwrap();
    let tokens = house.login().await;
    let here = house.verify(&tokens.access_token).await.unwrap();
    let there = other.verify(tokens.access_token.expose_secret()).await.unwrap();
    let logout = async { other.logout(&there.session, &home()).await.unwrap() };
    house.learns(&here.session, logout).await;
    assert!(house.auth.recheck(&here.session).await.unwrap().is_none());
}

#[tokio::test]
async fn a_changed_role_and_a_new_grant_reach_the_open_session() {
    let house = House::new().await;
    let tokens = house.login().await;
    let engineer = house.verify(&tokens.access_token).await.unwrap().session;
    let promote = UserChange { role: Some(Role::Admin), ..UserChange::default() };
    house.learns(&engineer, house.change(promote)).await;
    let admin = house.auth.recheck(&engineer).await.unwrap().unwrap();
    assert_eq!((engineer.role(), admin.role()), (Role::Engineer, Role::Admin));
    assert_eq!((engineer.sight().granted_to, admin.sight().granted_to), (Some(house.ada), None));
    assert!(admin.sees(FleetId::new(), clock::now()));
}

#[tokio::test]
async fn a_ticket_opens_once_what_it_was_made_for() {
    let house = House::new().await;
    let tokens = house.login().await;
    let session = house.verify(&tokens.access_token).await.unwrap().session;
    let command = Some(CommandId::new());
    let bound = house.auth.issue_ticket(&session, command).await.unwrap();
    let free = house.auth.issue_ticket(&session, None).await.unwrap();
    assert_eq!(bound.expires_in, Duration::from_secs(30));

    let redeem =
        async |ticket: &Ticket| house.auth.redeem_ticket(ticket.ticket.expose_secret()).await;
    let (pass, opened) = redeem(&bound).await.unwrap();
    assert_eq!((pass.session.user_id(), opened), (house.ada, command));
    assert_eq!(redeem(&free).await.unwrap().1, None);
    assert!(matches!(redeem(&bound).await, Err(VerifyError::Invalid)));
}

#[tokio::test]
async fn a_ticket_ends_with_its_time_and_with_its_session() {
    let house = House::with(Settings { ticket_life: Duration::ZERO, ..settings() }).await;
    let tokens = house.login().await;
    let session = house.verify(&tokens.access_token).await.unwrap().session;
    let old = house.auth.issue_ticket(&session, None).await.unwrap();
    let redeemed = house.auth.redeem_ticket(old.ticket.expose_secret()).await;
    assert!(matches!(redeemed, Err(VerifyError::Invalid)));

    let house = House::new().await;
    let tokens = house.login().await;
    let session = house.verify(&tokens.access_token).await.unwrap().session;
    let ticket = house.auth.issue_ticket(&session, None).await.unwrap();
    house.auth.logout(&session, &home()).await.unwrap();
    let redeemed = house.auth.redeem_ticket(ticket.ticket.expose_secret()).await;
    assert!(matches!(redeemed, Err(VerifyError::Revoked)));
}

#[tokio::test]
async fn access_token_refresh_token_and_ticket_do_not_stand_for_each_other() {
    let house = House::new().await;
    let tokens = house.login().await;
    let session = house.verify(&tokens.access_token).await.unwrap().session;
    let ticket = house.auth.issue_ticket(&session, None).await.unwrap().ticket;
    let (access, refresh) = (&tokens.access_token, &tokens.refresh_token);

    for other in [refresh, &ticket] {
        assert!(matches!(house.verify(other).await, Err(VerifyError::WrongKind)));
    }
    for other in [access, refresh] {
        let redeemed = house.auth.redeem_ticket(other.expose_secret()).await;
        assert!(matches!(redeemed, Err(VerifyError::WrongKind)));
    }
    for other in [access, &ticket] {
        assert!(matches!(house.refresh(other).await, Err(RefreshError::Denied)));
    }
    // Nothing was used up by the attempts.
    house.auth.redeem_ticket(ticket.expose_secret()).await.unwrap();
    house.refresh(refresh).await.unwrap();
}

#[tokio::test]
async fn no_token_and_nonsense_are_told_apart_in_the_reason() {
    let house = House::new().await;
    let reason = async |token| house.auth.verify(token).await.unwrap_err().reason();
    assert_eq!(reason("").await, "token missing");
    assert_eq!(reason("nonsense").await, "token invalid");
    assert_eq!(reason("fwr_nonsense").await, "wrong kind of token");
    let ticket = async |ticket| house.auth.redeem_ticket(ticket).await.unwrap_err().reason();
    assert_eq!(ticket("").await, "token missing");
    assert_eq!(ticket("nonsense").await, "token invalid");
    assert_eq!(ticket("fwt_nonsense").await, "token invalid");
}

/// A token that somebody else made with the shared secret.
fn foreign(user_id: UserId) -> String {
    let now = clock::now().as_second();
    let claims = serde_json::json!({
        "iss": "fleetwire", "aud": "fleetwire", "typ": "access", "jti": "1",
        "sub": user_id, "iat": now, "nbf": now, "exp": now + 60,
    });
    let key = jsonwebtoken::EncodingKey::from_secret(b"0123456789abcdef0123456789abcdef");
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

#[tokio::test]
async fn a_foreign_token_without_a_session_stands_for_its_user() {
    let house = House::new().await;
    let token = foreign(house.ada);
    let pass = house.auth.verify(&token).await.unwrap();
    assert_eq!((pass.session.username(), pass.session.session_id()), ("ada", None));
    let ticket = house.auth.issue_ticket(&pass.session, None).await;
    assert!(matches!(ticket, Err(TicketError::NoSession)));
    house.auth.logout(&pass.session, &home()).await.unwrap();
    house.auth.verify(&token).await.unwrap();

    let disable = UserChange { is_active: Some(false), ..UserChange::default() };
    house.learns(&pass.session, house.change(disable)).await;
    assert!(matches!(house.auth.verify(&token).await, Err(VerifyError::Revoked)));
    let stranger = house.auth.verify(&foreign(UserId::new())).await;
    assert!(matches!(stranger, Err(VerifyError::Revoked)));
}

#[tokio::test]
async fn a_remembered_session_goes_on_without_the_store() {
    let house = House::new().await;
    let (tokens, other) = (house.login().await, house.login().await);
    house.verify(&tokens.access_token).await.unwrap();
    let node = Auth::open(house.store.clone(), [1; 32].into(), settings()).await.unwrap();
    node.verify(tokens.access_token.expose_secret()).await.unwrap();
    house.store.clone().close().await;
    node.verify(tokens.access_token.expose_secret()).await.unwrap();
    let unknown = node.verify(other.access_token.expose_secret()).await;
    assert!(matches!(unknown, Err(VerifyError::Store(_))));
}

#[tokio::test]
async fn following_ends_with_the_shutdown() {
    let house = House::new().await;
    let stop = CancellationToken::new();
    stop.cancel();
    house.auth.follow_changes(stop).await;
}

#[tokio::test]
async fn no_secret_is_shown_by_debug() {
    let house = House::new().await;
    let tokens = house.login().await;
    let shown = format!("{:?} {tokens:?} {:?}", house.auth, settings());
    for secret in [&tokens.access_token, &tokens.refresh_token] {
        assert!(!shown.contains(secret.expose_secret()));
    }
    assert!(!shown.contains("0123456789abcdef"));
}
